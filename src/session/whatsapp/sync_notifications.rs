//! Fetching of announced app-state collections, without missing an announcement.
//!
//! The library skips an announcement that arrives while it still reads the answer to an earlier one for the same
//! collection. It would receive that change only with the next announcement. Each announcement is therefore followed
//! by a fetch of our own. Announcements are not events of the library; they are read from the raw stanzas.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;
use whatsapp_rust::{
    Client,
    types::events::{Event, EventHandler, EventInterest, EventKind},
};

/// Collections that were announced and not fetched since, and their announced versions; at most the five that exist.
#[derive(Default)]
pub(super) struct SyncNotifications {
    announced: Mutex<BTreeMap<String, u64>>,
    more: Notify,
}

impl SyncNotifications {
    /// Listens to `client` for as long as the returned guard lives.
    pub(super) fn listen(client: &Arc<Client>) -> (Arc<Self>, impl Send + use<>) {
        let notices = Arc::new(Self::default());
        let handler: Arc<dyn EventHandler> = Arc::<Self>::clone(&notices);
        (notices, (client.subscribe_handler(handler), client.acquire_raw_node_forwarding()))
    }

    /// Waits for the next announced collections. Cancel-safe.
    pub(super) async fn next(&self) -> BTreeMap<String, u64> {
        loop {
            let more = self.more.notified();
            let announced = std::mem::take(&mut *self.announced.lock().unwrap_or_else(PoisonError::into_inner));
            if !announced.is_empty() {
                return announced;
            }
            more.await;
        }
    }
}

impl EventHandler for SyncNotifications {
    fn handle_event(&self, event: Arc<Event>) {
        let Event::RawNode(node) = &*event else { return };
        if node.tag() != "notification" || node.get_attr("type").is_none_or(|kind| *kind != "server_sync") {
            return;
        }
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        for collection in node.get_children_by_tag("collection") {
            let Some(name) = collection.get_attr("name") else { continue };
            let version = collection.get_attr("version").and_then(|version| version.as_str().parse().ok());
            let moved_to = announced.entry(name.as_str().to_string()).or_default();
            *moved_to = (*moved_to).max(version.unwrap_or_default());
        }
        drop(announced);
        self.more.notify_one();
    }

    fn interest(&self) -> EventInterest {
        EventInterest::of(&[EventKind::RawNode])
    }
}
