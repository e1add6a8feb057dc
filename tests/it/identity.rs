//! One person with a number and a LID has one chat.

use chatgraph_sandbox::{AccountSpec, ReceiptForm, spec::ContactSpec};
use serde_json::{Value, json};

use crate::support::{BOOKS, DELETE_CHAT, MEI, Subscription, TestServer, ZOE, ZOE_LID, wait_for};

const FOLLOW: &str = "subscription($cid: JID) { chatChanges(cid: $cid) { cursor change { \
    kind chatId cid changed mergedIntoId chat { jid aliases unreadCount archived lastMessage { text sender } } } } }";

/// An account that knows Zoe's number and push name, and has no chat with her.
fn account() -> AccountSpec {
    let mut account = crate::support::account("15550100", "Alex Example");
    let (phone, push_name) = ("15550188".to_owned(), Some("zoe".to_owned()));
    account.contacts.push(ContactSpec { phone, push_name, ..ContactSpec::default() });
    account
}

async fn start() -> TestServer {
    TestServer::builder().account(account()).start().await
}

impl TestServer {
    /// Receives a message from one of Zoe's addresses.
    async fn zoe_writes(&self, from: &str, text: &str) -> String {
        self.phone().receive(from, from, text).await.expect("a message")
    }

    /// Returns the chat with Zoe by one of her addresses, once its last message is `last`.
    async fn chat_with(&self, cid: &str, last: &str) -> Value {
        let query = "query($cid: JID!) { chat(cid: $cid) { id jid aliases unreadCount archived \
                     messages { nodes { text sender } } } }";
        wait_for("the message", async || {
            let chat = self.query_with(query, json!({"cid": cid})).await["data"]["chat"].clone();
            (chat["messages"]["nodes"][0]["text"] == last).then_some(())
        })
        .await;
        // Within one answer, the chat may have been read before its messages.
        self.query_with(query, json!({"cid": cid})).await["data"]["chat"].clone()
    }
}

#[tokio::test]
async fn two_chats_become_one_when_the_phone_says_so() {
    let server = start().await;
    server.zoe_writes(ZOE, "by number").await;
    let one = server.chat_with(ZOE, "by number").await;
    server.zoe_writes(ZOE_LID, "by LID").await;
    let other = server.chat_with(ZOE_LID, "by LID").await;
    assert_ne!(one["id"], other["id"]);
    let mut by_lid = Subscription::start(&server, FOLLOW, json!({"cid": ZOE_LID})).await;
    let mut by_number = Subscription::start(&server, FOLLOW, json!({"cid": ZOE})).await;

    server.phone().learn("200000000000188", "15550188", true).await.expect("learned");

    let gone = by_lid.next().await;
    assert_eq!((&gone["kind"], &gone["chatId"], &gone["cid"]), (&json!("DELETED"), &other["id"], &json!(ZOE_LID)));
    assert_eq!((&gone["mergedIntoId"], &gone["chat"]), (&one["id"], &Value::Null));
    for changes in [&mut by_lid, &mut by_number] {
        let joined = changes.next().await;
        assert_eq!((&joined["kind"], &joined["chatId"], &joined["cid"]), (&json!("UPDATED"), &one["id"], &json!(ZOE)));
        assert_eq!(joined["changed"], json!(["ALIASES", "UNREAD_COUNT", "LAST_MESSAGE"]));
        assert_eq!((&joined["chat"]["aliases"], &joined["chat"]["unreadCount"]), (&json!([ZOE_LID]), &json!(2)));
    }
    let chat = server.chat_with(ZOE_LID, "by LID").await;
    assert_eq!((&chat["id"], &chat["jid"], &chat["aliases"]), (&one["id"], &json!(ZOE), &json!([ZOE_LID])));
    let sent = json!([{"text": "by LID", "sender": ZOE}, {"text": "by number", "sender": ZOE}]);
    assert_eq!(chat["messages"]["nodes"], sent);
    server.assert_in_sync().await;

    // Subscribers by either address still receive changes, and either address names the chat.
    server.zoe_writes(ZOE_LID, "again").await;
    for changes in [&mut by_lid, &mut by_number] {
        assert_eq!(changes.next().await["chat"]["lastMessage"], json!({"text": "again", "sender": ZOE}));
    }
    assert_eq!(server.update_chat(ZOE_LID, "archived: true").await["jid"], ZOE);
    assert_eq!(by_lid.next().await["chat"]["archived"], true);
    server.assert_in_sync().await;
    let deleted = server.query_with(DELETE_CHAT, json!({"cid": ZOE_LID})).await["data"]["deleteChat"].clone();
    assert_eq!(deleted, json!({"deletedChatId": one["id"], "cid": ZOE, "sessionId": server.session}));
}

#[tokio::test]
async fn a_subscriber_of_a_lid_receives_changes_under_the_number() {
    let server = start().await;
    let mut changes = Subscription::start(&server, FOLLOW, json!({"cid": ZOE_LID})).await;
    server.phone().learn("200000000000188", "15550188", true).await.expect("learned");
    server.zoe_writes(ZOE, "by number").await;
    let made = changes.next().await;
    assert_eq!(
        (&made["kind"], &made["cid"], &made["chat"]["aliases"]),
        (&json!("CREATED"), &json!(ZOE), &json!([ZOE_LID]))
    );
    server.assert_in_sync().await;
}

