//! Actions of the owner on the phone besides settings: messages, cleared and deleted chats; and messages in groups.

use serde_json::{Value, json};

use crate::support::{BOOKS, MEI, OLU, OWNER, RAVI, TestServer};

async fn texts(server: &TestServer, cid: &str) -> Vec<Value> {
    let query = "query($cid: JID!) { chat(cid: $cid) { messages { nodes { text } } } }";
    let answer = server.query_with(query, json!({"cid": cid})).await;
    let nodes = answer["data"]["chat"]["messages"]["nodes"].as_array().cloned().unwrap_or_default();
    nodes.into_iter().map(|node| node["text"].clone()).collect()
}

#[tokio::test]
async fn messages_written_on_the_phone_are_own_and_mark_the_chat_read() {
    let server = TestServer::start().await;
    let mut changes = server.subscribe_to_chats().await;
    server.phone().receive(OWNER, MEI, "Six it is").await.expect("sent");
    let told = changes.next().await;
    assert_eq!((&told["origin"], &told["cid"]), (&json!("MESSAGE"), &json!(MEI)), "{told}");
    assert_eq!(told["changed"], json!(["UNREAD_COUNT", "LAST_MESSAGE"]));
    server.assert_in_sync().await;
    let last = server.chat(MEI).await["lastMessage"].clone();
    assert_eq!((&last["text"], &last["fromMe"]), (&json!("Six it is"), &json!(true)));
    // The same in a chat without messages.
    server.phone().receive(OWNER, OLU, "Hello Olu").await.expect("sent");
    let told = changes.next().await;
    assert_eq!(
        (&told["kind"], &told["cid"]),
        (&json!("UPDATED"), &json!(OLU)),
        "the chat existed without messages: {told}"
    );
    server.assert_in_sync().await;
}

#[tokio::test]
async fn messages_in_a_group_are_counted_and_have_a_sender() {
    let server = TestServer::start().await;
    for (from, text, unread) in [("15550111", "Five?", 1), ("15550112", "Four!", 2), (OWNER, "Settled", 0)] {
        server.phone().receive(from, BOOKS, text).await.expect("sent");
        server.assert_in_sync().await;
        let chat = server.chat(BOOKS).await;
        assert_eq!((&chat["unreadCount"], &chat["lastMessage"]["text"]), (&json!(unread), &json!(text)));
        assert_eq!(chat["lastMessage"]["sender"], format!("{from}@s.whatsapp.net"));
        assert_eq!((&chat["name"], &chat["archived"]), (&json!("Book club"), &json!(true)));
    }
}

#[tokio::test]
async fn a_chat_deleted_on_the_phone_returns_with_its_next_message() {
    let server = TestServer::start().await;
    let id = server.chat(MEI).await["id"].clone();
    let mut changes = server.subscribe_to_chats().await;
    server.phone().delete(MEI, None).await.expect("deleted");
    let told = changes.next().await;
    assert_eq!((&told["kind"], &told["origin"], &told["cid"]), (&json!("DELETED"), &json!("DEVICE"), &json!(MEI)));
    assert_eq!((&told["chatId"], &told["chat"]), (&id, &Value::Null));
    server.assert_in_sync().await;
    assert_eq!(server.chat(MEI).await, Value::Null);

    server.phone().receive("15550111", MEI, "Still there?").await.expect("sent");
    let told = changes.next().await;
    assert_eq!((&told["kind"], &told["origin"]), (&json!("CREATED"), &json!("MESSAGE")));
    assert_ne!(told["chatId"], id);
    server.assert_in_sync().await;
    assert_eq!(texts(&server, MEI).await, ["Still there?"]);
}

#[tokio::test]
async fn a_late_deletion_keeps_later_messages() {
    let server = TestServer::start().await;
    let id = server.chat(MEI).await["id"].clone();
    let first = server.phone().receive("15550111", MEI, "one").await.expect("sent");
    server.phone().receive("15550111", MEI, "two").await.expect("sent");
    server.assert_in_sync().await;
    let mut changes = server.subscribe_to_chats().await;
    server.phone().delete(MEI, Some(&first)).await.expect("deleted");
    let told = changes.next().await;
    assert_eq!((&told["kind"], &told["origin"]), (&json!("UPDATED"), &json!("DEVICE")), "{told}");
    assert_eq!((&told["changed"], &told["chatId"]), (&json!(["UNREAD_COUNT"]), &id));
    server.assert_in_sync().await;
    assert_eq!(texts(&server, MEI).await, ["two"]);
}

