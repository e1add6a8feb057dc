//! Chats that are neither direct nor groups, messages that are no text, and the whole of a history.

use chatgraph_sandbox::{Draft, MessageKind};
use serde_json::{Value, json};

use crate::support::{MEI, OWNER, TestServer, account, wait_for};

const LIST: &str = "1700000001@broadcast";
const MEIS_LIST: &str = "1700000002@broadcast";
const CHANNEL: &str = "120363000000000777@newsletter";

async fn messages(server: &TestServer, cid: &str) -> Vec<Value> {
    let query = "query($cid: JID!) { chat(cid: $cid) { messages { nodes { kind text fromMe sender revoked } } } }";
    let answer = server.query_with(query, json!({"cid": cid})).await;
    answer["data"]["chat"]["messages"]["nodes"].as_array().cloned().unwrap_or_default()
}

fn draft(text: &str) -> Draft {
    Draft { text: text.to_owned(), ..Draft::default() }
}

#[tokio::test]
async fn own_messages_to_a_broadcast_list_are_in_its_own_chat() {
    let server = TestServer::start().await;
    let to = vec!["15550111".to_owned(), "15550112".to_owned()];
    let id = server.phone().write(OWNER, LIST, Draft { to, ..draft("Closed on Monday") }).await.expect("sent");
    server.assert_in_sync().await;
    let chat = server.chat(LIST).await;
    assert_eq!((&chat["type"], &chat["unreadCount"]), (&json!("BROADCAST"), &json!(0)), "{chat}");
    let said = json!({"kind": "TEXT", "text": "Closed on Monday", "fromMe": true,
                      "sender": "15550100@s.whatsapp.net", "revoked": false});
    assert_eq!(messages(&server, LIST).await, [said]);
    server.phone().revoke(&id, None).await.expect("taken back");
    wait_for("the revocation", async || (messages(&server, LIST).await[0]["revoked"] == true).then_some(())).await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn incoming_broadcast_messages_are_in_the_direct_chat() {
    let server = TestServer::start().await;
    let id = server.phone().write("15550111", MEIS_LIST, draft("I have moved")).await.expect("sent");
    server.assert_in_sync().await;
    assert_eq!(server.chat(MEIS_LIST).await, Value::Null);
    let chat = server.chat(MEI).await;
    assert_eq!((&chat["unreadCount"], &chat["lastMessage"]["text"]), (&json!(2), &json!("I have moved")), "{chat}");
    server.phone().edit(&id, "I have moved house").await.expect("edited");
    wait_for("the edit", async || (messages(&server, MEI).await[0]["text"] == "I have moved house").then_some(()))
        .await;
    server.phone().revoke(&id, None).await.expect("taken back");
    wait_for("the revocation", async || (messages(&server, MEI).await[0]["revoked"] == true).then_some(())).await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn channel_messages_are_stored_and_counted() {
    let server = TestServer::start().await;
    for text in ["Rain until noon", "Sun after that"] {
        server.phone().write(CHANNEL, CHANNEL, draft(text)).await.expect("sent");
        server.assert_in_sync().await;
    }
    let chat = server.chat(CHANNEL).await;
    assert_eq!((&chat["type"], &chat["unreadCount"]), (&json!("NEWSLETTER"), &json!(2)), "{chat}");
    assert_eq!(chat["lastMessage"]["text"], "Sun after that");
    assert_eq!(messages(&server, CHANNEL).await[0]["sender"], CHANNEL);
    server.phone().mark_read(CHANNEL, true).await.expect("read");
    server.assert_in_sync().await;
}

#[tokio::test]
async fn each_message_is_stored_with_its_kind() {
    let server = TestServer::start().await;
    for (kind, text, stored) in [
        (MessageKind::Image, "The new oven", json!({"kind": "IMAGE", "text": "The new oven"})),
        (MessageKind::Video, "It works", json!({"kind": "VIDEO", "text": "It works"})),
        (MessageKind::Audio, "", json!({"kind": "AUDIO", "text": null})),
        (MessageKind::Document, "The bill", json!({"kind": "DOCUMENT", "text": "The bill"})),
        (MessageKind::Sticker, "", json!({"kind": "STICKER", "text": null})),
        (MessageKind::Location, "The bakery", json!({"kind": "LOCATION", "text": null})),
        (MessageKind::Contact, "Ravi", json!({"kind": "CONTACT", "text": null})),
        (MessageKind::Poll, "On Sunday?", json!({"kind": "POLL", "text": null})),
        (MessageKind::Call, "", json!({"kind": "CALL", "text": null})),
        // The phone counts it, and nothing but the phone can open it.
        (MessageKind::ViewOnce, "", json!({"kind": "OTHER", "text": null})),
    ] {
        for from in ["15550111", OWNER] {
            server.phone().write(from, MEI, Draft { kind, ..draft(text) }).await.expect("sent");
            server.assert_in_sync().await;
            let last = messages(&server, MEI).await[0].clone();
            assert_eq!((&last["kind"], &last["text"]), (&stored["kind"], &stored["text"]), "{from}");
            assert_eq!(last["fromMe"], from == OWNER);
        }
    }
}

#[tokio::test]
async fn a_device_that_requests_the_full_history_imports_it() {
    let mut account = account("15550100", "Alex Example");
    let first = account.history[0].messages[0].at;
    let older = (0..50_i32).map(|number| chatgraph_sandbox::spec::MessageSpec {
        from: (number % 2 == 0).then(|| "15550111".to_owned()),
        text: format!("message {number}"),
        at: first - i64::from(50 - number) * 60_000,
    });
    drop(account.history[0].messages.splice(0..0, older));
    let server = TestServer::builder().account(account).arguments(&["--history", "full"]).start().await;
    let query = "query($cid: JID!) { chat(cid: $cid) { unreadCount messages(first: 100) { nodes { text } } } }";
    let chat = wait_for("all messages", async || {
        let chat = server.query_with(query, json!({"cid": MEI})).await["data"]["chat"].clone();
        (chat["messages"]["nodes"].as_array().map(Vec::len) == Some(52)).then_some(chat)
    })
    .await;
    assert_eq!(chat["messages"]["nodes"][51]["text"], "message 0");
    assert_eq!(chat["unreadCount"], 1);
    server.assert_in_sync().await;
}
