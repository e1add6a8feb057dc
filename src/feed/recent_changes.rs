//! The recent changes of one organization.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
};

use tokio::sync::watch;

use crate::domain::change::Change;

/// Changes kept for subscribers that keep up; slower ones read the table.
const RING_CAPACITY: usize = 1024;

/// One organization's newest changes, without gaps, and the number of the last one. Only the tail adds to it.
pub(super) struct RecentChanges {
    ring: Mutex<VecDeque<Arc<Change>>>,
    head: watch::Sender<i64>,
    /// Number of the last change in the database, as last read.
    end: AtomicI64,
    places: Mutex<Vec<Weak<AtomicI64>>>,
}

impl RecentChanges {
    /// Creates a topic whose changes up to `head` are only in the table.
    pub(super) fn new(head: i64) -> Self {
        let (ring, places) = (Mutex::default(), Mutex::default());
        Self { ring, head: watch::Sender::new(head), end: AtomicI64::new(head), places }
    }

    /// Returns the number of the last change.
    pub(super) fn head(&self) -> i64 {
        *self.head.borrow()
    }

    /// Returns a receiver that is notified when the head moves.
    pub(super) fn watch(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }

    /// Registers a subscriber's position, which the subscriber updates; dropped with it.
    pub(super) fn register(&self, number: i64) -> Arc<AtomicI64> {
        let place = Arc::new(AtomicI64::new(number));
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|place| place.strong_count() > 0);
        places.push(Arc::downgrade(&place));
        place
    }

    /// Records the number of the last change in the database; returns whether there are unread changes.
    pub(super) fn advance_to(&self, number: i64) -> bool {
        self.end.store(number, Ordering::Relaxed);
        number > self.head()
    }

    /// Returns the lag of the slowest subscriber, in changes.
    pub(super) fn lag(&self) -> i64 {
        let head = self.head().max(self.end.load(Ordering::Relaxed));
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let last = places.iter().filter_map(Weak::upgrade).map(|place| place.load(Ordering::Relaxed)).min();
        last.map_or(0, |last| (head - last).max(0))
    }

    /// Returns whether there is no subscriber.
    pub(super) fn is_idle(&self) -> bool {
        self.head.receiver_count() == 0
    }

    /// Adds the changes that follow the head.
    pub(super) fn extend(&self, changes: impl IntoIterator<Item = Change>) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.extend(changes.into_iter().map(Arc::new));
        let surplus = ring.len().saturating_sub(RING_CAPACITY);
        ring.drain(..surplus);
        let Some(last) = ring.back().map(|change| change.number) else { return };
        drop(ring);
        self.head.send_replace(last);
    }

    /// Returns the change with this number if it is still in the ring.
    pub(super) fn get(&self, number: i64) -> Option<Arc<Change>> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let first = ring.front()?.number;
        let place = usize::try_from(number.checked_sub(first)?).ok()?;
        ring.get(place).cloned()
    }
}