#[tokio::test]
async fn a_chat_that_is_cleared_stays_without_its_messages() {
    let server = TestServer::start().await;
    let id = server.chat(MEI).await["id"].clone();
    server.phone().pin(MEI, true).await.expect("pinned");
    let first = server.phone().receive("15550111", MEI, "one").await.expect("sent");
    server.phone().receive("15550111", MEI, "two").await.expect("sent");
    server.assert_in_sync().await;
    let mut changes = server.subscribe_to_chats().await;
    server.phone().clear(MEI, Some(&first)).await.expect("cleared");
    assert_eq!(changes.next().await["changed"], json!(["UNREAD_COUNT"]));
    server.assert_in_sync().await;
    assert_eq!(texts(&server, MEI).await, ["two"]);

    server.phone().clear(MEI, None).await.expect("cleared");
    let told = changes.next().await;
    assert_eq!((&told["kind"], &told["origin"]), (&json!("UPDATED"), &json!("DEVICE")), "{told}");
    assert_eq!(told["changed"], json!(["UNREAD_COUNT", "LAST_MESSAGE"]));
    server.assert_in_sync().await;
    let chat = server.chat(MEI).await;
    assert_eq!((&chat["id"], &chat["pinned"], &chat["lastMessageAt"]), (&id, &json!(true), &Value::Null));
    // The chat is not listed, unless chats without messages are included.
    let list = server.query("{ chats { nodes { jid } } }").await;
    assert!(!list["data"]["chats"]["nodes"].to_string().contains(MEI), "{list}");
    let list = server.query("{ chats(filter: {includeEmpty: true, pinned: true}) { nodes { jid } } }").await;
    assert_eq!(list["data"]["chats"]["nodes"], json!([{"jid": MEI}]), "the chat keeps its settings");

    server.phone().receive("15550111", MEI, "three").await.expect("sent");
    server.assert_in_sync().await;
    assert_eq!(texts(&server, MEI).await, ["three"]);
}

#[tokio::test]
async fn deletions_on_the_phone_during_an_outage_are_applied() {
    let server = TestServer::start().await;
    server.stop_session().await;
    server.phone().receive("15550112", RAVI, "Paid?").await.expect("sent");
    server.phone().delete(RAVI, None).await.expect("deleted");
    server.phone().clear(MEI, None).await.expect("cleared");
    server.start_session().await;
    server.assert_in_sync().await;
    assert_eq!(server.chat(RAVI).await, Value::Null);
    assert_eq!(texts(&server, MEI).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_message_deleted_for_the_owner_on_the_phone_goes_here_too() {
    let server = TestServer::start().await;
    let mut ids = Vec::new();
    for (from, chat, text) in [
        ("15550111", MEI, "one"),
        ("15550111", MEI, "two"),
        (OWNER, RAVI, "Thank you"),
        ("15550111", BOOKS, "Chapter five?"),
    ] {
        ids.push(server.phone().receive(from, chat, text).await.expect("sent"));
        server.assert_in_sync().await;
    }
    let mut changes = server.subscribe_to_chats().await;
    server.phone().delete_for_me(&ids[1]).await.expect("deleted");
    let told = changes.next().await;
    assert_eq!((&told["kind"], &told["origin"], &told["cid"]), (&json!("UPDATED"), &json!("DEVICE"), &json!(MEI)));
    assert_eq!(told["changed"], json!(["UNREAD_COUNT", "LAST_MESSAGE"]), "{told}");
    assert_eq!(told["chat"]["lastMessage"]["text"], "one");
    server.assert_in_sync().await;
    // One in the middle changes nothing that a list shows but the count.
    let own = server.phone().receive(OWNER, MEI, "three").await.expect("sent");
    server.assert_in_sync().await;
    server.phone().delete_for_me(&ids[0]).await.expect("deleted");
    server.phone().delete_for_me(&ids[2]).await.expect("deleted");
    server.phone().delete_for_me(&ids[3]).await.expect("deleted");
    server.assert_in_sync().await;
    assert_eq!(server.chat(RAVI).await["lastMessage"]["text"], "The invoice is on its way");
    assert_eq!(server.chat(BOOKS).await["lastMessage"]["text"], "Chapter four next week");

    // While the server is away, the message and its deletion come in any order.
    server.stop_session().await;
    server.phone().delete_for_me(&own).await.expect("deleted");
    let missed = server.phone().receive("15550111", MEI, "four").await.expect("sent");
    server.phone().delete_for_me(&missed).await.expect("deleted");
    server.phone().deliver_again(&ids[0]).await.expect_err("the phone has it no longer");
    server.start_session().await;
    server.assert_in_sync().await;
    assert_eq!(texts(&server, MEI).await, ["Yes!", "See you at six?"]);
}
