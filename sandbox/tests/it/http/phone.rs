use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use whatsapp_rust::prelude::Event;

use super::{Api, send};
use crate::support::{Companion, soon};

#[tokio::test]
async fn a_message_from_a_contact_arrives_in_the_chat() {
    let api = Api::with_account().await;
    let body = json!({"from": "15550100002", "chat": "15550100002@s.whatsapp.net", "text": "Well?"});
    let sent = api.post("/accounts/15550100001/messages", &body).await.expect(StatusCode::CREATED);

    assert!(!sent["id"].as_str().unwrap().is_empty());
    let chat = api.chat("15550100002@s.whatsapp.net").await;
    assert_eq!(chat["unreadCount"], 2);
    assert!(chat["lastMessageAt"].as_i64().unwrap() > 1_700_000_000_000);
}

#[tokio::test]
async fn an_invalid_message_is_rejected() {
    let api = Api::with_account().await;
    let path = "/accounts/15550100001/messages";
    let chat = "15550100002@s.whatsapp.net";
    let empty = json!({"from": "15550100002", "chat": chat, "text": " "});
    api.post(path, &empty).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
    let unknown = json!({"from": "15550100002", "chat": chat, "text": "Hi", "at": 1});
    api.post(path, &unknown).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
    let elsewhere = json!({"from": "15550100002", "chat": "15550100003@s.whatsapp.net", "text": "Hi"});
    api.post(path, &elsewhere).await.error(StatusCode::NOT_FOUND, "unknown_chat");
    let stranger = json!({"from": "15550100099", "chat": "120363000000000001@g.us", "text": "Hi"});
    api.post(path, &stranger).await.error(StatusCode::UNPROCESSABLE_ENTITY, "unknown_contact");
    let nobody = json!({"from": "120363000000000001@g.us", "chat": chat, "text": "Hi"});
    api.post(path, &nobody).await.error(StatusCode::UNPROCESSABLE_ENTITY, "unknown_contact");
}

