//! Changes from the API and from the phone, as subscribers receive them.

use chatgraph::{clock::SystemClock, domain::clock::Clock as _};
use serde_json::{Value, json};

use crate::support::{
    BOOKS, CHANGE_CURSOR, MEI, OLU, RAVI, Subscription, TestServer, UPDATE_CHAT, error_code, error_field,
    update_chat_mutation, wait_for,
};

#[tokio::test]
async fn archiving_over_the_api_reaches_the_phone_and_the_subscriber() {
    let server = TestServer::start().await;
    let mut changes = server.subscribe_to_chats().await;

    let chat = server.update_chat(MEI, "archived: true").await;
    assert_eq!(
        (&chat["archived"], &chat["sync"]),
        (&json!(true), &json!({"state": "PENDING", "pending": ["ARCHIVED"]}))
    );

    let asked = changes.next().await;
    assert_eq!((&asked["kind"], &asked["origin"], &asked["cid"]), (&json!("UPDATED"), &json!("API"), &json!(MEI)));
    assert_eq!(asked["changed"], json!(["ARCHIVED", "SYNC"]));
    assert_eq!(asked["chat"]["archived"], true);
    assert_eq!(asked["chat"]["sync"]["state"], "PENDING");
    let arrived = changes.next().await;
    assert_eq!((&arrived["origin"], &arrived["changed"]), (&json!("API"), &json!(["SYNC"])));
    assert_eq!(arrived["chat"]["sync"]["state"], "SYNCED");
    server.assert_in_sync().await;
    assert!(shown(&server, MEI).archived);
}

#[tokio::test]
async fn every_setting_made_over_the_api_reaches_the_phone() {
    let server = TestServer::start().await;
    let tomorrow = tomorrow();
    for (cid, fields, fits) in [
        (MEI, "pinned: true".to_owned(), json!({"pinned": true})),
        (MEI, format!("mutedUntil: {tomorrow}"), json!({"muted": true, "mutedUntil": tomorrow})),
        (MEI, "read: true".to_owned(), json!({"unreadCount": 0, "markedUnread": false})),
        (MEI, "read: false".to_owned(), json!({"unreadCount": 0, "markedUnread": true})),
        (MEI, "archived: true".to_owned(), json!({"archived": true, "pinned": false})),
        (
            MEI,
            "archived: false, unmute: true".to_owned(),
            json!({"archived": false, "muted": false, "mutedUntil": null}),
        ),
        (RAVI, "unmute: true".to_owned(), json!({"muted": false})),
        (
            BOOKS,
            "archived: false, pinned: true, mutedUntil: 253402300799999".to_owned(),
            json!({"archived": false, "pinned": true}),
        ),
    ] {
        let chat = server.update_chat(cid, &fields).await;
        for (field, value) in fits.as_object().expect("fields") {
            assert_eq!(chat[field], *value, "{fields}: {field}");
        }
        server.assert_in_sync().await;
    }
}

#[tokio::test]
async fn every_setting_made_on_the_phone_reaches_the_subscriber() {
    let server = TestServer::start().await;
    let mut changes = server.subscribe_to_chats().await;
    let (phone, until) = (server.phone(), tomorrow());

    phone.pin(MEI, true).await.expect("pinned");
    assert_next_change(&mut changes, MEI, &["PINNED"], "pinned", json!(true)).await;
    server.assert_in_sync().await;
    phone.archive(RAVI, true).await.expect("archived");
    assert_next_change(&mut changes, RAVI, &["ARCHIVED"], "archived", json!(true)).await;
    server.assert_in_sync().await;
    phone.mute(MEI, Some(until)).await.expect("muted");
    assert_next_change(&mut changes, MEI, &["MUTED_UNTIL"], "mutedUntil", json!(until)).await;
    server.assert_in_sync().await;
    phone.mute(RAVI, None).await.expect("unmuted");
    assert_next_change(&mut changes, RAVI, &["MUTED_UNTIL"], "mutedUntil", Value::Null).await;
    server.assert_in_sync().await;
    phone.mark_read(MEI, true).await.expect("read");
    assert_next_change(&mut changes, MEI, &["UNREAD_COUNT"], "unreadCount", json!(0)).await;
    server.assert_in_sync().await;
    phone.mark_read(MEI, false).await.expect("unread");
    assert_next_change(&mut changes, MEI, &["MARKED_UNREAD"], "markedUnread", json!(true)).await;
    server.assert_in_sync().await;
}

