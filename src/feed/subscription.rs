//! One subscriber's position in the change log.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use tokio::{sync::watch, time::Instant};

use super::{Feed, FeedError, FeedEvent, SubscriptionFilter, recent_changes::RecentChanges};
use crate::domain::{change::Change, cursor::ChangeCursor, id::OrganizationId};

/// Changes per read for a subscriber that has fallen behind the ring.
const READ_BATCH: u64 = 200;

/// One subscriber's position in its organization's changes.
pub struct Subscription {
    feed: Feed,
    organization: OrganizationId,
    interest: SubscriptionFilter,
    topic: Arc<RecentChanges>,
    head: watch::Receiver<i64>,
    place: ChangeCursor,
    /// The position as reported to the feed.
    delivered: Arc<AtomicI64>,
    behind: VecDeque<Arc<Change>>,
    started: bool,
}

/// The position of a subscriber that receives its events from another subscription, for [`Feed::lag`]. Dropped with the
/// subscriber.
pub struct ReportedPosition(Arc<AtomicI64>);

impl ReportedPosition {
    pub(super) fn new(topic: &RecentChanges, number: i64) -> Self {
        Self(topic.register(number))
    }

    /// Reports that all changes up to `number` were delivered.
    pub fn set(&self, number: i64) {
        self.0.store(number, Ordering::Relaxed);
    }
}

impl Subscription {
    pub(super) fn new(
        feed: Feed,
        organization: OrganizationId,
        interest: SubscriptionFilter,
        topic: Arc<RecentChanges>,
        after: ChangeCursor,
    ) -> Self {
        let (head, delivered) = (topic.watch(), topic.register(after.number));
        let behind = VecDeque::new();
        Self { feed, organization, interest, topic, head, place: after, delivered, behind, started: false }
    }

    /// Omits the checkpoint at the start: the subscriber knows its position.
    #[must_use]
    pub fn without_start(self) -> Self {
        Self { started: true, ..self }
    }

    /// Returns the next event; the first is a checkpoint with the starting position. Cancel-safe.
    ///
    /// # Errors
    /// [`FeedError`]; the subscription has ended then.
    pub async fn next(&mut self) -> Result<FeedEvent, FeedError> {
        if !self.started {
            self.started = true;
            return Ok(FeedEvent::Checkpoint(self.place));
        }
        let checkpoint = Instant::now() + self.feed.config.checkpoint;
        loop {
            // Many changes that do not match are silence to the subscriber, too.
            if Instant::now() >= checkpoint {
                return Ok(FeedEvent::Checkpoint(self.place));
            }
            if let Some(change) = self.follow().await? {
                let is_wanted = self.is_wanted(&change).await?;
                self.place.number = change.number;
                self.delivered.store(change.number, Ordering::Relaxed);
                if is_wanted {
                    return Ok(FeedEvent::Change(change, self.place));
                }
                continue;
            }
            tokio::select! {
                () = self.feed.stop.cancelled() => return Err(FeedError::Closed),
                () = tokio::time::sleep_until(checkpoint) => {}
                _ = self.head.changed() => {}
            }
        }
    }

    async fn is_wanted(&mut self, change: &Change) -> Result<bool, FeedError> {
        if self.interest.session.is_some_and(|session| session != change.session) {
            return Ok(false);
        }
        let Some(chat) = &mut self.interest.chat else { return Ok(true) };
        if chat.matches(change) {
            return Ok(true);
        }
        if !chat.may_match(change) {
            return Ok(false);
        }
        let mut addresses = self.feed.store.addresses(&self.organization, &[change.chat]).await?;
        Ok(chat.resolve(change.chat, &addresses.remove(&change.chat).unwrap_or_default()))
    }

    /// Returns the change after the current position, if there is one.
    async fn follow(&mut self) -> Result<Option<Arc<Change>>, FeedError> {
        let wanted = self.place.number + 1;
        if *self.head.borrow_and_update() < wanted {
            return Ok(None);
        }
        if self.behind.front().is_none_or(|change| change.number != wanted) {
            self.behind.clear();
            if let Some(recent) = self.topic.get(wanted) {
                return Ok(Some(recent));
            }
            let rows = self.feed.store.changes(&self.organization, self.place.number, READ_BATCH).await?;
            self.behind = rows.into_iter().map(Arc::new).collect();
        }
        // The log has no gaps: a missing number was trimmed before a slow subscriber read it.
        let next = self.behind.pop_front().filter(|change| change.number == wanted);
        next.map(Some).ok_or(FeedError::CursorExpired)
    }
}
