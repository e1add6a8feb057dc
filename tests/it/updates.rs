//! `updateChat` in every combination of its fields: the answer, the stored copy and the phone agree after each.

use chatgraph::{clock::SystemClock, domain::clock::Clock as _};
use serde_json::{Value, json};

use crate::support::{MEI, TestServer, error_code, error_field};

const UPDATE: &str = "mutation($input: UpdateChatInput!) { updateChat(input: $input) { chat { \
                      archived pinned mutedUntil unreadCount markedUnread } } }";

#[tokio::test]
async fn every_update_that_archives() {
    every_combination_with(json!(true)).await;
}

#[tokio::test]
async fn every_update_that_unarchives() {
    every_combination_with(json!(false)).await;
}

#[tokio::test]
async fn every_update_that_leaves_the_archive_alone() {
    every_combination_with(Value::Null).await;
}

#[tokio::test]
async fn read_and_unread_mark_during_an_outage_are_both_synced() {
    let server = TestServer::start().await;
    server.phone().receive("15550111", MEI, "Are you there?").await.expect("received");
    server.assert_in_sync().await;
    assert_ne!(Shown::of(&server.chat(MEI).await).unread_count, 0);
    server.stop_session().await;
    for read in ["read: true", "read: false"] {
        server.update_chat(MEI, read).await;
    }
    server.start_session().await;
    server.assert_in_sync().await;
    let shown = Shown::of(&server.chat(MEI).await);
    assert_eq!((shown.unread_count, shown.marked_unread), (0, true));
}

/// Settings of a chat, which the client and the phone must agree on.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    archived: bool,
    pinned: bool,
    muted_until: Value,
    unread_count: u32,
    marked_unread: bool,
}

impl Shown {
    fn of(chat: &Value) -> Self {
        Self {
            archived: chat["archived"].as_bool().expect("a flag"),
            pinned: chat["pinned"].as_bool().expect("a flag"),
            muted_until: chat["mutedUntil"].clone(),
            unread_count: chat["unreadCount"].as_u64().and_then(|count| count.try_into().ok()).expect("a count"),
            marked_unread: chat["markedUnread"].as_bool().expect("a flag"),
        }
    }

    /// Applies an update as the schema documents it.
    fn after(mut self, input: &Value) -> Self {
        if let Some(archived) = input["archived"].as_bool() {
            self.archived = archived;
        }
        if let Some(pinned) = input["pinned"].as_bool() {
            self.pinned = pinned;
        }
        if input["archived"] == true {
            self.pinned = false;
        }
        if input["unmute"] == true {
            self.muted_until = Value::Null;
        } else if input["mutedUntil"].is_number() {
            self.muted_until = input["mutedUntil"].clone();
        }
        if input["read"] == true {
            (self.unread_count, self.marked_unread) = (0, false);
        }
        if input["read"] == false {
            self.marked_unread = true;
        }
        self
    }
}

async fn every_combination_with(archived: Value) {
    let server = TestServer::start().await;
    let mut shown = Shown::of(&server.chat(MEI).await);
    let mut number = 0;
    for pinned in [json!(true), json!(false), Value::Null] {
        for (until, unmute) in [(true, false), (true, true), (false, true), (false, false)] {
            for read in [json!(true), json!(false), Value::Null] {
                number += 1;
                // Each mute has another end, so that each update is a change.
                let until = if until { json!(SystemClock.now() + 86_400_000 + number) } else { Value::Null };
                let unmute = if unmute { json!(true) } else { Value::Null };
                let mut input = json!({
                    "cid": MEI, "archived": archived, "pinned": pinned, "mutedUntil": until, "unmute": unmute, "read": read,
                });
                // A null field and an omitted field mean the same.
                if number % 2 == 0 {
                    input.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
                }
                shown = updated(&server, &input, shown).await;
            }
        }
    }
    assert_eq!(number, 36);
}

/// Sends one update, and returns the resulting settings.
async fn updated(server: &TestServer, input: &Value, before: Shown) -> Shown {
    let answer = server.query_with(UPDATE, json!({"input": input})).await;
    if input["archived"] == true && input["pinned"] == true {
        assert_eq!((error_code(&answer), error_field(&answer)), ("validation_error", "pinned"), "{input}: {answer}");
        assert_eq!(Shown::of(&server.chat(MEI).await), before, "{input} was rejected, but changed something");
        return before;
    }
    assert_eq!(answer["errors"], Value::Null, "{input}: {answer}");
    let shown = Shown::of(&answer["data"]["updateChat"]["chat"]);
    assert_eq!(shown, before.after(input), "{input}");
    server.assert_in_sync().await;
    assert_eq!(Shown::of(&server.chat(MEI).await), shown, "{input}");
    shown
}

#[tokio::test]
async fn a_mute_in_the_past_is_rejected_unless_the_chat_is_unmuted() {
    let server = TestServer::start().await;
    let past = SystemClock.now() - 1_000;
    let answer = server.query_with(UPDATE, json!({"input": {"cid": MEI, "mutedUntil": past, "pinned": true}})).await;
    assert_eq!((error_code(&answer), error_field(&answer)), ("validation_error", "mutedUntil"));
    assert_eq!(server.chat(MEI).await["pinned"], false, "the whole update is rejected");
    let answer = server.query_with(UPDATE, json!({"input": {"cid": MEI, "mutedUntil": past, "unmute": true}})).await;
    assert_eq!(answer["errors"], Value::Null, "{answer}");
    server.assert_in_sync().await;
}

#[tokio::test]
async fn an_update_that_changes_nothing_is_valid_and_not_published() {
    let server = TestServer::start().await;
    let mut changes = server.subscribe_to_chats().await;
    let before = Shown::of(&server.chat(MEI).await);
    for input in [
        json!({"cid": MEI}),
        json!({"cid": MEI, "archived": null, "pinned": null, "mutedUntil": null, "unmute": null, "read": null}),
        json!({"cid": MEI, "archived": false, "pinned": false, "unmute": true}),
        json!({"cid": MEI, "sessionId": server.session, "unmute": false}),
    ] {
        let answer = server.query_with(UPDATE, json!({"input": input})).await;
        assert_eq!(Shown::of(&answer["data"]["updateChat"]["chat"]), before, "{input}: {answer}");
        assert_eq!(server.chat(MEI).await["sync"]["state"], "SYNCED");
    }
    server.update_chat(MEI, "pinned: true").await;
    assert_eq!(changes.next().await["changed"], json!(["PINNED", "SYNC"]), "an earlier change was published");
}