#[tokio::test]
async fn faults_are_accepted_and_listed() {
    let api = Api::with_account().await;
    let fault =
        json!({"kind": "cut", "times": 2, "phone": "15550100001", "collection": "regular_low", "when": "during"});
    let taken = api.post("/faults", &fault).await.expect(StatusCode::CREATED);
    for (field, value) in fault.as_object().unwrap() {
        assert_eq!(taken[field], *value, "{field}");
    }
    let delay = api.post("/faults", &json!({"kind": "delay", "ms": 200})).await.expect(StatusCode::CREATED);
    assert_eq!(delay["times"], 1);
    for body in [
        json!({"kind": "conflict"}),
        json!({"kind": "delay", "on": "fetch", "ms": 5}),
        json!({"kind": "refuse", "on": "upload"}),
        json!({"kind": "cut", "on": "fetch", "when": "during"}),
        json!({"kind": "lthash"}),
        json!({"kind": "lthash", "on": "fetch", "part": "snapshot"}),
    ] {
        api.post("/faults", &body).await.expect(StatusCode::CREATED);
    }
    for (body, why) in [
        (json!({"kind": "meteor"}), "meteor"),
        (json!({"kind": "cut", "when": "later"}), "later"),
        (json!({"kind": "cut", "times": 0}), "times"),
        (json!({"kind": "cut", "ms": 5}), "delay"),
        (json!({"kind": "delay", "when": "before"}), "when is only valid for a cut"),
        (json!({"kind": "cut", "part": "patch"}), "part is only valid for lthash"),
        (json!({"kind": "conflict", "on": "fetch"}), "only an upload"),
        (json!({"kind": "lthash", "on": "upload"}), "only a fetch"),
        (json!({"kind": "cut", "on": "fetch", "when": "after"}), "stores nothing"),
    ] {
        let told = api.post("/faults", &body).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
        assert!(told.contains(why), "{body}: {told}");
    }
    let forgotten = api.request(Method::DELETE, "/faults").send().await.unwrap();
    assert_eq!(forgotten.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn codes_that_are_not_shown_are_rejected() {
    let api = Api::with_account().await;
    let path = "/accounts/15550100001/scan";
    api.post(path, &json!({"qr": "hello"})).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_qr");
    let key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let nobody = json!({"qr": format!("2@nobody,{key},{key},{key},9")});
    api.post(path, &nobody).await.error(StatusCode::NOT_FOUND, "unknown_qr");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scanning_pairs_a_real_client_and_is_logged() {
    let api = Api::with_account().await;
    let mut companion = Companion::start(&api.sandbox).await;
    let code = companion.qr().await;

    let scanned = api.post("/accounts/15550100001/scan", &json!({"qr": code})).await.expect(StatusCode::OK);

    assert_eq!(scanned["companions"], 1);
    companion.connected().await;
    let phone = api.sandbox.account("15550100001").unwrap();
    soon("the first sync", phone.connected()).await.unwrap();

    let log = api.get("/log").await.expect(StatusCode::OK);
    let entries = log.as_array().unwrap();
    let seq = |entry: &Value| entry["seq"].as_u64().unwrap();
    assert!(entries.is_sorted_by_key(seq));
    assert!(entries.iter().any(|entry| entry["phone"] == "15550100001" && entry["direction"] == "received"));
    let middle = seq(&entries[entries.len() / 2]);
    let later = api.get(&format!("/log?after={middle}")).await.expect(StatusCode::OK);
    assert_eq!(seq(&later[0]), middle + 1);
    api.get("/log?after=x").await.error(StatusCode::BAD_REQUEST, "invalid_query");

    companion.stop().await;
    api.sandbox.stop().await;
}

#[tokio::test]
async fn a_message_is_edited_and_taken_back_and_lowers_the_count_once() {
    let api = Api::with_account().await;
    let body = json!({"from": "15550100002", "chat": "15550100002@s.whatsapp.net", "text": "Well?"});
    let sent = api.post("/accounts/15550100001/messages", &body).await.expect(StatusCode::CREATED);
    let path = format!("/accounts/15550100001/messages/{}", sent["id"].as_str().unwrap());
    for body in [json!({}), json!({"text": " "}), json!({"revoked": false}), json!({"reaction": "x"})] {
        api.post(&path, &body).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
    }
    for body in [json!({"text": "So?"}), json!({"reaction": "👍", "from": "15550100001"}), json!({"revoked": true})] {
        assert_eq!(api.chat("15550100002@s.whatsapp.net").await["unreadCount"], 2);
        api.post(&path, &body).await.expect(StatusCode::OK);
    }
    assert_eq!(api.chat("15550100002@s.whatsapp.net").await["unreadCount"], 1);
    api.post(&path, &json!({"revoked": true})).await.error(StatusCode::NOT_FOUND, "unknown_message");
}

#[tokio::test]
async fn the_phone_learns_the_number_of_a_lid() {
    let api = Api::with_account().await;
    let path = "/accounts/15550100001/mappings";
    let chat = json!({"from": "15550100088", "chat": "15550100088@s.whatsapp.net", "text": "Who am I?"});
    api.post("/accounts/15550100001/messages", &chat).await.expect(StatusCode::CREATED);

    let mapping = json!({"lid": "100000000000088@lid", "phone": "15550100088"});
    let learned = api.post(path, &mapping).await.expect(StatusCode::CREATED);

    assert_eq!(learned, json!({"lid": "100000000000088@lid", "phone": "15550100088", "told": true}));
    assert_eq!(api.chat("15550100088@s.whatsapp.net").await["aliases"], json!(["100000000000088@lid"]));
    let of_ben = json!({"lid": "100000000000002", "phone": "15550100088", "told": false});
    api.post(path, &of_ben).await.error(StatusCode::UNPROCESSABLE_ENTITY, "unknown_contact");
    api.post(path, &json!({"lid": "1"})).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
}

#[tokio::test]
async fn a_message_unarchives_a_chat_if_the_account_says_so() {
    let api = Api::with_account().await;
    let (path, ben) = ("/accounts/15550100001/settings", "15550100002@s.whatsapp.net");
    let chat = format!("/accounts/15550100001/chats/{ben}");
    let text = json!({"from": "15550100002", "chat": ben, "text": "Well?"});
    for unarchives in [false, true] {
        let setting = json!({"unarchiveChats": unarchives});
        assert_eq!(api.post(path, &setting).await.expect(StatusCode::OK), setting);
        api.post(&chat, &json!({"archived": true})).await.expect(StatusCode::OK);
        api.post("/accounts/15550100001/messages", &text).await.expect(StatusCode::CREATED);
        assert_eq!(api.chat(ben).await["archived"], !unarchives);
    }
    api.post(path, &json!({})).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
}

#[tokio::test]
async fn a_locked_chat_is_neither_archived_nor_pinned() {
    let api = Api::with_account().await;
    let ben = "15550100002@s.whatsapp.net";
    let path = format!("/accounts/15550100001/chats/{ben}");
    api.post(&path, &json!({"pinned": true})).await.expect(StatusCode::OK);
    let locked = api.post(&path, &json!({"locked": true})).await.expect(StatusCode::OK);
    assert_eq!(
        (&locked["locked"], &locked["pinned"], &locked["archived"]),
        (&json!(true), &json!(false), &json!(false))
    );
    let open = api.post(&path, &json!({"locked": false})).await.expect(StatusCode::OK);
    assert_eq!(open.get("locked"), None);
}

#[tokio::test]
async fn the_phone_encrypts_with_another_key() {
    let api = Api::with_account().await;
    let path = "/accounts/15550100001/keys";
    for body in [json!({}), json!({"told": false})] {
        api.post(path, &body).await.expect(StatusCode::NO_CONTENT);
    }
    api.post("/accounts/15550100001/keys/share", &json!({})).await.expect(StatusCode::NO_CONTENT);
    api.post(path, &json!({"told": "no"})).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
    api.post("/accounts/15550100009/keys", &json!({})).await.error(StatusCode::NOT_FOUND, "unknown_account");
}

#[tokio::test]
async fn the_owner_reads_on_another_device() {
    let api = Api::with_account().await;
    let path = "/accounts/15550100001/receipts";
    let chat = "15550100002@s.whatsapp.net";
    let nobody = json!({"chat": chat, "form": "nobody"});
    api.post(path, &nobody).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
    api.post(path, &json!({"chat": "1@lid"})).await.error(StatusCode::NOT_FOUND, "unknown_chat");
    assert_eq!(api.chat(chat).await["unreadCount"], 1);

    let read = api.request(Method::POST, path).json(&json!({"chat": chat, "form": "read-self"})).send().await.unwrap();

    assert_eq!(read.status(), StatusCode::NO_CONTENT);
    assert_eq!(api.chat(chat).await["unreadCount"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn companions_are_sent_away_and_unlinked() {
    let api = Api::with_account().await;
    let (end, unlink) = ("/accounts/15550100001/end", "/accounts/15550100001/unlink");
    api.post("/accounts/15550100001/enter", &json!({"code": "no"}))
        .await
        .error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_code");
    api.post("/accounts/15550100001/enter", &json!({"code": "abcd-efgh"}))
        .await
        .error(StatusCode::NOT_FOUND, "unknown_code");
    for body in [json!({"kind": "bored"}), json!({"kind": "banned"}), json!({"kind": "dropped", "seconds": 1})] {
        api.post(end, &body).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
    }
    api.post(end, &json!({"kind": "dropped", "device": 1})).await.error(StatusCode::NOT_FOUND, "unknown_companion");
    api.post(unlink, &json!({"device": 1})).await.error(StatusCode::NOT_FOUND, "unknown_companion");

    let mut companion = Companion::start(&api.sandbox).await;
    let code = companion.qr().await;
    api.post("/accounts/15550100001/scan", &json!({"qr": code})).await.expect(StatusCode::OK);
    companion.connected().await;
    let banned = api.post(end, &json!({"kind": "banned", "seconds": 60})).await.expect(StatusCode::OK);
    assert_eq!(banned["devices"], json!([1]));
    companion.next("the ban", |event| matches!(event, Event::TemporaryBan(_)).then_some(())).await;
    let gone = send(api.request(Method::POST, unlink)).await.expect(StatusCode::OK);
    assert_eq!((&gone["companions"], &gone["devices"]), (&json!(0), &json!([])));
    companion.stop().await;
    api.sandbox.stop().await;
}
