//! Unread marks and pins, from the API and on the phone: both sides agree.

use std::time::Duration;

use chatgraph_sandbox::{ChatView, Fault, FaultKind, On};
use serde_json::{Value, json};

use crate::support::{BOOKS, DELETE_CHAT, MEI, OLU, OWNER, RAVI, TestServer, UPDATE_CHAT, error_code, wait_for};

async fn phone_shows(server: &TestServer, cid: &str, is_so: impl Fn(&ChatView) -> bool) {
    let shown = async || server.phone().chats().iter().any(|chat| chat.jid == cid && is_so(chat)).then_some(());
    wait_for("the phone to show it", shown).await;
}

async fn inbox(server: &TestServer) -> Vec<String> {
    let answer = server.query("{ chats(order: INBOX) { nodes { jid } } }").await;
    let chats = answer["data"]["chats"]["nodes"].as_array().expect("chats").clone();
    chats.iter().map(|chat| chat["jid"].as_str().expect("a JID").to_owned()).collect()
}

#[tokio::test]
async fn an_unread_chat_is_marked_on_both_ends_and_keeps_its_count() {
    let server = TestServer::start().await;
    server.phone().receive("15550111", MEI, "Are you there?").await.expect("received");
    server.assert_in_sync().await;
    let unread = server.chat(MEI).await["unreadCount"].clone();
    assert_ne!(unread, 0);
    let chat = server.update_chat(MEI, "read: false").await;
    assert_eq!((&chat["markedUnread"], &chat["unreadCount"]), (&json!(true), &unread));
    phone_shows(&server, MEI, |chat| chat.marked_unread).await;
    server.assert_in_sync().await;
    assert_eq!(server.chat(MEI).await["unreadCount"], unread);
    server.phone().mark_read(MEI, true).await.expect("read");
    phone_shows(&server, MEI, |chat| !chat.marked_unread && chat.unread_count == 0).await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn writing_into_an_unread_marked_chat_marks_it_read() {
    let server = TestServer::start().await;
    server.update_chat(MEI, "read: true").await;
    server.assert_in_sync().await;
    // After WhatsApp has received the mark, mostly within the same second.
    for _ in 0..3 {
        server.update_chat(MEI, "read: false").await;
        server.assert_in_sync().await;
        server.phone().receive(OWNER, MEI, "I am writing here").await.expect("written");
        server.assert_in_sync().await;
        assert_eq!(server.chat(MEI).await["markedUnread"], false);
    }
    // While the session is stopped.
    server.stop_session().await;
    server.update_chat(MEI, "read: false").await;
    server.phone().receive(OWNER, MEI, "I am writing here").await.expect("written");
    server.start_session().await;
    server.assert_in_sync().await;
    assert_eq!(server.chat(MEI).await["markedUnread"], false);
    // While the mark is being sent.
    let before = server.sandbox.log().last().map(|entry| entry.seq);
    server.sandbox.inject(Fault { on: Some(On::Upload), ms: Some(1_000), ..Fault::once(FaultKind::Delay) });
    server.update_chat(MEI, "read: false").await;
    let on_its_way = async || {
        let log = server.sandbox.log();
        log.iter().any(|entry| Some(entry.seq) > before && entry.text.starts_with("fault: Delay")).then_some(())
    };
    wait_for("the mark to be sent", on_its_way).await;
    server.phone().receive(OWNER, MEI, "I am writing here").await.expect("written");
    server.assert_in_sync_within(Duration::from_secs(20)).await;
    assert_eq!(server.chat(MEI).await["markedUnread"], false);
}

#[tokio::test]
async fn an_inbox_keeps_the_chat_that_was_pinned_last_on_top() {
    let server = TestServer::start().await;
    server.update_chat(RAVI, "pinned: true").await;
    server.update_chat(MEI, "pinned: true").await;
    assert_eq!(inbox(&server).await, [MEI, RAVI, BOOKS]);
    server.phone().receive("15550112", RAVI, "News").await.expect("received");
    server.assert_in_sync().await;
    assert_eq!(inbox(&server).await, [MEI, RAVI, BOOKS], "a message moved a pinned chat");
    server.phone().pin(RAVI, false).await.expect("unpinned");
    server.phone().pin(RAVI, true).await.expect("pinned");
    wait_for("the phone's pin", async || (inbox(&server).await == [RAVI, MEI, BOOKS]).then_some(())).await;
    server.assert_in_sync().await;
    // A phone also lists contacts without messages.
    let shown = server.phone().chats().into_iter().filter(|chat| chat.last_message_at.is_some());
    assert_eq!(
        inbox(&server).await,
        shown.map(|chat| chat.jid).collect::<Vec<_>>(),
        "the order differs from the phone's"
    );
}

#[tokio::test]
async fn a_pinned_chat_that_was_deleted_here_counts_among_the_three() {
    let server = TestServer::start().await;
    server.phone().receive("15550113", OLU, "Hello").await.expect("received");
    server.assert_in_sync().await;
    server.update_chat(BOOKS, "archived: false").await;
    for cid in [MEI, RAVI, BOOKS] {
        server.update_chat(cid, "pinned: true").await;
    }
    server.assert_in_sync().await;
    assert_eq!(server.query_with(DELETE_CHAT, json!({"cid": MEI})).await["errors"], Value::Null);
    let pinned = async || server.query_with(UPDATE_CHAT, json!({"input": {"cid": OLU, "pinned": true}})).await;
    assert_eq!(error_code(&pinned().await), "conflict");
    // Unpinning it on the phone allows another pin.
    server.phone().pin(MEI, false).await.expect("unpinned");
    let taken = async || (pinned().await["errors"] == Value::Null).then_some(());
    wait_for("a free pin", taken).await;
    phone_shows(&server, OLU, |chat| chat.pinned).await;
    assert_eq!(server.phone().chats().iter().filter(|chat| chat.pinned).count(), 3);
}
