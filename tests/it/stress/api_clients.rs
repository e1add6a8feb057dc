//! Clients that update chats and record the answers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use super::{crash::ask, random::Random};
use crate::support::{TestServer, update_chat_mutation};

/// Chats that these clients mute. The phone never mutes them, so every mute in the log is from a client.
const CHATS: [&str; 3] = ["15550111@s.whatsapp.net", "15550112@s.whatsapp.net", "120363000000000001@g.us"];
/// First value of `mutedUntil`, far in the future.
const FAR_MS: i64 = 4_000_000_000_000;

/// An update that was sent.
pub(super) struct Update {
    /// Value of `mutedUntil`, unique among all updates.
    pub(super) until: i64,
    /// True if the update was answered without an error.
    pub(super) acknowledged: bool,
}

/// A client.
pub(super) struct Caller {
    number: i64,
    key: String,
    address: watch::Receiver<String>,
}

impl Caller {
    pub(super) fn new(number: i64, server: &TestServer, address: watch::Receiver<String>) -> Self {
        Self { number, key: server.key.clone(), address }
    }

    /// Sends updates until `done` is set.
    pub(super) async fn run(self, mut random: Random, done: Arc<AtomicBool>) -> Vec<Update> {
        let mut sent = Vec::new();
        while !done.load(Ordering::SeqCst) {
            let until = FAR_MS + self.number * 1_000_000_000 + i64::try_from(sent.len()).expect("few") * 1_000;
            let chat = CHATS[usize::try_from(random.below(3)).expect("small")];
            // Sometimes sets another field, which is compared only at the end.
            let archived = if random.below(4) == 0 && chat.ends_with("@g.us") {
                format!(", archived: {}", random.below(2) == 0)
            } else {
                String::new()
            };
            let update = update_chat_mutation(chat, &format!("mutedUntil: {until}{archived}"), "id");
            let acknowledged = ask(&self.address, &self.key, &update).await.is_some();
            sent.push(Update { until, acknowledged });
            tokio::time::sleep(Duration::from_millis(random.below(30))).await;
        }
        sent
    }
}
