//! Names of people and groups, and changed numbers: saved, renamed, removed, changed on the phone.

use serde_json::{Value, json};

use crate::support::{BOOKS, MEI, RAVI, Subscription, TestServer, wait_for};

const NEW: &str = "15550118@s.whatsapp.net";
const FAIR: &str = "120363000000000777@g.us";

/// Returns the next change, which must be of this chat's name alone.
async fn renamed(changes: &mut Subscription, cid: &str) -> Value {
    let change = changes.next().await;
    assert_eq!((&change["cid"], &change["changed"]), (&json!(cid), &json!(["NAME"])), "{change}");
    change["chat"]["name"].clone()
}

#[tokio::test]
async fn a_contact_shows_its_next_best_name_after_a_removal() {
    let server = TestServer::start().await;
    let mut changes = server.subscribe_to_chats().await;
    server.phone().save_contact("15550111", Some("Mei from work")).await.expect("renamed");
    assert_eq!(renamed(&mut changes, MEI).await, "Mei from work");
    server.phone().save_contact("15550111", None).await.expect("removed");
    assert_eq!(renamed(&mut changes, MEI).await, "mei", "the push name is used");
    server.phone().save_contact("15550112", None).await.expect("removed");
    assert_eq!(renamed(&mut changes, RAVI).await, "+15550112", "the number is the only known name");
    server.phone().save_contact("15550112", Some("Ravi")).await.expect("saved");
    assert_eq!(renamed(&mut changes, RAVI).await, "Ravi");
    server.assert_in_sync().await;
}

/// WhatsApp then sends both actions in one response.
#[tokio::test]
async fn a_contact_that_was_saved_and_removed_meanwhile_is_removed() {
    let server = TestServer::start().await;
    server.stop_session().await;
    server.phone().save_contact("15550111", Some("Mei from work")).await.expect("renamed");
    server.phone().save_contact("15550111", None).await.expect("removed");
    server.start_session().await;
    server.assert_in_sync().await;
    assert_eq!(server.chat(MEI).await["name"], "mei");
}

#[tokio::test]
async fn a_contact_without_a_chat_is_listed_among_empty_chats() {
    let server = TestServer::start().await;
    let listed = async || {
        let query = "{ chats(filter: {includeEmpty: true, search: \"nia\"}) { nodes { jid lastMessageAt } } }";
        server.query(query).await["data"]["chats"]["nodes"].clone()
    };
    server.phone().save_contact("15550119", Some("Nia Okafor")).await.expect("saved");
    let nia = json!([{"jid": "15550119@s.whatsapp.net", "lastMessageAt": null}]);
    wait_for("Nia to be listed", async || (listed().await == nia).then_some(())).await;
    server.phone().save_contact("15550119", None).await.expect("removed");
    wait_for("Nia to be removed", async || (listed().await == json!([])).then_some(())).await;
}

#[tokio::test]
async fn push_names_and_the_names_of_businesses_come_with_messages() {
    let server = TestServer::start().await;
    let mut changes = server.subscribe_to_chats().await;
    server.phone().save_contact("15550111", None).await.expect("removed");
    assert_eq!(renamed(&mut changes, MEI).await, "mei");
    server.phone().push_name("15550111", "Mei T.").await.expect("named");
    server.phone().receive("15550111", MEI, "New name").await.expect("sent");
    let told = changes.next().await;
    assert_eq!((&told["origin"], &told["chat"]["name"]), (&json!("MESSAGE"), &json!("Mei T.")), "{told}");

    server.phone().save_contact("15550112", None).await.expect("removed");
    assert_eq!(renamed(&mut changes, RAVI).await, "+15550112");
    server.phone().verify_business("15550112", "Patel & Sons").await.expect("verified");
    assert_eq!(renamed(&mut changes, RAVI).await, "Patel & Sons");
    // The business name of an unknown number arrives with its first message.
    server.phone().verify_business("15550120", "Lamp Works").await.expect("verified");
    let lamps = "15550120@s.whatsapp.net";
    server.phone().receive("15550120", lamps, "Your lamp is ready").await.expect("sent");
    wait_for("the business to be named", async || (server.chat(lamps).await["name"] == "Lamp Works").then_some(()))
        .await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn a_new_group_is_listed_before_its_first_message() {
    let server = TestServer::start().await;
    let mut changes = server.subscribe_to_chats().await;
    server.phone().enter_group(FAIR, "Summer fair", &["15550112".to_owned()], "15550111").await.expect("a group");
    let told = changes.next().await;
    assert_eq!((&told["kind"], &told["origin"], &told["cid"]), (&json!("CREATED"), &json!("DEVICE"), &json!(FAIR)));
    let list = server.query("{ chats(filter: {includeEmpty: true, type: [GROUP]}) { nodes { name type } } }").await;
    let fair = json!({"name": "Summer fair", "type": "GROUP"});
    assert!(list["data"]["chats"]["nodes"].as_array().is_some_and(|chats| chats.contains(&fair)), "{list}");

    server.phone().rename_group(FAIR, "Autumn fair", "15550112").await.expect("renamed");
    assert_eq!(renamed(&mut changes, FAIR).await, "Autumn fair");
    server.phone().change_members(FAIR, &["15550113".to_owned()], true, "15550111").await.expect("added");
    server.phone().receive("15550113", FAIR, "Hello all").await.expect("sent");
    let told = changes.next().await;
    assert_eq!(
        told["changed"],
        json!(["UNREAD_COUNT", "LAST_MESSAGE"]),
        "a change of members is not published: {told}"
    );
    server.phone().change_members(FAIR, &["15550100".to_owned()], false, "15550100").await.expect("left");
    server.phone().rename_group(BOOKS, "Books & tea", "15550111").await.expect("renamed");
    assert_eq!(renamed(&mut changes, BOOKS).await, "Books & tea", "a group that the owner left does not change");
    server.assert_in_sync().await;
}

#[tokio::test]
async fn a_chat_keeps_its_position_when_its_number_changes() {
    let server = TestServer::start().await;
    let id = server.chat(MEI).await["id"].clone();
    server.phone().pin(MEI, true).await.expect("pinned");
    server.assert_in_sync().await;
    let mut changes = server.subscribe_to_chats().await;
    server.phone().change_number("15550111", "15550118").await.expect("changed");
    let told = changes.next().await;
    assert_eq!((&told["cid"], &told["chatId"], &told["origin"]), (&json!(NEW), &id, &json!("DEVICE")), "{told}");
    assert_eq!(told["changed"], json!(["JID", "ALIASES"]));
    assert_eq!((&told["chat"]["pinned"], &told["chat"]["name"]), (&json!(true), &json!("Mei Tanaka")));
    for cid in [MEI, NEW] {
        let chat =
            server.query_with("query($cid: JID!) { chat(cid: $cid) { id jid aliases } }", json!({"cid": cid})).await;
        assert_eq!(chat["data"]["chat"], json!({"id": id, "jid": NEW, "aliases": [MEI]}));
    }
    server.phone().receive("15550118", NEW, "It is me").await.expect("sent");
    assert_eq!(changes.next().await["chatId"], id);
    server.assert_in_sync().await;
    server.update_chat(MEI, "archived: true").await;
    server.assert_in_sync().await;
}
