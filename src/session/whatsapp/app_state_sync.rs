//! App-state collections, which hold settings and contacts, and fetching them incrementally or from the start.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::mpsc, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, warn};
use whatsapp_rust::{Client, sync_task::MajorSyncTask, wacore::appstate::patch_decode::WAPatchName};

use super::{
    backend::{SessionBackend, full_sync},
    event_queue::login,
};

/// All collections. Those of the chats come last, because names should be known before their chats change.
pub(super) const COLLECTIONS: [WAPatchName; 5] = [
    WAPatchName::CriticalBlock,
    WAPatchName::CriticalUnblockLow,
    WAPatchName::Regular,
    WAPatchName::RegularHigh,
    WAPatchName::RegularLow,
];

/// Attempts of a fetch that ran at the same time as another one of the collection, so that its result is unclear.
const MAX_REPEATS: u32 = 3;

/// Result of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FetchOutcome {
    /// All was read, and is consistent.
    Read,
    /// It exceeded its time limit and continues on its own.
    TimedOut,
    /// The connection was lost.
    Gone,
    /// It could not be read, or is inconsistent with earlier state.
    Unreadable,
    /// The phone has not sent the encryption key yet.
    KeyMissing,
}

/// Suspected inconsistency of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SyncSuspicion {
    /// It may be inconsistent; a fetch will show it.
    MacMismatch(WAPatchName),
    /// A patch on top of it was rejected, which a fetch does not show.
    Refused(WAPatchName),
}

/// Fetcher of app-state collections.
#[derive(Clone)]
pub(super) struct AppStateSync {
    pub(super) client: Arc<Client>,
    pub(super) memory: Arc<SessionBackend>,
    pub(super) tasks: TaskTracker,
    pub(super) cut: CancellationToken,
    /// Time limit of one fetch.
    pub(super) limit: Duration,
    /// Collections that cannot be read at the moment.
    pub(super) troubled: Arc<Mutex<BTreeSet<&'static str>>>,
    /// Reports to the recovery of collections.
    pub(super) doubts: mpsc::Sender<SyncSuspicion>,
}

impl AppStateSync {
    /// Fetches the changes of a collection, which has reached version `moved_to`. The library does not do so on a
    /// reconnect: it relies on notifications, which may have been lost with the previous connection.
    pub(super) async fn fetch(&self, name: WAPatchName, moved_to: u64) -> FetchOutcome {
        let outcome = self.run(name, false).await;
        self.as_far_as(moved_to, name, outcome)
    }

    /// Fetches a collection, which has reached version `moved_to`, from the start: each of its current settings is
    /// delivered again. A fetch that exceeds the time limit still starts over as soon as possible.
    pub(super) async fn full_sync(&self, name: WAPatchName, moved_to: u64) -> FetchOutcome {
        let outcome = self.run(name, true).await;
        self.as_far_as(moved_to, name, outcome)
    }

    /// Returns the version up to which a collection was read.
    pub(super) async fn read_to(&self, name: WAPatchName) -> u64 {
        self.memory.read_to(name.as_str()).await.unwrap_or_default()
    }

    /// If WhatsApp refuses to send a collection, the library reports it as unchanged.
    fn as_far_as(&self, moved_to: u64, name: WAPatchName, outcome: FetchOutcome) -> FetchOutcome {
        let is_short = outcome == FetchOutcome::Read && self.memory.reading(name.as_str()).read_to < moved_to;
        if is_short { FetchOutcome::Unreadable } else { outcome }
    }

    /// Reports a doubt to the recovery, unless it is busy with one already.
    pub(super) fn report_suspicion(&self, doubt: SyncSuspicion) {
        let _ = self.doubts.try_send(doubt);
    }

    /// Returns whether a collection cannot be read at the moment or is inconsistent, so that a patch would be rejected.
    pub(super) fn is_failing(&self, name: WAPatchName) -> bool {
        if self.failing().contains(name.as_str()) {
            return true;
        }
        let adds_up = self.memory.reading(name.as_str()).adds_up;
        if !adds_up {
            self.report_suspicion(SyncSuspicion::MacMismatch(name));
        }
        !adds_up
    }

    /// Records whether the collection can be read.
    pub(super) fn set_failing(&self, name: WAPatchName, is_in_trouble: bool) {
        let mut troubled = self.failing();
        if is_in_trouble {
            troubled.insert(name.as_str());
        } else {
            troubled.remove(name.as_str());
        }
    }

    fn failing(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        // Recovers from poisoning: the set of names is never left in a partial state.
        self.troubled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a fetch. After the time limit it continues on its own: cancelling between two of its writes would leave an
    /// inconsistent collection.
    async fn run(&self, name: WAPatchName, full_sync: bool) -> FetchOutcome {
        let began = login(&self.client);
        for repeat in 0..MAX_REPEATS {
            self.memory.take_missing_key();
            let before = self.memory.reading(name.as_str());
            let client = Arc::clone(&self.client);
            let syncing = async move {
                client.process_sync_task(MajorSyncTask::AppStateSync { name, full_sync }).await;
            };
            let syncing = full_sync::scope(full_sync && repeat == 0, syncing);
            let syncing = self.cut.clone().run_until_cancelled_owned(syncing).in_current_span();
            if timeout(self.limit, self.tasks.spawn(syncing)).await.is_err() {
                warn!(collection = name.as_str(), "Fetching an app-state collection timed out");
                // The library waits for a missing key, and for its own fetches that do.
                return if self.memory.take_missing_key() { FetchOutcome::KeyMissing } else { FetchOutcome::TimedOut };
            }
            let after = self.memory.reading(name.as_str());
            if after.through == before.through {
                // The library only logs whether the fetch succeeded.
                return match login(&self.client) {
                    here if here.is_none() || here != began => FetchOutcome::Gone,
                    _ if self.memory.take_missing_key() => FetchOutcome::KeyMissing,
                    _ => FetchOutcome::Unreadable,
                };
            }
            if !after.is_open {
                return if after.adds_up { FetchOutcome::Read } else { FetchOutcome::Unreadable };
            }
        }
        // A concurrent fetch is in progress, and is followed by its own check.
        FetchOutcome::Read
    }
}
