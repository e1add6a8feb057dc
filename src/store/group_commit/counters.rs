//! Counters of the group commit, and whether writes fail at the moment.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::store::error::StoreError;

/// The counters of the group commit.
#[derive(Default)]
pub(in crate::store) struct CommitCounters {
    units: AtomicU64,
    commits: AtomicU64,
    failed: AtomicU64,
    failing: AtomicBool,
    has_failed: Notify,
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Committed units of work.
    pub units: u64,
    /// Commits.
    pub commits: u64,
    /// Transactions that could not be begun, run or committed.
    pub failed: u64,
}

impl CommitCounters {
    /// Counts a commit of this number of units.
    pub(super) fn committed(&self, units: usize) {
        self.units.fetch_add(units as u64, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.failing.store(false, Ordering::Relaxed);
    }

    /// Counts a failed transaction.
    pub(super) fn failed(&self, why: &StoreError) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        // Other errors concern a single unit.
        if why.is_passing() && !matches!(why, StoreError::Conflict(_)) {
            self.failing.store(true, Ordering::Relaxed);
            self.has_failed.notify_one();
        }
    }

    /// Returns whether the last transaction failed because of the database's state.
    pub(in crate::store) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Waits until a transaction fails. For one task only.
    pub(in crate::store) async fn has_failed(&self) {
        self.has_failed.notified().await;
    }

    pub(in crate::store) fn read(&self) -> Committed {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Committed { units: read(&self.units), commits: read(&self.commits), failed: read(&self.failed) }
    }
}
