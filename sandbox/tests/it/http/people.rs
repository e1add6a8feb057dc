use reqwest::StatusCode;
use serde_json::json;

use super::Api;

const BEN: &str = "15550100002@s.whatsapp.net";

#[tokio::test]
async fn a_released_number_can_be_taken_by_a_new_person() {
    let api = Api::with_account().await;
    let (contacts, numbers) = ("/accounts/15550100001/contacts", "/accounts/15550100001/numbers");
    let newcomer = json!({"phone": "15550100002", "lid": "100000000000077", "pushName": "Nadia"});
    api.post(numbers, &newcomer).await.error(StatusCode::CONFLICT, "taken_address");
    for body in [
        json!({"phone": "15550100002", "newPhone": "12"}),
        json!({"phone": "15550100002", "newLid": "100000000000078"}),
        json!({"phone": "15550100002", "newPhone": "15550100092", "newLid": "1"}),
    ] {
        api.post(contacts, &body).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
    }
    let change = json!({"phone": "15550100002", "newPhone": "15550100092", "newLid": "100000000000092"});
    let changed = api.post(contacts, &change).await.expect(StatusCode::OK);
    assert_eq!(changed, json!({"phone": "15550100092"}));
    assert_eq!(api.chat("15550100092@s.whatsapp.net").await["aliases"], json!(["100000000000092@lid"]));

    for body in [json!({"phone": "x"}), json!({"phone": "15550100002", "lid": "1"}), json!({"lid": "100000000000077"})]
    {
        api.post(numbers, &body).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
    }
    assert_eq!(api.post(numbers, &newcomer).await.expect(StatusCode::CREATED), newcomer);

    let body = json!({"from": "15550100002", "chat": BEN, "text": "Who is this?"});
    api.post("/accounts/15550100001/messages", &body).await.expect(StatusCode::CREATED);
    let chat = api.chat(BEN).await;
    assert_eq!((&chat["name"], &chat["unreadCount"]), (&json!("Nadia"), &json!(1)));
}

#[tokio::test]
async fn messages_are_listed_in_delivery_order() {
    let api = Api::with_account().await;
    let messages = "/accounts/15550100001/messages";
    let mut ids = Vec::new();
    for (from, text) in [("15550100002", "one"), ("15550100001", "two"), ("15550100002", "three")] {
        let body = json!({"from": from, "chat": BEN, "text": text, "delivered": text != "three"});
        let sent = api.post(messages, &body).await.expect(StatusCode::CREATED);
        ids.push(sent["id"].as_str().unwrap().to_owned());
    }
    api.post(&format!("{messages}/{}", ids[1]), &json!({"text": "2"})).await.expect(StatusCode::OK);
    api.post(&format!("{messages}/{}", ids[2]), &json!({"revoked": true})).await.expect(StatusCode::OK);
    api.post(&format!("{messages}/{}", ids[2]), &json!({"delivered": true})).await.expect(StatusCode::OK);
    api.post(&format!("{messages}/{}", ids[2]), &json!({"delivered": false}))
        .await
        .error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");

    let said = api.get(&format!("/accounts/15550100001/chats/{BEN}/messages")).await.expect(StatusCode::OK);
    let shown = |place: usize| {
        let message = &said[place];
        json!([message["id"], message["from"], message["text"], message["edited"], message["revoked"]])
    };
    assert_eq!(shown(1), json!([ids[0], BEN, "one", false, false]));
    assert_eq!(shown(2), json!([ids[1], null, "2", true, false]));
    assert_eq!(shown(3), json!([ids[2], BEN, null, false, true]));
    api.get("/accounts/15550100001/chats/1@lid/messages").await.error(StatusCode::NOT_FOUND, "unknown_chat");
}

