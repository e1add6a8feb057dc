//! People under every kind of WhatsApp address: no message is lost, and one person has one chat.

use chatgraph_sandbox::{
    AccountSpec,
    spec::{Addressing, ChatSpec},
};
use serde_json::{Value, json};

use crate::support::{BOOKS, MEI, MESSAGES, OWNER, TestServer, account, wait_for};

const MEI_LID: &str = "200000000000111@lid";
const HIDDEN: &str = "200000000000155@lid";
const ASSISTANT: &str = "867051314767696@bot";

async fn messages(server: &TestServer, cid: &str) -> Value {
    let answer = server.query_with(MESSAGES, json!({"cid": cid})).await;
    answer["data"]["chat"]["messages"]["nodes"].clone()
}

/// Waits until the chat's last message has this text.
async fn last(server: &TestServer, cid: &str, text: &str) -> Value {
    wait_for(text, async || {
        let last = messages(server, cid).await[0].clone();
        (last["text"] == text).then_some(last)
    })
    .await
}

#[tokio::test]
async fn a_hosted_business_is_the_person_with_its_number_or_lid() {
    let mut account = account(OWNER, "Alex Example");
    account.contacts[0].lid = Some("200000000000111".to_owned());
    let server = TestServer::builder().account(account).start().await;
    for (from, chat) in [("15550111:99@hosted", MEI), ("200000000000111:99@hosted.lid", MEI_LID)] {
        let id = server.phone().receive(from, chat, from).await.expect("sent");
        assert_eq!(last(&server, MEI, from).await["sender"], MEI);
        server.phone().edit(&id, "edited").await.expect("edited");
        assert_eq!(last(&server, MEI, "edited").await["edited"], true);
        server.assert_in_sync().await;
    }
    server.phone().receive(OWNER, "15550111@hosted", "to the business").await.expect("sent");
    assert_eq!(last(&server, MEI, "to the business").await["fromMe"], true);
    server.assert_in_sync().await;

    let id = server.phone().receive("15550111:99@hosted", BOOKS, "in the group").await.expect("sent");
    assert_eq!(last(&server, BOOKS, "in the group").await["sender"], MEI);
    server.assert_in_sync().await;
    server.phone().revoke(&id, None).await.expect("revoked");
    wait_for("the revocation", async || (messages(&server, BOOKS).await[0]["revoked"] == true).then_some(())).await;
    server.phone().settled().await.expect("all deliveries are acknowledged");
    server.assert_in_sync().await;
}

#[tokio::test]
async fn chats_with_assistants_and_other_messengers_are_stored() {
    let mut account = account(OWNER, "Alex Example");
    account.history.push(ChatSpec { jid: ASSISTANT.to_owned(), pinned: true, ..account.history[1].clone() });
    let written = account.history.last_mut().expect("a chat");
    written.muted_until = None;
    written.messages[0].from = None;
    let server = TestServer::builder().account(account).start().await;
    assert_eq!(messages(&server, ASSISTANT).await[0]["fromMe"], true, "in the history");

    for from in [ASSISTANT, "sam7@interop"] {
        server.phone().receive(from, from, "hello").await.expect("sent");
        assert_eq!(last(&server, from, "hello").await["sender"], from);
        server.assert_in_sync().await;
        assert_eq!(server.chat(from).await["type"], "DM");
        assert_eq!(server.update_chat(from, "archived: true").await["archived"], true);
        server.assert_in_sync().await;
        server.phone().read_elsewhere(from, None, chatgraph_sandbox::ReceiptForm::Read).await.expect("read");
        wait_for("none unread", async || (server.chat(from).await["unreadCount"] == 0).then_some(())).await;
        server.assert_in_sync().await;
    }
    server.phone().settled().await.expect("all deliveries are acknowledged");
}

/// The book club, addressed by LID; one member is known by LID only.
fn by_lid() -> AccountSpec {
    let mut account = account(OWNER, "Alex Example");
    for (contact, lid) in account.contacts.iter_mut().zip(["200000000000111", "200000000000112"]) {
        contact.lid = Some(lid.to_owned());
    }
    account.groups[0].addressing_mode = Addressing::Lid;
    account.groups[0].participants.push(HIDDEN.to_owned());
    account
}

#[tokio::test]
async fn a_group_addressed_by_lid_works_as_any_other() {
    let server = TestServer::builder().account(by_lid()).start().await;
    let mei = server.phone().receive("15550111", BOOKS, "Chapter five?").await.expect("sent");
    server.phone().receive(HIDDEN, BOOKS, "Who are you all?").await.expect("sent");
    last(&server, BOOKS, "Who are you all?").await;
    server.assert_in_sync().await;
    let own = server.phone().receive(OWNER, BOOKS, "Chapter six").await.expect("sent");
    last(&server, BOOKS, "Chapter six").await;
    server.assert_in_sync().await;
    assert_eq!(server.chat(BOOKS).await["unreadCount"], 0, "a message of the owner, by LID, marks the chat as read");

    server.phone().edit(&own, "Chapter seven").await.expect("edited");
    assert_eq!(last(&server, BOOKS, "Chapter seven").await["edited"], true);
    server.phone().revoke(&mei, Some("15550112")).await.expect("revoked");
    wait_for("the revocation", async || (messages(&server, BOOKS).await[2]["revoked"] == true).then_some(())).await;
    server.assert_in_sync().await;
}
