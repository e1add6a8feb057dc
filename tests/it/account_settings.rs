//! App-state actions for which the library raises no event: whether new messages unarchive chats, numbers of LIDs,
//! contacts without a number, and locked chats.

use chatgraph::{clock::SystemClock, domain::clock::Clock as _};
use chatgraph_sandbox::Phone;
use serde_json::{Value, json};

use crate::support::{BOOKS, MEI, OWNER, RAVI, TestServer, wait_for};

const HIDDEN: &str = "200000000000155@lid";

/// Waits for the next second: messages have whole seconds.
async fn next_second() {
    let second = || SystemClock.now() / 1_000;
    let before = second();
    wait_for("another second", async || (second() != before).then_some(())).await;
}

/// Waits for a setting that the phone writes behind earlier ones in the same collection.
async fn assert_pin_received(server: &TestServer, pinned: bool) {
    server.phone().pin(RAVI, pinned).await.expect("set");
    wait_for("the pin", async || (server.chat(RAVI).await["pinned"] == pinned).then_some(())).await;
    server.assert_in_sync().await;
}

async fn archived(server: &TestServer, cid: &str) -> bool {
    server.chat(cid).await["archived"] == true
}

async fn write(phone: &Phone, from: &str, chat: &str) {
    phone.receive(from, chat, "Hello").await.expect("sent");
}

#[tokio::test]
async fn a_new_message_unarchives_a_chat_if_the_account_says_so() {
    let mut server = TestServer::start().await;
    server.phone().archive(MEI, true).await.expect("archived");
    server.assert_in_sync().await;
    // A replay after the kill below has the archive setting and the message, but not their order within a second.
    next_second().await;
    write(server.phone(), "15550111", MEI).await;
    server.assert_in_sync().await;
    assert!(archived(&server, MEI).await, "chats are kept archived by default");

    server.phone().unarchive_chats(true).await.expect("set");
    assert_pin_received(&server, true).await;
    let mut changes = server.subscribe_to_chats().await;
    write(server.phone(), "15550112", BOOKS).await;
    let told = changes.next().await;
    assert_eq!((&told["cid"], &told["origin"]), (&json!(BOOKS), &json!("MESSAGE")), "{told}");
    assert_eq!(told["changed"], json!(["ARCHIVED", "UNREAD_COUNT", "LAST_MESSAGE"]));
    server.assert_in_sync().await;

    // Archived here, after a restart.
    server.update_chat(BOOKS, "archived: true").await;
    server.assert_in_sync().await;
    server.kill();
    server.restart();
    server.wait_until_working().await;
    write(server.phone(), OWNER, BOOKS).await;
    server.assert_in_sync().await;
    assert!(archived(&server, BOOKS).await, "an own message takes nothing out");
    write(server.phone(), "15550111", BOOKS).await;
    server.assert_in_sync().await;
    assert!(!archived(&server, BOOKS).await);

    server.phone().unarchive_chats(false).await.expect("set");
    server.phone().archive(BOOKS, true).await.expect("archived");
    server.assert_in_sync().await;
    write(server.phone(), "15550111", BOOKS).await;
    server.assert_in_sync().await;
    assert!(archived(&server, BOOKS).await, "they are kept again");
}

#[tokio::test]
async fn chats_with_new_messages_unarchive_when_the_setting_changes() {
    let server = TestServer::start().await;
    server.phone().archive(MEI, true).await.expect("archived");
    server.assert_in_sync().await;
    next_second().await;
    write(server.phone(), "15550111", MEI).await;
    server.assert_in_sync().await;
    assert!(archived(&server, MEI).await);
    server.phone().unarchive_chats(true).await.expect("set");
    wait_for("Mei's chat to leave", async || (!archived(&server, MEI).await).then_some(())).await;
    server.assert_in_sync().await;
    assert!(archived(&server, BOOKS).await, "nobody wrote in there");
}

