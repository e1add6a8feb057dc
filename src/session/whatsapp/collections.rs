//! The collections in which WhatsApp keeps settings and contacts, and how they are fetched: on from where they were read,
//! or anew from their beginning.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use tracing::warn;
use whatsapp_rust::Client;
use whatsapp_rust::sync_task::MajorSyncTask;
use whatsapp_rust::wacore::appstate::patch_decode::WAPatchName;

use super::backend::Memory;

/// All of them, the ones of the chats last, since a name is better known before its chat changes.
pub(super) const COLLECTIONS: [WAPatchName; 5] = [
    WAPatchName::CriticalBlock,
    WAPatchName::CriticalUnblockLow,
    WAPatchName::Regular,
    WAPatchName::RegularHigh,
    WAPatchName::RegularLow,
];

/// Fetches collections of settings.
#[derive(Clone)]
pub(super) struct Collections {
    pub(super) client: Arc<Client>,
    pub(super) memory: Arc<Memory>,
    pub(super) tasks: TaskTracker,
    pub(super) cut: CancellationToken,
    /// How long one may take.
    pub(super) limit: Duration,
}

impl Collections {
    /// Fetches what changed in a collection; tells whether that came in time. The library does not do so by itself on a
    /// reconnect: it relies on being told, and that may have been lost with the connection before.
    pub(super) async fn fetch(&self, name: WAPatchName) -> bool {
        self.run(name, false).await
    }

    /// Fetches a collection from its beginning, as if nothing of it were known: each of its settings is told again, as it
    /// is now. Tells whether that came in time; one that did not is still fetched so, as soon as that can be.
    pub(super) async fn fetch_anew(&self, name: WAPatchName) -> bool {
        self.memory.read_anew(name.as_str());
        self.run(name, true).await
    }

    /// One that takes long is no longer waited for and goes on by itself: given up between two of its writes, it would
    /// leave a collection that fits no patch.
    async fn run(&self, name: WAPatchName, full_sync: bool) -> bool {
        let client = Arc::clone(&self.client);
        let syncing = async move {
            client.process_sync_task(MajorSyncTask::AppStateSync { name, full_sync }).await;
        };
        let syncing = self.cut.clone().run_until_cancelled_owned(syncing).in_current_span();
        let in_time = timeout(self.limit, self.tasks.spawn(syncing)).await.is_ok();
        if !in_time {
            warn!(collection = name.as_str(), "A collection of settings did not come in time");
        }
        in_time
    }
}
