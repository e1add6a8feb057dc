//! Reads each new change once, for all subscribers of its organization. No read waits for another organization's: one
//! without an answer holds up those who asked for it alone.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::domain::id::OrganizationId;
use crate::store::Store;
use crate::store::error::StoreError;

use super::Config;
use super::Heads;
use super::Topics;
use super::topic::Topic;

/// Changes of one read.
const READ: u64 = 500;
/// Organizations that are read at the same time.
const AT_ONCE: usize = 4;
/// A read that takes longer than this is not counted among those any more.
const SLOW: Duration = Duration::from_secs(1);

/// Follows the change log until `stop`: at once where a commit is heard of, and at every poll where none was.
pub(super) async fn follow(store: Store, topics: Topics, heads: Heads, config: Config, stop: CancellationToken) {
    let mut poll = tokio::time::interval(config.poll);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tail = Tail {
        store: store.clone(),
        topics,
        heads,
        seats: Arc::new(Semaphore::new(AT_ONCE)),
        reads: HashMap::new(),
        under_way: FuturesUnordered::new(),
        looking: false,
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            whose = store.committed() => whose.into_iter().for_each(|organization| tail.read(organization)),
            _ = poll.tick() => tail.look(),
            Some(ended) = tail.under_way.next() => tail.ended(ended),
        }
    }
}

/// What has come to its end.
enum Ended {
    /// The changes of an organization are read.
    Read(OrganizationId),
    /// These organizations have more changes than were read.
    Looked(Vec<OrganizationId>),
}

struct Tail {
    store: Store,
    topics: Topics,
    heads: Heads,
    seats: Arc<Semaphore>,
    /// The organizations that are being read, and whether more was committed meanwhile.
    reads: HashMap<OrganizationId, bool>,
    under_way: FuturesUnordered<BoxFuture<'static, Ended>>,
    looking: bool,
}

impl Tail {
    /// Reads what is new of an organization, once more when that is under way.
    fn read(&mut self, organization: OrganizationId) {
        let topic = self.topics.lock().unwrap_or_else(PoisonError::into_inner).get(&organization).cloned();
        let Some(topic) = topic else { return };
        if let Some(again) = self.reads.get_mut(&organization) {
            *again = true;
            return;
        }
        self.reads.insert(organization.clone(), false);
        let (store, seats) = (self.store.clone(), Arc::clone(&self.seats));
        self.under_way.push(Box::pin(async move {
            if let Err(failed) = seated(&seats, catch_up(&store, &organization, &topic)).await {
                error!(error = &failed as &dyn std::error::Error, "Reading the change log failed");
            }
            Ended::Read(organization)
        }));
    }

    /// Asks how far the logs of all that are listened to reach.
    fn look(&mut self) {
        let listened_to = listened_to(&self.topics);
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
                        topics.get(organization).is_some_and(|topic| topic.reaches(*head))
                    });
                    Ended::Looked(behind.map(|(organization, _)| organization).collect())
                }
                Err(failed) => {
                    error!(
                        error = &failed as &dyn std::error::Error,
                        "Reading the latest change of each organization failed"
                    );
                    Ended::Looked(Vec::new())
                }
            }
        }));
    }

    fn ended(&mut self, ended: Ended) {
        match ended {
            Ended::Read(organization) => {
                if self.reads.remove(&organization) == Some(true) {
                    self.read(organization);
                }
            }
            Ended::Looked(behind) => {
                self.looking = false;
                for organization in behind {
                    self.read(organization);
                }
            }
        }
    }
}

/// Carries out a read among at most [`AT_ONCE`], which a slow one does not keep from the others.
async fn seated<T>(seats: &Semaphore, read: impl Future<Output = T>) -> T {
    let seat = seats.acquire().await;
    let mut read = pin!(read);
    if let Ok(done) = timeout(SLOW, &mut read).await {
        return done;
    }
    drop(seat);
    read.await
}

async fn catch_up(store: &Store, organization: &OrganizationId, topic: &Topic) -> Result<(), StoreError> {
    loop {
        let changes = store.changes(organization, topic.head(), READ).await?;
        let more = changes.len() as u64 == READ;
        topic.extend(changes);
        if !more {
            return Ok(());
        }
    }
}

/// The organizations somebody listens to; the others are forgotten.
fn listened_to(topics: &Topics) -> Vec<OrganizationId> {
    let mut topics = topics.lock().unwrap_or_else(PoisonError::into_inner);
    // A subscriber that is just being made holds the topic, though it does not watch yet.
    topics.retain(|_, topic| !topic.is_idle() || Arc::strong_count(topic) > 1);
    topics.keys().cloned().collect()
}
