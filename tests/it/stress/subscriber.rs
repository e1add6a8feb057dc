//! A subscriber that resumes after every lost connection, from the last event that it received.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::TaskTracker;

use super::log::Entry;
use crate::support::{upgrade_to, wait_for};

const QUERY: &str = "subscription($after: String) { chatChanges(after: $after) { cursor change { at cid origin } } }";
/// Maximum time without a message on a live connection.
const SILENCE: Duration = Duration::from_secs(5);

/// The subscriber's task and the changes that it received.
pub(super) struct Listener {
    heard: Arc<Mutex<Vec<Entry>>>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Subscribes from `cursor` on.
    pub(super) fn start(tasks: &TaskTracker, key: &str, address: watch::Receiver<String>, cursor: &str) -> Self {
        let heard = Arc::<Mutex<Vec<Entry>>>::default();
        let (key, mut cursor, noted) = (key.to_owned(), cursor.to_owned(), Arc::clone(&heard));
        let task = tasks.spawn(async move {
            loop {
                let url = address.borrow().clone();
                receive_events(&url, &key, &mut cursor, &noted).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { heard, task }
    }

    /// Waits until `count` changes have arrived; returns all changes so far.
    pub(super) async fn stop_after(self, count: usize) -> Vec<Entry> {
        let heard = || self.heard.lock().expect("no panic").clone();
        wait_for("the listener to catch up", async || (heard().len() >= count).then_some(())).await;
        self.task.abort();
        heard()
    }
}

/// Receives events on one connection until it is lost.
async fn receive_events(url: &str, key: &str, cursor: &mut String, heard: &Mutex<Vec<Entry>>) -> Option<()> {
    let mut socket = tokio_tungstenite::connect_async(upgrade_to(url)).await.ok()?.0;
    let init = json!({"type": "connection_init", "payload": {"Authorization": format!("Bearer {key}")}});
    let payload = json!({"query": QUERY, "variables": {"after": *cursor}});
    let subscribe = json!({"id": "1", "type": "subscribe", "payload": payload});
    for message in [init, subscribe] {
        socket.send(Message::text(message.to_string())).await.ok()?;
    }
    loop {
        let message = tokio::time::timeout(SILENCE, socket.next()).await.ok()??.ok()?;
        let Message::Text(text) = message else { continue };
        let message: Value = serde_json::from_str(&text).expect("JSON");
        if message["type"] == "error" || message["type"] == "complete" {
            return None;
        }
        let event = &message["payload"]["data"]["chatChanges"];
        let Some(place) = event["cursor"].as_str() else { continue };
        place.clone_into(cursor);
        if let Some(entry) = Entry::from_change(&event["change"]) {
            heard.lock().expect("no panic").push(entry);
        }
    }
}
