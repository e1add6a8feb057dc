use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Api, account, send};

#[tokio::test]
async fn a_created_account_is_listed_with_its_chats() {
    let api = Api::start().await;
    let created = api.post("/accounts", &account()).await.expect(StatusCode::CREATED);

    assert_eq!(created["phone"], "15550100001");
    assert_eq!(created["jid"], "15550100001@s.whatsapp.net");
    assert!(created["lid"].as_str().unwrap().ends_with("@lid"));
    assert_eq!((&created["companions"], &created["chats"]), (&json!(0), &json!(2)));
    assert_eq!(api.get("/accounts").await.expect(StatusCode::OK), json!([created]));

    let ben = api.chat("15550100002@s.whatsapp.net").await;
    let shown = json!({
        "jid": "15550100002@s.whatsapp.net",
        "aliases": ["100000000000002@lid"],
        "name": "Ben",
        "type": "DM",
        "archived": false,
        "pinned": false,
        "mutedUntil": null,
        "unreadCount": 1,
        "markedUnread": false,
        "lastMessageAt": 1_700_000_000_000_i64,
    });
    assert_eq!(ben, shown);
}

#[tokio::test]
async fn an_account_cannot_be_created_twice() {
    let api = Api::with_account().await;
    api.post("/accounts", &account()).await.error(StatusCode::CONFLICT, "account_exists");
}

#[tokio::test]
async fn an_invalid_account_is_rejected_with_the_name_of_the_field() {
    let api = Api::start().await;
    let mut invalid = account();
    invalid["contacts"][0]["phone"] = json!("+1 555");
    let message = api.post("/accounts", &invalid).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_account");
    assert!(message.contains("contacts[0].phone: must be 7 to 15 digits"), "{message}");

    let mut unknown = account();
    unknown["colour"] = json!("blue");
    let message = api.post("/accounts", &unknown).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
    assert!(message.contains("unknown field `colour`"), "{message}");

    let broken = api.request(Method::POST, "/accounts").body("{\"phone\": ");
    send(broken).await.error(StatusCode::BAD_REQUEST, "invalid_json");
    assert_eq!(api.get("/accounts").await.expect(StatusCode::OK), json!([]));
}

#[tokio::test]
async fn a_demo_account_has_the_number_that_was_asked_for() {
    let api = Api::start().await;
    let body = json!({"phone": "15550100077", "demo": true});
    let created = api.post("/accounts", &body).await.expect(StatusCode::CREATED);
    assert_eq!(created["phone"], "15550100077");
    assert!(created["chats"].as_u64().unwrap() >= 40);

    let other = api.post("/accounts", &json!({"demo": true})).await.expect(StatusCode::CREATED);
    assert_eq!(other["phone"], chatgraph_sandbox::demo::PHONE);

    let both = json!({"phone": "15550100078", "demo": true, "name": "Ada"});
    api.post("/accounts", &both).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
    let plain = json!({"phone": "15550100078", "demo": false, "name": "Ada"});
    assert_eq!(api.post("/accounts", &plain).await.expect(StatusCode::CREATED)["chats"], 0);
}

#[tokio::test]
async fn an_account_that_does_not_exist_has_nothing() {
    let api = Api::start().await;
    api.get("/accounts/15550100001/chats").await.error(StatusCode::NOT_FOUND, "unknown_account");
    let posts = [
        ("scan", json!({"qr": "x"})),
        ("chats/120363000000000001@g.us", json!({"archived": true})),
        ("messages", json!({"from": "15550100002", "chat": "15550100002@s.whatsapp.net", "text": "Hi"})),
    ];
    for (path, body) in posts {
        let answer = api.post(&format!("/accounts/15550100001/{path}"), &body).await;
        answer.error(StatusCode::NOT_FOUND, "unknown_account");
    }
}
