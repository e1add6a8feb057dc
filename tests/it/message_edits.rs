//! Edited and revoked messages, and reactions.

use serde_json::{Value, json};

use crate::support::{BOOKS, MEI, MESSAGES, OWNER, TestServer, wait_for};

async fn messages(server: &TestServer, cid: &str) -> Value {
    let answer = server.query_with(MESSAGES, json!({"cid": cid})).await;
    answer["data"]["chat"]["messages"]["nodes"].clone()
}

#[tokio::test]
async fn an_edit_is_shown_and_published_if_it_is_of_the_last_message() {
    let server = TestServer::start().await;
    let older = server.phone().receive("15550111", MEI, "At nine").await.expect("sent");
    let last = server.phone().receive("15550111", MEI, "Bring the book").await.expect("sent");
    server.assert_in_sync().await;
    let mut changes = server.subscribe_to_chats().await;

    server.phone().edit(&older, "At ten").await.expect("edited");
    server.phone().edit(&last, "Bring the blue book").await.expect("edited");
    let told = changes.next().await;
    assert_eq!((&told["origin"], &told["changed"]), (&json!("MESSAGE"), &json!(["LAST_MESSAGE"])), "{told}");
    assert_eq!(told["chat"]["lastMessage"]["text"], "Bring the blue book");
    let shown = messages(&server, MEI).await;
    let edited = |text: &str| json!({"text": text, "edited": true, "revoked": false, "fromMe": false, "sender": MEI});
    assert_eq!((&shown[0], &shown[1]), (&edited("Bring the blue book"), &edited("At ten")));
    server.assert_in_sync().await;
}

#[tokio::test]
async fn revocation_lowers_the_unread_count_of_unread_messages_only() {
    let server = TestServer::start().await;
    let mut sent = Vec::new();
    for text in ["one", "two", "three"] {
        sent.push(server.phone().receive("15550111", MEI, text).await.expect("sent"));
    }
    server.assert_in_sync().await;
    server.phone().mark_read(MEI, true).await.expect("read");
    server.assert_in_sync().await;
    let four = server.phone().receive("15550111", MEI, "four").await.expect("sent");
    server.assert_in_sync().await;
    let mut changes = server.subscribe_to_chats().await;

    server.phone().revoke(&sent[0], None).await.expect("revoked");
    server.phone().revoke(&four, None).await.expect("revoked");
    let told = changes.next().await;
    assert_eq!(
        told["changed"],
        json!(["UNREAD_COUNT", "LAST_MESSAGE"]),
        "a revoked read message does not change the count: {told}"
    );
    assert_eq!((&told["origin"], &told["chat"]["unreadCount"]), (&json!("MESSAGE"), &json!(0)));
    assert_eq!(told["chat"]["lastMessage"]["text"], Value::Null, "the text of a revoked message is gone");
    server.phone().revoke(&sent[2], None).await.expect("revoked");
    wait_for("the third message to be revoked", async || {
        (messages(&server, MEI).await[1]["revoked"] == true).then_some(())
    })
    .await;
    assert_eq!(server.chat(MEI).await["unreadCount"], 0);
    assert_eq!(messages(&server, MEI).await[2]["text"], "two");
    server.assert_in_sync().await;
}

#[tokio::test]
async fn revocations_by_a_group_admin_and_own_edits_are_applied() {
    let server = TestServer::start().await;
    let mei = server.phone().receive("15550111", BOOKS, "Chapter five?").await.expect("sent");
    let own = server.phone().receive(OWNER, BOOKS, "Chapter six").await.expect("sent");
    server.phone().edit(&own, "Chapter seven").await.expect("edited");
    server.phone().revoke(&mei, Some("15550112")).await.expect("revoked");
    wait_for("both to be stored", async || {
        let shown = messages(&server, BOOKS).await;
        let own = json!({"text": "Chapter seven", "edited": true, "revoked": false, "fromMe": true,
                         "sender": "15550100@s.whatsapp.net"});
        let gone = json!({"text": null, "edited": false, "revoked": true, "fromMe": false, "sender": MEI});
        (shown[0] == own && shown[1] == gone).then_some(())
    })
    .await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn a_reaction_neither_makes_a_chat_nor_advances_one() {
    let server = TestServer::start().await;
    let sent = server.phone().receive("15550111", MEI, "Done!").await.expect("sent");
    server.assert_in_sync().await;
    let before = server.chat(MEI).await;
    let mut changes = server.subscribe_to_chats().await;
    server.phone().react(&sent, "15550111", "🎉").await.expect("reacted");
    server.phone().react(&sent, OWNER, "👍").await.expect("reacted");
    server.phone().receive("15550112", "15550112@s.whatsapp.net", "Hello").await.expect("sent");
    assert_eq!(changes.next().await["cid"], "15550112@s.whatsapp.net", "a reaction was published");
    assert_eq!(server.chat(MEI).await, before);
    server.assert_in_sync().await;
}
