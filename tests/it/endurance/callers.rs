//! Callers who update chats and note what was answered.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use super::kill::ask;
use super::random::Random;
use crate::support::TestServer;

/// Whose mutes the callers set. The phone never sets one, so that every value in the log is theirs.
const CHATS: [&str; 3] = ["15550111@s.whatsapp.net", "15550112@s.whatsapp.net", "120363000000000001@g.us"];
/// The first instant that is muted until, far from now.
const FAR_MS: i64 = 4_000_000_000_000;

/// An update that was sent.
pub(super) struct Update {
    /// Its mute, which no other update has.
    pub(super) until: i64,
    /// Whether a good answer came.
    pub(super) acknowledged: bool,
}

/// One caller.
pub(super) struct Caller {
    number: i64,
    key: String,
    address: watch::Receiver<String>,
}

impl Caller {
    pub(super) fn new(number: i64, server: &TestServer, address: watch::Receiver<String>) -> Self {
        Self { number, key: server.key.clone(), address }
    }

    /// Updates until it is done.
    pub(super) async fn run(self, mut random: Random, done: Arc<AtomicBool>) -> Vec<Update> {
        let mut sent = Vec::new();
        while !done.load(Ordering::SeqCst) {
            let until = FAR_MS + self.number * 1_000_000_000 + i64::try_from(sent.len()).expect("few") * 1_000;
            let chat = CHATS[usize::try_from(random.below(3)).expect("small")];
            // Another setting now and then, which is only compared at the end.
            let archived = if random.below(4) == 0 && chat.ends_with("@g.us") {
                format!(", archived: {}", random.below(2) == 0)
            } else {
                String::new()
            };
            let update = format!(
                "mutation {{ updateChat(input: {{cid: \"{chat}\", mutedUntil: {until}{archived}}}) {{ chat {{ id }} }} }}"
            );
            let acknowledged = ask(&self.address, &self.key, &update).await.is_some();
            sent.push(Update { until, acknowledged });
            tokio::time::sleep(Duration::from_millis(random.below(30))).await;
        }
        sent
    }
}