#[tokio::test]
async fn chats_keep_the_phones_order_and_at_most_three_are_pinned() {
    let api = Api::with_account().await;
    let chats = [BEN, "15550100003@s.whatsapp.net", "15550100004@s.whatsapp.net", "15550100005@s.whatsapp.net"];
    for chat in chats {
        let body = json!({"from": chat, "chat": chat, "text": "hello"});
        api.post("/accounts/15550100001/messages", &body).await.expect(StatusCode::CREATED);
    }
    let pin = async |chat: &str, pinned: bool| {
        api.post(&format!("/accounts/15550100001/chats/{chat}"), &json!({"pinned": pinned})).await
    };
    pin("120363000000000001@g.us", false).await.expect(StatusCode::OK);
    for chat in &chats[..3] {
        pin(chat, true).await.expect(StatusCode::OK);
    }
    pin(chats[3], true).await.error(StatusCode::CONFLICT, "too_many_pinned");
    // A message in a pinned chat does not change its position.
    let body = json!({"from": BEN, "chat": BEN, "text": "me first"});
    api.post("/accounts/15550100001/messages", &body).await.expect(StatusCode::CREATED);
    let archive = json!({"archived": true});
    api.post(&format!("/accounts/15550100001/chats/{}", chats[2]), &archive).await.expect(StatusCode::OK);

    let shown = api.get("/accounts/15550100001/chats").await.expect(StatusCode::OK);
    let order: Vec<_> = shown.as_array().unwrap().iter().map(|chat| chat["jid"].as_str().unwrap()).collect();
    assert_eq!(order, [chats[1], chats[0], chats[3], "120363000000000001@g.us", chats[2]]);
}

#[tokio::test]
async fn a_group_by_lid_is_made_and_has_members_without_a_number() {
    let api = Api::with_account().await;
    let (groups, group) = ("/accounts/15550100001/groups", "120363000000000002@g.us");
    let make = |participants: serde_json::Value, mode: &str| json!({"jid": group, "subject": "Fair", "participants": participants, "addressingMode": mode});
    for body in [
        make(json!(["100000000000055@lid"]), "pn"),
        make(json!(["5@lid"]), "lid"),
        make(json!(["15550100002"]), "name"),
    ] {
        api.post(groups, &body).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
    }
    api.post(groups, &make(json!(["15550100002", "100000000000055@lid"]), "lid")).await.expect(StatusCode::CREATED);
    for from in ["15550100002", "100000000000055@lid", "15550100001"] {
        let body = json!({"from": from, "chat": group, "text": "hello"});
        api.post("/accounts/15550100001/messages", &body).await.expect(StatusCode::CREATED);
    }
    let stranger = json!({"from": "100000000000056@lid", "chat": group, "text": "hello"});
    api.post("/accounts/15550100001/messages", &stranger)
        .await
        .error(StatusCode::UNPROCESSABLE_ENTITY, "unknown_contact");
}

#[tokio::test]
async fn pictures_privacy_and_blocks_are_set_and_shown() {
    let api = Api::with_account().await;
    let pictures = "/accounts/15550100001/pictures";
    let set = api.post(pictures, &json!({"whose": BEN, "image": "/9j/4AAQSkZJRg=="})).await.expect(StatusCode::OK);
    assert!(set["id"].is_u64(), "{set}");
    let gone = api.post(pictures, &json!({"whose": "15550100002", "image": null})).await.expect(StatusCode::OK);
    assert_eq!(gone, json!({"id": null}));
    for (body, status, code) in [
        (json!({"whose": BEN, "image": "?"}), StatusCode::UNPROCESSABLE_ENTITY, "invalid_body"),
        (json!({"whose": "120363000000000999@g.us", "image": null}), StatusCode::NOT_FOUND, "unknown_chat"),
    ] {
        api.post(pictures, &body).await.error(status, code);
    }

    let privacy = "/accounts/15550100001/privacy";
    assert_eq!(api.get(privacy).await.expect(StatusCode::OK)["settings"]["readreceipts"], "all");
    let set = api.post(privacy, &json!({"readreceipts": "none", "online": "match_last_seen"})).await;
    assert_eq!(set.expect(StatusCode::OK)["settings"]["readreceipts"], "none");
    let wrong = api.post(privacy, &json!({"last": "all", "readreceipts": "some"})).await;
    wrong.error(StatusCode::UNPROCESSABLE_ENTITY, "unknown_privacy");
    let contacts = "/accounts/15550100001/contacts";
    api.post(contacts, &json!({"phone": "15550100002", "blocked": true})).await.expect(StatusCode::OK);
    assert_eq!(api.get(privacy).await.expect(StatusCode::OK)["blocked"], json!(["100000000000002@lid"]));
    api.post(contacts, &json!({"phone": "15550100002", "blocked": false})).await.expect(StatusCode::OK);
    assert_eq!(api.get(privacy).await.expect(StatusCode::OK)["blocked"], json!([]));
}