#[tokio::test]
async fn settings_made_in_quick_succession_on_the_phone_all_arrive() {
    let server = TestServer::start().await;
    for round in 0..60 {
        for cid in [MEI, RAVI] {
            server.phone().pin(cid, round % 2 == 0).await.expect("pinned or not");
        }
        server.assert_in_sync().await;
    }
}

#[tokio::test]
async fn a_contacts_message_is_listed_counted_and_published() {
    let server = TestServer::start().await;
    let mut changes = server.subscribe_to_chats().await;
    server.phone().receive("15550112", RAVI, "It has arrived!").await.expect("sent");
    let change = changes.next().await;
    assert_eq!((&change["origin"], &change["kind"]), (&json!("MESSAGE"), &json!("UPDATED")));
    assert_eq!(change["changed"], json!(["UNREAD_COUNT", "LAST_MESSAGE"]));
    assert_eq!(change["chat"]["lastMessage"]["text"], "It has arrived!");
    server.assert_in_sync().await;
    let ravi = server.chat(RAVI).await;
    assert_eq!((&ravi["unreadCount"], &ravi["lastMessage"]["senderName"]), (&json!(1), &json!("Ravi Patel")));
    let first = server.query("{ chats(first: 1) { nodes { jid } } }").await;
    assert_eq!(first["data"]["chats"]["nodes"][0]["jid"], RAVI);

    server.phone().receive("15550113", OLU, "Hello from Olu").await.expect("sent");
    let change = changes.next().await;
    assert_eq!((&change["cid"], &change["chat"]["name"]), (&json!(OLU), &json!("Olu Adeyemi")));
    assert_eq!(change["chat"]["lastMessage"]["text"], "Hello from Olu");
    server.assert_in_sync().await;
}

#[tokio::test]
async fn changes_without_a_subscriber_are_replayed_after_the_cursor() {
    let server = TestServer::start().await;
    let listed = server.query(CHANGE_CURSOR).await["data"]["chats"]["changeCursor"].clone();
    server.phone().pin(MEI, true).await.expect("pinned");
    server.assert_in_sync().await;
    server.phone().mute(MEI, None).await.expect("no change");
    server.phone().archive(RAVI, true).await.expect("archived");
    server.assert_in_sync().await;
    let query = crate::support::ALL;
    let mut late = Subscription::start(&server, query, json!({"after": listed})).await;
    assert_next_change(&mut late, MEI, &["PINNED"], "pinned", json!(true)).await;
    let between = late.cursor.clone();
    assert_next_change(&mut late, RAVI, &["ARCHIVED"], "archived", json!(true)).await;
    let mut later = Subscription::start(&server, query, json!({"after": between})).await;
    assert_next_change(&mut later, RAVI, &["ARCHIVED"], "archived", json!(true)).await;
    let mut one_chat =
        Subscription::start(&server, query, json!({"after": listed, "cid": RAVI, "session": server.session})).await;
    assert_next_change(&mut one_chat, RAVI, &["ARCHIVED"], "archived", json!(true)).await;
}

#[tokio::test]
async fn an_invalid_cursor_ends_the_stream_with_its_field() {
    let server = TestServer::start().await;
    let query = crate::support::ALL;
    let mut refused = Subscription::open(&server, &server.key, query, json!({"after": "nonsense"})).await;
    let error = refused.message("error").await["payload"][0]["extensions"].clone();
    assert_eq!((&error["code"], &error["field"]), (&json!("validation_error"), &json!("after")));
}

