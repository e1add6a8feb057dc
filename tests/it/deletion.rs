//! Deleting chats from the stored copy.

use serde_json::{Value, json};

use crate::support::{
    CHANGE_CURSOR, DELETE_CHAT, LOG_OUT_SESSION, MEI, RAVI, Subscription, TestServer, UPDATE_CHAT, error_code,
    error_field, wait_for,
};

impl TestServer {
    /// Deletes a chat, and returns the payload.
    async fn delete_chat(&self, cid: &str) -> Value {
        let answer = self.query_with(DELETE_CHAT, json!({"cid": cid})).await;
        assert_eq!(answer["errors"], Value::Null, "{answer}");
        answer["data"]["deleteChat"].clone()
    }
}

#[tokio::test]
async fn a_deleted_chat_is_gone_for_all_clients_and_published_once() {
    let server = TestServer::start().await;
    let query = "query($cid: JID!) { chat(cid: $cid) { id messages { nodes { id } } } }";
    let before = server.query_with(query, json!({"cid": MEI})).await["data"]["chat"].clone();
    let mut changes = server.subscribe_to_chats().await;

    let deleted = server.delete_chat(MEI).await;
    assert_eq!(deleted, json!({"deletedChatId": before["id"], "cid": MEI, "sessionId": server.session}));

    let answer = server.query_with(query, json!({"cid": MEI})).await;
    assert_eq!((error_code(&answer), &answer["data"]["chat"]), ("not_found", &Value::Null));
    let ids = json!({"ids": [before["id"], before["messages"]["nodes"][0]["id"]]});
    assert_eq!(
        server.query_with("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids).await["data"]["nodes"],
        json!([null, null])
    );
    let list = server.query("{ chats { nodes { jid } } }").await;
    assert_eq!(list["data"]["chats"]["nodes"].as_array().map(Vec::len), Some(2), "{list}");
    assert_eq!(error_code(&server.query_with(DELETE_CHAT, json!({"cid": MEI})).await), "not_found");
    let pin = json!({"input": {"cid": MEI, "pinned": true}});
    assert_eq!(error_code(&server.query_with(UPDATE_CHAT, pin).await), "not_found");

    let told = changes.next().await;
    assert_eq!((&told["kind"], &told["origin"], &told["cid"]), (&json!("DELETED"), &json!("API"), &json!(MEI)));
    assert_eq!((&told["chatId"], &told["changed"], &told["chat"]), (&before["id"], &json!([]), &Value::Null));
    // The next change is of the other chat: there was no further event about this one.
    server.update_chat(RAVI, "pinned: true").await;
    assert_eq!(changes.next().await["cid"], RAVI);
    // The deletion is local: the phone still has the chat.
    assert!(server.phone().chats().iter().any(|chat| chat.jid == MEI && chat.last_message_at.is_some()));
}

#[tokio::test]
async fn deleted_chat_returns_with_a_new_id_and_only_new_messages() {
    let server = TestServer::start().await;
    server.phone().pin(MEI, true).await.expect("pinned");
    server.assert_in_sync().await;
    let mut changes = server.subscribe_to_chats().await;
    let deleted = server.delete_chat(MEI).await;
    assert_eq!(changes.next().await["kind"], "DELETED");

    server.phone().receive("15550111", MEI, "Still there?").await.expect("sent");
    let told = changes.next().await;
    assert_eq!((&told["kind"], &told["origin"], &told["cid"]), (&json!("CREATED"), &json!("MESSAGE"), &json!(MEI)));
    assert_ne!(told["chatId"], deleted["deletedChatId"]);
    assert_eq!((&told["chat"]["pinned"], &told["chat"]["name"]), (&json!(true), &json!("Mei Tanaka")));
    server.assert_in_sync().await;
    let query = "query($cid: JID!) { chat(cid: $cid) { id messages { nodes { text } } } }";
    let chat = server.query_with(query, json!({"cid": MEI})).await["data"]["chat"].clone();
    assert_eq!((&chat["id"], &chat["messages"]["nodes"]), (&told["chatId"], &json!([{"text": "Still there?"}])));
}

#[tokio::test]
async fn pending_actions_are_dropped_with_their_chat() {
    let server = TestServer::start().await;
    server.stop_session().await;
    server.update_chat(MEI, "archived: true, mutedUntil: 253402300799999, read: true").await;
    server.delete_chat(MEI).await;
    server.start_session().await;
    server.phone().receive("15550111", MEI, "Still there?").await.expect("sent");
    wait_for("the chat to be back", async || (server.chat(MEI).await["id"] != Value::Null).then_some(())).await;
    // The new chat has the phone's settings: not archived, not muted, two unread messages.
    server.assert_in_sync().await;
    assert_eq!(server.chat(MEI).await["unreadCount"], 2);
}

#[tokio::test]
async fn no_restart_or_new_import_brings_a_deleted_chat_back() {
    let mut server = TestServer::start().await;
    server.delete_chat(MEI).await;
    server.restart();
    server.wait_until_working().await;
    assert_eq!(server.chat(MEI).await, Value::Null);

    let mut changes = server.subscribe_to_chats().await;
    let id = json!({"id": server.session});
    let log_out = LOG_OUT_SESSION;
    server.query_with(log_out, id.clone()).await;
    server.pair_again().await;
    wait_for("the history to be imported again", async || {
        let query = "query($id: ID!) { session(id: $id) { historyImport { percent } } }";
        let import = server.query_with(query, id.clone()).await["data"]["session"]["historyImport"].clone();
        (import["percent"] == 100).then_some(())
    })
    .await;
    server.phone().receive("15550112", RAVI, "Hello").await.expect("sent");
    let told = changes.next().await;
    assert_eq!((&told["cid"], &told["origin"]), (&json!(RAVI), &json!("MESSAGE")), "{told}");
    assert_eq!(server.chat(MEI).await, Value::Null);
}

#[tokio::test]
async fn deleting_needs_send_and_a_chat_of_ones_own() {
    let server = TestServer::start().await;
    let delete = "mutation($s: ID) { deleteChat(input: {cid: \"15550111@s.whatsapp.net\", sessionId: $s}) { cid } }";
    let key = server.create_key("org_1", &["read", "manage", "events"]);
    assert_eq!(error_code(&server.query_as(&key, delete, json!({})).await), "forbidden");
    let other = server.create_key("org_2", &[]);
    let foreign = server.query_as(&other, delete, json!({"s": server.session})).await;
    let unknown = server.query_as(&other, delete, json!({"s": "ses_01ARZ3NDEKTSV4RRFFQ69G5FAV"})).await;
    assert_eq!((error_code(&foreign), foreign.to_string()), ("not_found", unknown.to_string()));
    let answer = server.query_as(&other, delete, json!({})).await;
    assert_eq!((error_code(&answer), error_field(&answer)), ("validation_error", "sessionId"));
    let answer = server.query("mutation { deleteChat(input: {cid: \"nobody\"}) { cid } }").await;
    assert_eq!((error_code(&answer), error_field(&answer)), ("validation_error", "cid"));
    server.assert_in_sync().await;
}

#[tokio::test]
async fn a_resumed_subscriber_gets_the_deletion_and_earlier_changes() {
    let server = TestServer::start().await;
    let listed = server.query(CHANGE_CURSOR).await["data"]["chats"]["changeCursor"].clone();
    server.update_chat(MEI, "pinned: true").await;
    server.assert_in_sync().await;
    server.delete_chat(MEI).await;
    let mut late = Subscription::start(&server, crate::support::ALL, json!({"after": listed})).await;
    let asked = late.next().await;
    assert_eq!((&asked["kind"], &asked["chat"]["pinned"]), (&json!("UPDATED"), &json!(true)), "{asked}");
    assert_eq!(late.next().await["changed"], json!(["SYNC"]));
    assert_eq!(late.next().await["kind"], "DELETED");
}
