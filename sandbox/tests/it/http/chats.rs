use chatgraph_sandbox::FOREVER;
use reqwest::StatusCode;
use serde_json::json;

use super::Api;

const BEN: &str = "/accounts/15550100001/chats/15550100002@s.whatsapp.net";
const CHESS: &str = "/accounts/15550100001/chats/120363000000000001@g.us";

#[tokio::test]
async fn each_setting_changes_alone_and_the_answer_shows_it() {
    let api = Api::with_account().await;
    let changes = [
        ("archived", json!({"archived": true}), json!(true)),
        ("archived", json!({"archived": false}), json!(false)),
        ("pinned", json!({"pinned": true}), json!(true)),
        ("pinned", json!({"pinned": false}), json!(false)),
        ("mutedUntil", json!({"mutedUntil": FOREVER}), json!(FOREVER)),
        ("mutedUntil", json!({"mutedUntil": null}), json!(null)),
        ("unreadCount", json!({"read": true}), json!(0)),
        ("markedUnread", json!({"read": false}), json!(true)),
    ];
    let mut expected = api.chat("15550100002@s.whatsapp.net").await;
    for (field, change, value) in changes {
        expected[field] = value;
        assert_eq!(api.post(BEN, &change).await.expect(StatusCode::OK), expected, "{change}");
        assert_eq!(api.chat("15550100002@s.whatsapp.net").await, expected);
    }
}

#[tokio::test]
async fn archiving_unpins_and_pinning_takes_out_of_the_archive() {
    let api = Api::with_account().await;
    let chat = api.post(CHESS, &json!({"archived": true})).await.expect(StatusCode::OK);
    assert_eq!((&chat["archived"], &chat["pinned"]), (&json!(true), &json!(false)));

    let both = json!({"pinned": true, "archived": true});
    let chat = api.post(BEN, &both).await.expect(StatusCode::OK);
    assert_eq!((&chat["archived"], &chat["pinned"]), (&json!(false), &json!(true)), "the pin is applied last");
}

#[tokio::test]
async fn a_chat_is_found_by_each_of_its_jids_also_percent_encoded() {
    let api = Api::with_account().await;
    for jid in ["100000000000002@lid", "100000000000002%40lid", "15550100002%40s.whatsapp.net"] {
        let answer = api.post(&format!("/accounts/15550100001/chats/{jid}"), &json!({"pinned": true})).await;
        assert_eq!(answer.expect(StatusCode::OK)["jid"], "15550100002@s.whatsapp.net");
    }
}

#[tokio::test]
async fn invalid_changes_are_rejected_and_nothing_changes() {
    let api = Api::with_account().await;
    let before = api.chat("15550100002@s.whatsapp.net").await;
    for body in [json!({}), json!({"archived": true, "colour": 1}), json!({"archived": 1}), json!({"mutedUntil": -1})] {
        api.post(BEN, &body).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
    }
    for body in
        [json!({"deleted": false}), json!({"cleared": false, "archived": true}), json!({"pinned": true, "upTo": "A"})]
    {
        api.post(BEN, &body).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
    }
    let nowhere = api.post(BEN, &json!({"deleted": true, "upTo": "A"})).await;
    nowhere.error(StatusCode::NOT_FOUND, "unknown_message");
    let nowhere = api.post("/accounts/15550100001/chats/15550100099@s.whatsapp.net", &json!({"archived": true})).await;
    nowhere.error(StatusCode::NOT_FOUND, "unknown_chat");
    assert_eq!(api.chat("15550100002@s.whatsapp.net").await, before);
}

#[tokio::test]
async fn a_chat_is_cleared_and_deleted_up_to_a_message() {
    let api = Api::with_account().await;
    let say = |text: &str| json!({"from": "15550100002", "chat": "15550100002@s.whatsapp.net", "text": text});
    let mut ids = Vec::new();
    for text in ["one", "two"] {
        let sent = api.post("/accounts/15550100001/messages", &say(text)).await.expect(StatusCode::CREATED);
        ids.push(sent["id"].clone());
    }
    let chat = api.post(BEN, &json!({"cleared": true, "upTo": ids[0]})).await.expect(StatusCode::OK);
    assert_eq!((&chat["unreadCount"], chat["lastMessageAt"].is_i64()), (&json!(1), true));
    let chat = api.post(BEN, &json!({"deleted": true, "upTo": ids[1]})).await.expect(StatusCode::OK);
    assert_eq!(chat, json!(null));
    let chat = api.post(CHESS, &json!({"cleared": true})).await.expect(StatusCode::OK);
    assert_eq!((&chat["unreadCount"], &chat["lastMessageAt"]), (&json!(0), &json!(null)));
}
