//! Fetching of announced app-state collections, without missing an announcement.
//!
//! The library skips an announcement that arrives while it still reads the answer to an earlier one for the same
//! collection. It would receive that change only with the next announcement. Each announcement is therefore followed
//! by a fetch of our own. Announcements are not events of the library; they are read from the raw stanzas.

use std::sync::Arc;

use whatsapp_rust::{
    Client,
    types::events::{Event, EventHandler, EventInterest, EventKind},
};

use super::fetch_queue::FetchQueue;

/// Adds announced collections to a queue.
pub(super) struct SyncNotifications(Arc<FetchQueue>);

impl SyncNotifications {
    /// Listens to `client` for as long as the returned guard lives.
    pub(super) fn listen(client: &Arc<Client>, fetches: Arc<FetchQueue>) -> impl Send + use<> {
        let handler: Arc<dyn EventHandler> = Arc::new(Self(fetches));
        (client.subscribe_handler(handler), client.acquire_raw_node_forwarding())
    }
}

impl EventHandler for SyncNotifications {
    fn handle_event(&self, event: Arc<Event>) {
        let Event::RawNode(node) = &*event else { return };
        if node.tag() != "notification" || node.get_attr("type").is_none_or(|kind| *kind != "server_sync") {
            return;
        }
        for collection in node.get_children_by_tag("collection") {
            let Some(name) = collection.get_attr("name") else { continue };
            let version = collection.get_attr("version").and_then(|version| version.as_str().parse().ok());
            self.0.add(&name.as_str(), version.unwrap_or_default());
        }
    }

    fn interest(&self) -> EventInterest {
        EventInterest::of(&[EventKind::RawNode])
    }
}
