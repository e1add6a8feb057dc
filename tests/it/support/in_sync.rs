//! Comparison of the stored copy with the phone.

use std::time::Duration;

use chatgraph_sandbox::Phone;
use serde_json::{Value, json};

use super::{TestServer, api::client, wait::wait_for_within};

impl TestServer {
    /// Waits until every chat with a message is the same in the stored copy and on the phone, and nothing is pending.
    /// Call it after every action that a test takes.
    pub(crate) async fn assert_in_sync(&self) {
        self.assert_in_sync_within(super::wait::EVENT_TIMEOUT / 2).await;
    }

    /// The same with another time limit.
    pub(crate) async fn assert_in_sync_within(&self, patience: Duration) {
        self.assert_session_in_sync_within(&self.session, self.phone(), patience).await;
    }

    /// The same for a session and its linked phone.
    pub(crate) async fn assert_session_in_sync_within(&self, session: &str, phone: &Phone, patience: Duration) {
        let last = std::cell::RefCell::new((Value::Null, Value::Null));
        let compare = async || {
            let (stored, shown) = (self.stored_chats(session).await, self.phone_chats(phone).await);
            let agree = stored == shown;
            *last.borrow_mut() = (stored, shown);
            agree.then_some(())
        };
        let comparing = wait_for_within(patience * 2, "the phone and the API to agree", compare);
        if tokio::time::timeout(patience, comparing).await.is_err() {
            let (stored, shown) = last.take();
            panic!("the API shows {}\nand the phone {}", besides(&stored, &shown), besides(&shown, &stored));
        }
    }

    /// Returns true if they agree now.
    pub(crate) async fn is_session_in_sync(&self, session: &str) -> bool {
        self.stored_chats(session).await == self.phone_chats(self.phone()).await
    }

    async fn stored_chats(&self, session: &str) -> Value {
        let query = "query($session: ID) { chats(sessionId: $session, first: 200) { nodes { \
                     jid name type archived pinned mutedUntil unreadCount markedUnread lastMessageAt sync { pending } } } }";
        let session = if session.is_empty() { Value::Null } else { json!(session) };
        let mut answer = self.query_with(query, json!({"session": session})).await;
        // Frequent comparisons exceed the key's rate limit.
        while let Some(pause_ms) = answer["errors"][0]["extensions"]["retryAfterMs"].as_u64() {
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            answer = self.query_with(query, json!({"session": session})).await;
        }
        sorted(answer["data"]["chats"]["nodes"].clone())
    }

    /// Returns the phone's chats with a message, over the sandbox's HTTP interface.
    async fn phone_chats(&self, phone: &Phone) -> Value {
        let url = format!("{}/accounts/{}/chats", self.sandbox.url(), phone.number());
        let chats: Value = client().get(url).send().await.expect("an answer").json().await.expect("JSON");
        let chats = chats.as_array().cloned().unwrap_or_else(|| chats["chats"].as_array().expect("chats").clone());
        let with_message = chats.into_iter().filter(|chat| chat["lastMessageAt"] != Value::Null);
        let comparable = with_message.map(|mut chat| {
            let fields = chat.as_object_mut().expect("an object");
            // The stored copy keeps a person's chat under the number, whatever the phone's address for it.
            let aliases = fields.remove("aliases").unwrap_or_default();
            let mut aliases = aliases.as_array().into_iter().flatten();
            let number = aliases.find(|jid| jid.as_str().is_some_and(|jid| jid.ends_with("@s.whatsapp.net")));
            if let Some(number) = number {
                fields.insert("jid".into(), number.clone());
            }
            // The API has no field for it.
            fields.remove("locked");
            fields.insert("sync".into(), json!({"pending": []}));
            chat
        });
        sorted(comparable.collect())
    }
}

/// Returns the chats that `others` lacks.
fn besides(chats: &Value, others: &Value) -> String {
    let others = others.as_array().map(Vec::as_slice).unwrap_or_default();
    let chats = chats.as_array().into_iter().flatten().filter(|chat| !others.contains(chat));
    chats.map(Value::to_string).collect::<Vec<_>>().join("\n")
}

fn sorted(mut chats: Value) -> Value {
    // The list is null while the server cannot answer.
    if let Some(list) = chats.as_array_mut() {
        list.sort_by_key(|chat| chat["jid"].to_string());
    }
    chats
}