#[tokio::test]
async fn a_chat_unarchived_while_the_session_was_away_is_unarchived() {
    let server = TestServer::start().await;
    server.phone().unarchive_chats(true).await.expect("set");
    assert_pin_received(&server, true).await;
    server.stop_session().await;
    server.phone().archive(MEI, true).await.expect("archived");
    // In another second than the archive, whose range has seconds.
    next_second().await;
    write(server.phone(), "15550111", MEI).await;
    server.phone().archive(RAVI, true).await.expect("archived");
    server.start_session().await;
    server.assert_in_sync().await;
    assert!(!archived(&server, MEI).await);
    assert!(archived(&server, RAVI).await);
    // A replay of all settings changes nothing.
    let resync = "mutation($id: ID!) { resyncSession(input: {sessionId: $id}) { session { status } } }";
    let answer = server.query_with(resync, json!({"id": server.session})).await;
    assert_eq!(answer["errors"], Value::Null, "{answer}");
    server.assert_in_sync().await;
    assert!(!archived(&server, MEI).await);
}

#[tokio::test]
async fn a_newly_linked_device_receives_earlier_settings() {
    let server = TestServer::start().await;
    write(server.phone(), HIDDEN, HIDDEN).await;
    server.phone().save_contact(HIDDEN, Some("Nadia")).await.expect("saved");
    server.phone().unarchive_chats(true).await.expect("set");
    assert_pin_received(&server, true).await;
    server.phone().unlink().await;
    server.wait_until_logged_out().await;
    server.phone().save_contact(HIDDEN, Some("Nadia Haddad")).await.expect("saved");
    server.phone().archive(MEI, true).await.expect("archived");
    server.pair_again().await;
    server.assert_in_sync().await;
    assert_eq!(server.chat(HIDDEN).await["name"], "Nadia Haddad");
    write(server.phone(), "15550111", MEI).await;
    server.assert_in_sync().await;
    assert!(!archived(&server, MEI).await);
}

#[tokio::test]
async fn a_setting_reports_the_number_of_a_lid() {
    let server = TestServer::start().await;
    write(server.phone(), HIDDEN, HIDDEN).await;
    server.phone().save_contact(HIDDEN, Some("Nadia")).await.expect("saved");
    server.assert_in_sync().await;
    server.phone().learn_in_settings("200000000000155", "15550155").await.expect("learnt");
    let number = "15550155@s.whatsapp.net";
    wait_for("one chat", async || (server.chat(HIDDEN).await["jid"] == number).then_some(())).await;
    server.assert_in_sync().await;
    // Two chats become one.
    let other = "200000000000111@lid";
    write(server.phone(), other, other).await;
    server.assert_in_sync().await;
    server.phone().learn_in_settings("200000000000111", "15550111").await.expect("learnt");
    wait_for("one chat", async || (server.chat(other).await["jid"] == MEI).then_some(())).await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn contact_without_a_number_is_saved_renamed_and_removed() {
    let server = TestServer::start().await;
    write(server.phone(), HIDDEN, HIDDEN).await;
    server.assert_in_sync().await;
    assert_eq!(server.chat(HIDDEN).await["name"], Value::Null);
    for name in [Some("Nadia"), Some("Nadia Haddad"), None] {
        server.phone().save_contact(HIDDEN, name).await.expect("saved");
        wait_for("the name", async || (server.chat(HIDDEN).await["name"] == json!(name)).then_some(())).await;
        server.assert_in_sync().await;
    }
}

#[tokio::test]
async fn a_chat_that_is_locked_is_neither_archived_nor_pinned() {
    let server = TestServer::start().await;
    server.phone().pin(MEI, true).await.expect("pinned");
    server.assert_in_sync().await;
    for cid in [MEI, BOOKS] {
        server.phone().lock(cid, true).await.expect("locked");
        let is_plain = async || {
            let chat = server.chat(cid).await;
            (chat["archived"] == false && chat["pinned"] == false).then_some(())
        };
        wait_for("the chat to be neither", is_plain).await;
        server.assert_in_sync().await;
        server.phone().lock(cid, false).await.expect("unlocked");
    }
    server.phone().archive(MEI, true).await.expect("archived");
    server.assert_in_sync().await;
    assert!(archived(&server, MEI).await, "no longer locked");
}
