//! The collections in which WhatsApp keeps settings and contacts, and how they are fetched: on from where they were read,
//! or anew from their beginning.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use tracing::warn;
use whatsapp_rust::Client;
use whatsapp_rust::sync_task::MajorSyncTask;
use whatsapp_rust::wacore::appstate::patch_decode::WAPatchName;

use super::backend::Memory;
use super::inbox::login;

/// All of them, the ones of the chats last, since a name is better known before its chat changes.
pub(super) const COLLECTIONS: [WAPatchName; 5] = [
    WAPatchName::CriticalBlock,
    WAPatchName::CriticalUnblockLow,
    WAPatchName::Regular,
    WAPatchName::RegularHigh,
    WAPatchName::RegularLow,
];

/// So often a fetch is done over because others were at the same collection, and it is not clear whose what was.
const TURNS: u32 = 3;

/// What came of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All was read, and adds up.
    Read,
    /// It did not come in time, and is no longer waited for.
    Late,
    /// The connection was lost.
    Gone,
    /// It came, and could not be read, or does not fit what was read before.
    Unreadable,
    /// The key that it is sealed with has not come from the phone yet.
    KeyMissing,
}

/// What speaks against a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It may not add up: a fetch tells.
    MayNotAddUp(WAPatchName),
    /// What builds on it was refused, which no fetch tells of.
    Refused(WAPatchName),
}

/// Fetches collections of settings.
#[derive(Clone)]
pub(super) struct Collections {
    pub(super) client: Arc<Client>,
    pub(super) memory: Arc<Memory>,
    pub(super) tasks: TaskTracker,
    pub(super) cut: CancellationToken,
    /// How long one may take.
    pub(super) limit: Duration,
    /// Those that cannot be read for now.
    pub(super) troubled: Arc<Mutex<BTreeSet<&'static str>>>,
    /// To whoever sees to it that they can be.
    pub(super) doubts: mpsc::Sender<Doubt>,
}

impl Collections {
    /// Fetches what changed in a collection, which has moved as far as `moved_to`. The library does not do so by itself on
    /// a reconnect: it relies on being told, and that may have been lost with the connection before.
    pub(super) async fn fetch(&self, name: WAPatchName, moved_to: u64) -> Outcome {
        let outcome = self.run(name, false).await;
        self.as_far_as(moved_to, name, outcome)
    }

    /// Fetches a collection, which has moved as far as `moved_to`, from its beginning, as if nothing of it were known: each
    /// of its settings is told again, as it is now. One that does not come in time is still fetched so, as soon as that can
    /// be.
    pub(super) async fn fetch_anew(&self, name: WAPatchName, moved_to: u64) -> Outcome {
        self.memory.read_anew(name.as_str());
        let outcome = self.run(name, true).await;
        self.as_far_as(moved_to, name, outcome)
    }

    /// How far a collection was read.
    pub(super) async fn read_to(&self, name: WAPatchName) -> u64 {
        self.memory.read_to(name.as_str()).await.unwrap_or_default()
    }

    /// One that WhatsApp refuses to tell looks to the library as one without news.
    fn as_far_as(&self, moved_to: u64, name: WAPatchName, outcome: Outcome) -> Outcome {
        let is_short = outcome == Outcome::Read && self.memory.reading(name.as_str()).read_to < moved_to;
        if is_short { Outcome::Unreadable } else { outcome }
    }

    /// Something speaks against a collection: whoever reads them all sees to it, or does so already.
    pub(super) fn doubt(&self, doubt: Doubt) {
        let _ = self.doubts.try_send(doubt);
    }

    /// Whether a collection cannot be read for now, or does not add up: what is built on it would be refused.
    pub(super) fn is_in_trouble(&self, name: WAPatchName) -> bool {
        if self.troubled().contains(name.as_str()) {
            return true;
        }
        let adds_up = self.memory.reading(name.as_str()).adds_up;
        if !adds_up {
            self.doubt(Doubt::MayNotAddUp(name));
        }
        !adds_up
    }

    /// Notes whether it is.
    pub(super) fn set_trouble(&self, name: WAPatchName, is_in_trouble: bool) {
        let mut troubled = self.troubled();
        if is_in_trouble {
            troubled.insert(name.as_str());
        } else {
            troubled.remove(name.as_str());
        }
    }

    fn troubled(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        // A set of names is never left half written.
        self.troubled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that takes long is no longer waited for and goes on by itself: given up between two of its writes, it would
    /// leave a collection that fits no patch.
    async fn run(&self, name: WAPatchName, full_sync: bool) -> Outcome {
        let began = login(&self.client);
        for _ in 0..TURNS {
            self.memory.lacked_key();
            let before = self.memory.reading(name.as_str());
            let client = Arc::clone(&self.client);
            let syncing = async move {
                client.process_sync_task(MajorSyncTask::AppStateSync { name, full_sync }).await;
            };
            let syncing = self.cut.clone().run_until_cancelled_owned(syncing).in_current_span();
            if timeout(self.limit, self.tasks.spawn(syncing)).await.is_err() {
                warn!(collection = name.as_str(), "Fetching an app-state collection timed out");
                // The library waits for a key, and for its own fetches that do.
                return if self.memory.lacked_key() { Outcome::KeyMissing } else { Outcome::Late };
            }
            let after = self.memory.reading(name.as_str());
            if after.through == before.through {
                // The library tells whether it went well to its log only.
                return match login(&self.client) {
                    here if here.is_none() || here != began => Outcome::Gone,
                    _ if self.memory.lacked_key() => Outcome::KeyMissing,
                    _ => Outcome::Unreadable,
                };
            }
            if !after.is_open {
                return if after.adds_up { Outcome::Read } else { Outcome::Unreadable };
            }
        }
        // Whoever is at it now is followed by a fetch of its own.
        Outcome::Read
    }
}