#[tokio::test]
async fn a_group_is_described_and_has_admins() {
    let api = Api::with_account().await;
    let group = "/accounts/15550100001/groups/120363000000000001@g.us";
    let change = json!({"description": "Openings", "promoted": ["15550100002"], "demoted": ["15550100001"]});
    api.post(group, &change).await.expect(StatusCode::OK);
    api.post(group, &json!({"description": null, "by": "15550100002"})).await.expect(StatusCode::OK);
    for body in [json!({}), json!({"description": " "}), json!({"by": "15550100002"})] {
        api.post(group, &body).await.error(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body");
    }
}

#[tokio::test]
async fn messages_of_every_kind_are_sent_and_deleted_for_the_owner() {
    let api = Api::with_account().await;
    let messages = "/accounts/15550100001/messages";
    let (list, channel) = ("1700000001@broadcast", "120363000000000777@newsletter");
    for (body, status, code) in [
        (json!({"from": BEN, "chat": BEN, "kind": "PHOTO"}), StatusCode::UNPROCESSABLE_ENTITY, "invalid_body"),
        (json!({"from": BEN, "chat": BEN, "kind": "IMAGE"}), StatusCode::UNPROCESSABLE_ENTITY, "invalid_body"),
        (
            json!({"from": BEN, "chat": BEN, "kind": "AUDIO", "text": "x"}),
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_body",
        ),
        (json!({"from": "15550100001", "chat": list, "text": "x"}), StatusCode::NOT_FOUND, "unknown_chat"),
        (json!({"from": BEN, "chat": channel, "text": "x"}), StatusCode::NOT_FOUND, "unknown_chat"),
        (json!({"from": channel, "chat": BEN, "text": "x"}), StatusCode::UNPROCESSABLE_ENTITY, "unknown_contact"),
    ] {
        api.post(messages, &body).await.error(status, code);
    }
    let mut ids = Vec::new();
    for body in [
        json!({"from": "15550100001", "chat": list, "text": "first", "to": ["15550100002"]}),
        json!({"from": "15550100001", "chat": list, "text": "second"}),
        json!({"from": BEN, "chat": "1700000002@broadcast", "text": "mine"}),
        json!({"from": BEN, "chat": BEN, "kind": "IMAGE", "text": "look"}),
        json!({"from": channel, "chat": channel, "text": "news"}),
    ] {
        let sent = api.post(messages, &body).await.expect(StatusCode::CREATED);
        ids.push(sent["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        (&api.chat(list).await["type"], &api.chat(channel).await["unreadCount"]),
        (&json!("BROADCAST"), &json!(1))
    );
    let (path, text) = (format!("{messages}/{}", ids[4]), json!({"text": "other news"}));
    api.post(&path, &text).await.error(StatusCode::NOT_IMPLEMENTED, "not_implemented");

    let before = api.chat(BEN).await["unreadCount"].as_u64().unwrap();
    api.post(&format!("{messages}/{}", ids[3]), &json!({"deletedForMe": true})).await.expect(StatusCode::OK);
    let said = api.get(&format!("/accounts/15550100001/chats/{BEN}/messages")).await.expect(StatusCode::OK);
    let newest = said.as_array().unwrap().last().unwrap();
    assert_eq!((&newest["text"], &newest["kind"]), (&json!("mine"), &json!("TEXT")));
    assert_eq!(api.chat(BEN).await["unreadCount"].as_u64().unwrap(), before - 1);
    api.post(&format!("{messages}/{}", ids[3]), &json!({"deletedForMe": true}))
        .await
        .error(StatusCode::NOT_FOUND, "unknown_message");
}