#[tokio::test]
async fn invalid_updates_are_rejected_and_change_nothing() {
    let server = TestServer::start().await;
    for (fields, code, field) in [
        ("archived: true, pinned: true", "validation_error", "pinned"),
        ("mutedUntil: 1000", "validation_error", "mutedUntil"),
        ("mutedUntil: 253402300800000", "validation_error", "mutedUntil"),
        ("lastMessageTimestamp: -1, archived: true", "validation_error", "lastMessageTimestamp"),
        ("archived: \"yes\"", "validation_error", "archived"),
        ("loud: true", "validation_error", ""),
    ] {
        let answer = server.query(&update_chat_mutation(MEI, fields, "id")).await;
        assert_eq!(error_code(&answer), code, "{fields}: {answer}");
        if !field.is_empty() {
            assert_eq!(error_field(&answer), field, "{fields}: {answer}");
        }
    }
    let missing = "mutation { updateChat(input: {cid: \"15550199@s.whatsapp.net\", archived: true}) { chat { id } } }";
    assert_eq!(error_code(&server.query(missing).await), "not_found");
    let (before, after) = (server.chat(MEI).await, server.update_chat(MEI, "archived: null, pinned: null").await);
    assert_eq!(before["archived"], after["archived"]);
    assert_eq!(after["sync"]["state"], "SYNCED");
    server.assert_in_sync().await;
}

#[tokio::test]
async fn a_fourth_pin_is_rejected_and_names_the_others_to_readers() {
    let server = TestServer::start().await;
    server.phone().receive("15550113", OLU, "Hello").await.expect("sent");
    server.assert_in_sync().await;
    server.update_chat(BOOKS, "archived: false").await;
    let mut pinned = Vec::new();
    for cid in [MEI, RAVI, BOOKS] {
        server.update_chat(cid, "pinned: true").await;
        pinned.push(server.chat(cid).await["id"].clone());
    }
    let pin = json!({"input": {"cid": OLU, "pinned": true}});
    let answer = server.query_with(UPDATE_CHAT, pin.clone()).await;
    assert_eq!(error_code(&answer), "conflict");
    let told = answer["errors"][0]["extensions"]["chatIds"].as_array().expect("ids");
    assert!(told.len() == 3 && pinned.iter().all(|id| told.contains(id)), "{answer}");

    let sender = server.create_key("org_1", &["send"]);
    let unread = server.query_as(&sender, UPDATE_CHAT, pin).await;
    assert_eq!(error_code(&unread), "conflict");
    assert_eq!(unread["errors"][0]["extensions"]["chatIds"], Value::Null, "{unread}");
    for answer in [&answer, &unread] {
        let message = answer["errors"][0]["message"].as_str().expect("a message");
        assert_eq!(message, "WhatsApp shows at most 3 pinned chats, and 3 are pinned");
    }
    server.assert_in_sync().await;
}

#[tokio::test]
async fn an_action_waits_for_the_connection_to_return() {
    let server = TestServer::start().await;
    server.phone().cut().await;
    let chat = server.update_chat(MEI, "pinned: true").await;
    assert_eq!(chat["pinned"], true);
    server.assert_in_sync().await;
    wait_for("the chat to be in step", async || (server.chat(MEI).await["sync"]["state"] == "SYNCED").then_some(()))
        .await;
}

#[tokio::test]
async fn phone_actions_during_an_outage_arrive_after_the_reconnect() {
    let server = TestServer::start().await;
    let mut changes = server.subscribe_to_chats().await;
    server.phone().cut().await;
    server.phone().receive("15550111", MEI, "Are you there?").await.expect("sent");
    server.phone().archive(RAVI, true).await.expect("archived");
    let mut told = [changes.next().await, changes.next().await];
    told.sort_by_key(|change| change["cid"].to_string());
    assert_eq!((&told[0]["cid"], &told[0]["origin"]), (&json!(MEI), &json!("MESSAGE")));
    assert_eq!((&told[1]["cid"], &told[1]["origin"]), (&json!(RAVI), &json!("DEVICE")));
    server.assert_in_sync().await;
}

fn shown(server: &TestServer, cid: &str) -> chatgraph_sandbox::ChatView {
    server.phone().chats().into_iter().find(|chat| chat.jid == cid).expect("a chat")
}

async fn assert_next_change(listener: &mut Subscription, cid: &str, changed: &[&str], field: &str, value: Value) {
    let change = listener.next().await;
    assert_eq!((&change["cid"], &change["origin"]), (&json!(cid), &json!("DEVICE")), "{change}");
    assert_eq!(change["changed"], json!(changed), "{change}");
    assert_eq!(change["chat"][field], value, "{change}");
}

fn tomorrow() -> i64 {
    SystemClock.now() + 86_400_000
}
