//! What is counted of the journal, and whether it can write at present.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use tokio::sync::Notify;

use crate::store::error::StoreError;

/// The counters of a journal.
#[derive(Default)]
pub(in crate::store) struct Tally {
    units: AtomicU64,
    commits: AtomicU64,
    failed: AtomicU64,
    failing: AtomicBool,
    has_failed: Notify,
}

/// How many there were since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Units of work that were committed.
    pub units: u64,
    /// Commits that they took.
    pub commits: u64,
    /// Transactions that could not be begun, carried out or committed.
    pub failed: u64,
}

impl Tally {
    /// So many units were committed together.
    pub(super) fn committed(&self, units: usize) {
        self.units.fetch_add(units as u64, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.failing.store(false, Ordering::Relaxed);
    }

    /// A transaction failed.
    pub(super) fn failed(&self, why: &StoreError) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        // Others are answers to one unit.
        if why.is_passing() && !matches!(why, StoreError::Conflict(_)) {
            self.failing.store(true, Ordering::Relaxed);
            self.has_failed.notify_one();
        }
    }

    /// Whether the last transaction failed for what the database lacks.
    pub(in crate::store) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Waits until a transaction fails. Meant for one task.
    pub(in crate::store) async fn has_failed(&self) {
        self.has_failed.notified().await;
    }

    pub(in crate::store) fn read(&self) -> Committed {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Committed { units: read(&self.units), commits: read(&self.commits), failed: read(&self.failed) }
    }
}
