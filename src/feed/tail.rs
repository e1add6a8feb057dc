//! Reader of new changes: reads each once for all subscribers of its organization. A read that hangs delays only the
//! subscribers of its own organization.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{
    recent_changes::RecentChanges,
    topics::{Heads, Topics},
};
use crate::{
    domain::id::OrganizationId,
    store::{Store, error::StoreError},
};

/// Changes per read.
const READ_BATCH: u64 = 500;
/// Concurrent reads.
const MAX_CONCURRENT_READS: usize = 4;
/// A read that takes longer releases its permit.
const SLOW_READ: Duration = Duration::from_secs(1);

/// Follows the change log until `stop`: at once after a reported commit, and at every poll.
pub(super) async fn follow(store: Store, topics: Topics, heads: Heads, poll: Duration, stop: CancellationToken) {
    let mut poll = tokio::time::interval(poll);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tail = Tail {
        store: store.clone(),
        topics,
        heads,
        permits: Arc::new(Semaphore::new(MAX_CONCURRENT_READS)),
        reads: HashMap::new(),
        under_way: FuturesUnordered::new(),
        looking: false,
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            whose = store.committed() => whose.into_iter().for_each(|organization| tail.read(organization)),
            _ = poll.tick() => tail.read_heads(),
            Some(ended) = tail.under_way.next() => tail.finish(ended),
        }
    }
}

/// Result of a finished read.
enum ReadResult {
    /// The changes of an organization were read.
    Read(OrganizationId),
    /// The ends of the logs were read; these organizations have unread changes.
    Heads(Vec<OrganizationId>),
}

struct Tail {
    store: Store,
    topics: Topics,
    heads: Heads,
    permits: Arc<Semaphore>,
    /// Organizations with a read in progress, and whether more was committed meanwhile.
    reads: HashMap<OrganizationId, bool>,
    under_way: FuturesUnordered<BoxFuture<'static, ReadResult>>,
    looking: bool,
}

impl Tail {
    /// Reads an organization's new changes, or repeats the read that is in progress.
    fn read(&mut self, organization: OrganizationId) {
        let topic = self.topics.lock().unwrap_or_else(PoisonError::into_inner).get(&organization).cloned();
        let Some(topic) = topic else { return };
        if let Some(again) = self.reads.get_mut(&organization) {
            *again = true;
            return;
        }
        self.reads.insert(organization.clone(), false);
        let (store, permits) = (self.store.clone(), Arc::clone(&self.permits));
        self.under_way.push(Box::pin(async move {
            if let Err(failed) = with_permit(&permits, catch_up(&store, &organization, &topic)).await {
                error!(error = &failed as &dyn std::error::Error, "Reading the change log failed");
            }
            ReadResult::Read(organization)
        }));
    }

    /// Reads the ends of the logs of all organizations with subscribers.
    fn read_heads(&mut self) {
        let listened_to = subscribed_organizations(&self.topics);
        if self.looking {
            return;
        }
        self.looking = true;
        let (store, topics, heads) = (self.store.clone(), Arc::clone(&self.topics), self.heads.clone());
        self.under_way.push(Box::pin(async move {
            match store.log_heads(&listened_to).await {
                Ok(found) => {
                    heads.were_seen();
                    let topics = topics.lock().unwrap_or_else(PoisonError::into_inner);
                    let behind = found.into_iter().filter(|(organization, head)| {
                        topics.get(organization).is_some_and(|topic| topic.advance_to(*head))
                    });
                    ReadResult::Heads(behind.map(|(organization, _)| organization).collect())
                }
                Err(failed) => {
                    error!(
                        error = &failed as &dyn std::error::Error,
                        "Reading the latest change of each organization failed"
                    );
                    ReadResult::Heads(Vec::new())
                }
            }
        }));
    }

    fn finish(&mut self, ended: ReadResult) {
        match ended {
            ReadResult::Read(organization) => {
                if self.reads.remove(&organization) == Some(true) {
                    self.read(organization);
                }
            }
            ReadResult::Heads(behind) => {
                self.looking = false;
                for organization in behind {
                    self.read(organization);
                }
            }
        }
    }
}

/// Runs a read under one of [`MAX_CONCURRENT_READS`] permits; a slow read releases its permit for the others.
async fn with_permit<T>(permits: &Semaphore, read: impl Future<Output = T>) -> T {
    let permit = permits.acquire().await;
    let mut read = pin!(read);
    if let Ok(done) = timeout(SLOW_READ, &mut read).await {
        return done;
    }
    drop(permit);
    read.await
}

async fn catch_up(store: &Store, organization: &OrganizationId, topic: &RecentChanges) -> Result<(), StoreError> {
    loop {
        let changes = store.changes(organization, topic.head(), READ_BATCH).await?;
        let more = changes.len() as u64 == READ_BATCH;
        topic.extend(changes);
        if !more {
            return Ok(());
        }
    }
}

/// Returns the organizations with subscribers and drops the topics of the others.
fn subscribed_organizations(topics: &Topics) -> Vec<OrganizationId> {
    let mut topics = topics.lock().unwrap_or_else(PoisonError::into_inner);
    // A subscriber that is being created holds the topic, although it does not watch it yet.
    topics.retain(|_, topic| !topic.is_idle() || Arc::strong_count(topic) > 1);
    topics.keys().cloned().collect()
}
