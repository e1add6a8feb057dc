//! Delivery of committed changes to subscribers. One tail per node reads each new row of the change log once. A
//! subscriber has no queue, only a position, so a slow one costs no more than a fast one.
//!
//! `tail` reads the log. `recent_changes` holds the recent changes of one organization, and `topics` those of all.
//! `subscription` is one subscriber's position in them and in the table. `chat_filter` matches the changes of a single
//! chat.

mod chat_filter;
mod recent_changes;
mod subscription;
mod tail;
mod topics;

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    domain::{
        change::Change,
        cursor::ChangeCursor,
        id::{OrganizationId, SessionId},
    },
    store::{Store, error::StoreError},
};
use recent_changes::RecentChanges;
use topics::{Heads, Topics};

pub use chat_filter::FollowedChat;
pub use subscription::{ReportedPosition, Subscription};

/// Reason why a subscription fails or ends.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The cursor's change has been removed from the log, or belongs to an earlier incarnation.
    #[error("the cursor has expired from the change log")]
    CursorExpired,
    /// The log has not reached the cursor, so this server did not issue it.
    #[error("the cursor is ahead of the change log")]
    CursorAhead,
    /// The server is stopping.
    #[error("the server is stopping")]
    Closed,
    /// The database failed.
    #[error("the change log could not be read")]
    Store(#[from] StoreError),
}

/// An event of a subscription.
#[derive(Debug, Clone)]
pub enum FeedEvent {
    /// One change, in order and exactly once, and the cursor after it.
    Change(Arc<Change>, ChangeCursor),
    /// No matching change up to this cursor. Sent at the start, and whenever nothing matched for a while.
    Checkpoint(ChangeCursor),
}

/// Filter for an organization's changes; an empty filter matches all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscriptionFilter {
    /// Changes of one session.
    pub session: Option<SessionId>,
    /// Changes of one chat.
    pub chat: Option<FollowedChat>,
}

/// Intervals of the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Time without an event after which a subscriber receives a checkpoint.
    pub checkpoint: Duration,
    /// Interval at which the log is polled if no commit is reported.
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

impl Feed {
    /// Makes the feed and starts its tail, which ends when `stop` is cancelled.
    #[must_use]
    pub fn start(store: Store, config: Config, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let feed = Self { store, config, topics: Topics::default(), heads: Heads::default(), stop };
        let (topics, heads) = (Arc::clone(&feed.topics), feed.heads.clone());
        tasks.spawn(tail::follow(feed.store.clone(), topics, heads, config.poll, feed.stop.clone()));
        let (store, stop) = (feed.store.clone(), feed.stop.clone());
        // Notifications between processes arrive before the next poll.
        tasks.spawn(async move { stop.run_until_cancelled(store.share_commits()).await });
        feed
    }

    /// Subscribes to an organization's changes after `after`, or from now on.
    ///
    /// # Errors
    /// [`FeedError`].
    pub async fn subscribe(
        &self,
        organization: &OrganizationId,
        interest: SubscriptionFilter,
        after: Option<ChangeCursor>,
    ) -> Result<Subscription, FeedError> {
        // Read the head before creating the topic: every commit from here on wakes this subscriber.
        let head = self.store.log_head(organization).await?;
        let topic = self.topic(organization, head.number);
        let after = match after {
            None => head,
            Some(cursor) => self.check(organization, cursor).await?,
        };
        Ok(Subscription::new(self.clone(), organization.clone(), interest, topic, after))
    }

    /// Registers the position of a subscriber that receives its events from another subscription.
    #[must_use]
    pub fn report_position(&self, organization: &OrganizationId, after: ChangeCursor) -> ReportedPosition {
        ReportedPosition::new(&self.topic(organization, after.number), after.number)
    }

    /// Returns the number of an organization's changes after a position, as far as they have been read.
    #[must_use]
    pub fn changes_after(&self, organization: &OrganizationId, after: ChangeCursor) -> i64 {
        self.topic(organization, after.number).head() - after.number
    }

    /// Lag of the slowest subscriber, in changes behind its organization's last change in the database. `None` if the
    /// database has not answered recently.
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

    fn topic(&self, organization: &OrganizationId, head: i64) -> Arc<RecentChanges> {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(topics.entry(organization.clone()).or_insert_with(|| Arc::new(RecentChanges::new(head))))
    }
}

#[cfg(test)]
mod tests;