#[tokio::test]
async fn a_known_person_has_one_chat_also_after_a_restart() {
    let mut server = start().await;
    server.phone().learn("200000000000188", "15550188", true).await.expect("learned");
    server.phone().settled().await.expect("told");
    wait_for("the person", async || (server.rows("peer_address").await > 0).then_some(())).await;
    server.restart();
    server.wait_until_working().await;
    server.zoe_writes(ZOE_LID, "by LID").await;
    let chat = server.chat_with(ZOE, "by LID").await;
    assert_eq!((&chat["jid"], &chat["aliases"]), (&json!(ZOE), &json!([ZOE_LID])));
    server.assert_in_sync().await;
}

#[tokio::test]
async fn a_message_with_both_addresses_finds_the_chat() {
    let server = start().await;
    server.zoe_writes(ZOE, "by number").await;
    let one = server.chat_with(ZOE, "by number").await;
    server.phone().learn("200000000000188", "15550188", false).await.expect("learned");
    server.zoe_writes(ZOE_LID, "by LID").await;
    let chat = server.chat_with(ZOE, "by LID").await;
    assert_eq!((&chat["id"], &chat["unreadCount"]), (&one["id"], &json!(2)));
    server.assert_in_sync().await;
}

#[tokio::test]
async fn a_history_maps_a_lid_to_its_number() {
    let mut account = account();
    account.contacts[0].lid = Some("200000000000111".to_owned());
    account.history[0].jid = "200000000000111@lid".to_owned();
    let server = TestServer::builder().account(account).start().await;
    let chat = server.chat_with("200000000000111@lid", "Yes!").await;
    assert_eq!((&chat["jid"], &chat["aliases"]), (&json!(MEI), &json!(["200000000000111@lid"])));
    let archived = server.update_chat(MEI, "archived: true").await;
    assert_eq!(archived["archived"], true);
    server.assert_in_sync().await;
}

#[tokio::test]
async fn writing_to_a_person_with_two_known_addresses_merges_chats() {
    for address in [ZOE, ZOE_LID] {
        let server = start().await;
        server.zoe_writes(ZOE, "by number").await;
        server.zoe_writes(ZOE_LID, "by LID").await;
        let by_lid = server.chat_with(ZOE_LID, "by LID").await;
        assert_ne!(server.chat_with(ZOE, "by number").await["id"], by_lid["id"]);

        server.phone().learn("200000000000188", "15550188", false).await.expect("learned");
        server.phone().receive("15550100", address, "mine").await.expect("a message");
        for jid in [ZOE, ZOE_LID] {
            let chat = server.chat_with(jid, "mine").await;
            assert_eq!(chat["messages"]["nodes"].as_array().map(Vec::len), Some(3), "{address} {chat}");
        }
        server.assert_in_sync().await;
    }
}

#[tokio::test]
async fn reading_on_another_device_ends_at_the_named_message() {
    let server = start().await;
    for form in [ReceiptForm::Read, ReceiptForm::ReadSelf, ReceiptForm::FromChat] {
        let first = server.phone().receive(MEI, MEI, "first").await.expect("a message");
        server.phone().receive(MEI, MEI, "second").await.expect("a message");
        server.assert_in_sync().await;
        server.phone().read_elsewhere(MEI, Some(&first), form).await.expect("read");
        wait_for("an unread count of 1", async || (server.chat(MEI).await["unreadCount"] == 1).then_some(())).await;
        server.assert_in_sync().await;
        server.phone().read_elsewhere(MEI, None, form).await.expect("read");
        wait_for("an unread count of 0", async || (server.chat(MEI).await["unreadCount"] == 0).then_some(())).await;
        server.assert_in_sync().await;
        server.phone().receive("15550111", BOOKS, "to all").await.expect("a message");
        wait_for("an unread count of 1", async || (server.chat(BOOKS).await["unreadCount"] == 1).then_some(())).await;
        server.phone().read_elsewhere(BOOKS, None, form).await.expect("read");
        wait_for("an unread count of 0", async || (server.chat(BOOKS).await["unreadCount"] == 0).then_some(())).await;
        server.assert_in_sync().await;
    }
}

#[tokio::test]
async fn reading_on_another_device_during_an_outage_is_applied() {
    let server = start().await;
    server.stop_session().await;
    for form in [ReceiptForm::Read, ReceiptForm::ReadSelf, ReceiptForm::FromChat] {
        let first = server.phone().receive(MEI, MEI, "first").await.expect("a message");
        server.phone().receive(MEI, MEI, "second").await.expect("a message");
        server.phone().read_elsewhere(MEI, Some(&first), form).await.expect("read");
    }
    server.start_session().await;
    server.assert_in_sync().await;
    assert_eq!(server.chat(MEI).await["unreadCount"], 1);
}
