//! Committed changes to listeners. One tail per node reads each new row of the change log once; a subscriber keeps no
//! queue, only its place, so a slow one costs what a fast one does.
//!
//! `tail` reads, `wake` hears of other nodes, `topic` holds the recent changes of one organization, `subscription` is one listener's way through
//! them and through the table behind, `one_chat` what it follows when that is a single chat.

mod one_chat;
mod subscription;
mod tail;
mod topic;
mod wake;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::change::Change;
use crate::domain::cursor::ChangeCursor;
use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;
use crate::store::Store;
use crate::store::error::StoreError;

pub use one_chat::OneChat;
pub use subscription::Subscription;
use topic::Topic;

/// How long it is believed how far the logs reach.
const KNOWN: Duration = Duration::from_secs(10);

/// Why a subscription cannot be had or go on.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The cursor's place in the log is gone, or of an earlier incarnation.
    #[error("the cursor has expired from the change log")]
    CursorExpired,
    /// The cursor's place is not reached yet: it cannot be ours.
    #[error("the cursor is ahead of the change log")]
    CursorAhead,
    /// The server is stopping.
    #[error("the server is stopping")]
    Closed,
    /// The database failed.
    #[error("the change log could not be read")]
    Store(#[from] StoreError),
}

/// What a subscriber gets.
#[derive(Debug, Clone)]
pub enum FeedEvent {
    /// One change, in order, each once, and the place behind it.
    Change(Arc<Change>, ChangeCursor),
    /// Nothing of interest up to here: at the start, and whenever nothing matched for a while.
    Checkpoint(ChangeCursor),
}

/// Which changes of an organization a subscriber wants; none means all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interest {
    /// Of one session.
    pub session: Option<SessionId>,
    /// Of one chat.
    pub chat: Option<OneChat>,
}

/// How the feed keeps time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// How long a subscriber hears nothing before it gets a checkpoint.
    pub checkpoint: Duration,
    /// How often the log is looked at when nobody says that there is more.
    pub poll: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { checkpoint: Duration::from_secs(25), poll: Duration::from_secs(1) }
    }
}

/// The changes of all organizations, as they are committed. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    store: Store,
    config: Config,
    topics: Topics,
    heads: Heads,
    stop: CancellationToken,
}

/// When the ends of the logs were last seen in the database.
#[derive(Clone, Default)]
struct Heads(Arc<Mutex<Option<Instant>>>);

impl Heads {
    fn were_seen(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn are_known(&self) -> bool {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_some_and(|seen| seen.elapsed() < KNOWN)
    }
}

type Topics = Arc<Mutex<HashMap<OrganizationId, Arc<Topic>>>>;

impl Feed {
    /// Makes the feed and starts its tail, which ends when `stop` is cancelled.
    #[must_use]
    pub fn start(store: Store, config: Config, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let feed = Self { store, config, topics: Topics::default(), heads: Heads::default(), stop };
        let (topics, heads) = (Arc::clone(&feed.topics), feed.heads.clone());
        tasks.spawn(tail::follow(feed.store.clone(), topics, heads, config, feed.stop.clone()));
        tasks.spawn(wake::exchange(feed.store.clone(), feed.stop.clone()));
        feed
    }

    /// Listens to an organization's changes after `after`, or from now on.
    ///
    /// # Errors
    /// [`FeedError`].
    pub async fn subscribe(
        &self,
        organization: &OrganizationId,
        interest: Interest,
        after: Option<ChangeCursor>,
    ) -> Result<Subscription, FeedError> {
        // First the tail, then the place: what is committed from here on wakes this subscriber.
        let head = self.store.log_head(organization).await?;
        let topic = self.topic(organization, head.number);
        let after = match after {
            None => head,
            Some(cursor) => self.check(organization, cursor).await?,
        };
        Ok(Subscription::new(self.clone(), organization.clone(), interest, topic, after))
    }

    /// How many changes the last of all subscribers is behind the end of its organization's log in the database; none
    /// while the database does not tell.
    #[must_use]
    pub fn lag(&self) -> Option<i64> {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let lag = topics.values().map(|topic| topic.lag()).max();
        lag.map_or(Some(0), |lag| self.heads.are_known().then_some(lag))
    }

    async fn check(&self, organization: &OrganizationId, cursor: ChangeCursor) -> Result<ChangeCursor, FeedError> {
        let head = self.store.log_head(organization).await?;
        if cursor.incarnation != head.incarnation {
            return Err(FeedError::CursorExpired);
        }
        if cursor.number > head.number || cursor.number < 0 {
            return Err(FeedError::CursorAhead);
        }
        let oldest = self.store.oldest_change(organization).await?.unwrap_or(head.number + 1);
        if cursor.number + 1 < oldest { Err(FeedError::CursorExpired) } else { Ok(cursor) }
    }

    fn topic(&self, organization: &OrganizationId, head: i64) -> Arc<Topic> {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(topics.entry(organization.clone()).or_insert_with(|| Arc::new(Topic::new(head))))
    }
}

#[cfg(test)]
mod tests;
