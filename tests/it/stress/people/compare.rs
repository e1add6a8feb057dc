//! Comparison of the phone's chats with the stored copy.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use chatgraph_sandbox::Phone;
use serde_json::{Value, json};

use super::{super::random::Random, world::World};
use crate::support::{TestServer, wait_for_within};

const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(40);

/// Chats by address, with the unread count (unless it may differ) and the messages.
type Chats = BTreeMap<String, (Value, Vec<Value>)>;

/// Chats and messages that were deleted in the stored copy but not on the phone.
#[derive(Default)]
pub(super) struct Deleted {
    /// Messages that the phone still shows.
    messages: HashSet<String>,
}

/// Delivers all delayed messages, and waits until the companion has acknowledged everything.
pub(super) async fn settle(server: &TestServer, world: &mut World) {
    world.deliver_delayed().await;
    server.wait_until_working().await;
    tokio::time::timeout(CATCH_UP_TIMEOUT, server.phone().settled())
        .await
        .expect("everything is acknowledged in time")
        .expect("settled");
}

impl Deleted {
    /// Deletes a chat through the API.
    pub(super) async fn here(&mut self, server: &TestServer, world: &mut World, random: &mut Random) -> String {
        settle(server, world).await;
        let Some(chat) = world.chat(random) else { return "no chat to delete".to_owned() };
        let delete = "mutation($input: DeleteChatInput!) { deleteChat(input: $input) { cid } }";
        let answer = server.query_with(delete, json!({"input": {"sessionId": server.session, "cid": chat}})).await;
        // It may be deleted already, or be stored under another address.
        if answer["errors"] != Value::Null {
            return format!("a client deletes {chat}, which is not there");
        }
        self.messages.extend(world.phone.messages(&chat).expect("a chat").into_iter().map(|message| message.id));
        format!("a client deletes {chat}")
    }

    /// Waits until stored copy and phone agree.
    pub(super) async fn assert_equal(&self, server: &TestServer, world: &mut World) {
        settle(server, world).await;
        let last = RefCell::new((Chats::new(), Chats::new()));
        let compare = wait_for_within(CATCH_UP_TIMEOUT * 2, "both sides to agree", async || {
            let shown = self.shown(&world.phone);
            let stored = stored(server, &shown).await;
            let agree = stored == shown;
            *last.borrow_mut() = (stored, shown);
            agree.then_some(())
        });
        if tokio::time::timeout(CATCH_UP_TIMEOUT, compare).await.is_err() {
            let (stored, shown) = last.take();
            let besides = |one: &Chats, other: &Chats| {
                let differing = one.iter().filter(|(cid, chat)| other.get(*cid) != Some(chat));
                differing.map(|(cid, (unread, messages))| format!("{cid} {unread} {messages:?}")).collect::<Vec<_>>()
            };
            panic!(
                "stored:\n{}\non the phone:\n{}",
                besides(&stored, &shown).join("\n"),
                besides(&shown, &stored).join("\n")
            );
        }
    }

    /// Returns the phone's chats without what was deleted through the API.
    fn shown(&self, phone: &Phone) -> Chats {
        let mut chats = Chats::new();
        for chat in phone.chats() {
            let all = phone.messages(&chat.jid).unwrap_or_default();
            let left = all.iter().filter(|message| !self.messages.contains(&message.id));
            let messages: Vec<_> = left
                .map(|message| json!([message.text, message.from.is_none(), message.edited, message.revoked]))
                .collect();
            if messages.is_empty() {
                continue;
            }
            // The phone also counts messages that were deleted here, and adds the counts of two chats that become one.
            let is_comparable = messages.len() == all.len() && chat.aliases.is_empty();
            let unread = if is_comparable { json!(chat.unread_count) } else { Value::Null };
            let number = chat.aliases.iter().find(|jid| jid.ends_with("@s.whatsapp.net"));
            chats.insert(number.unwrap_or(&chat.jid).clone(), (unread, messages));
        }
        chats
    }
}

async fn stored(server: &TestServer, shown: &Chats) -> Chats {
    let query = "query($session: ID) { chats(sessionId: $session, first: 100) { nodes { jid } } }";
    let answer = server.query_with(query, json!({"session": server.session})).await;
    let mut chats = Chats::new();
    for chat in answer["data"]["chats"]["nodes"].as_array().into_iter().flatten() {
        let cid = chat["jid"].as_str().unwrap_or_default();
        let query = "query($session: ID, $cid: JID!) { chat(sessionId: $session, cid: $cid) { unreadCount \
                     messages(first: 100) { nodes { text fromMe edited revoked } } } }";
        let answer = server.query_with(query, json!({"session": server.session, "cid": cid})).await;
        let chat = &answer["data"]["chat"];
        let nodes = chat["messages"]["nodes"].as_array().cloned().unwrap_or_default();
        // A phone does not show edits of a revoked message.
        let edited = |node: &Value| node["edited"] == true && node["revoked"] == false;
        let message = |node: &Value| json!([node["text"], node["fromMe"], edited(node), node["revoked"]]);
        let messages: Vec<_> = nodes.iter().rev().map(message).collect();
        let compared = shown.get(cid).is_none_or(|(unread, _)| !unread.is_null());
        let unread = if compared { chat["unreadCount"].clone() } else { Value::Null };
        chats.insert(cid.to_owned(), (unread, messages));
    }
    chats
}
