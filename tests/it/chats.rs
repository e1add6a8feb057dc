//! Listing and reading chats.

use serde_json::{Value, json};

use crate::support::{BOOKS, MEI, RAVI, TestServer, UPDATE_CHAT, error_code, error_field};

#[tokio::test]
async fn the_list_shows_what_the_phone_shows_latest_first() {
    let server = TestServer::start().await;
    let answer = server.query("{ chats { nodes { jid name } pageInfo { hasNextPage } } }").await;
    let nodes = answer["data"]["chats"]["nodes"].as_array().expect("chats");
    let names: Vec<_> = nodes.iter().map(|chat| chat["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["Mei Tanaka", "Ravi Patel", "Book club"]);
    assert_eq!(answer["data"]["chats"]["pageInfo"]["hasNextPage"], false);
    server.assert_in_sync().await;
}

#[tokio::test]
async fn history_messages_older_than_wanted_are_not_imported() {
    let server = TestServer::with_arguments(&["--history-days", "0"]).await;
    server.assert_in_sync().await;
    let answer = server.query("{ chats { nodes { messages { nodes { text } } } } }").await;
    let chats = answer["data"]["chats"]["nodes"].as_array().expect("chats");
    assert_eq!(chats.len(), 3);
    assert!(chats.iter().all(|chat| chat["messages"]["nodes"] == json!([])), "{answer}");
}

#[tokio::test]
async fn a_chat_shows_its_settings_and_messages() {
    let server = TestServer::start().await;
    let query = "query($cid: JID!) { chat(cid: $cid) { name type archived pinned muted mutedUntil unreadCount \
                 session { label status phoneNumber } lastMessage { text fromMe sender senderName kind } \
                 messages { nodes { text fromMe } pageInfo { hasNextPage } } sync { state pending } } }";
    let chat = server.query_with(query, json!({"cid": MEI})).await["data"]["chat"].clone();
    assert_eq!(chat["lastMessage"]["text"], "Yes!");
    assert_eq!(chat["lastMessage"]["sender"], MEI);
    assert_eq!(
        chat["messages"]["nodes"],
        json!([
            {"text": "Yes!", "fromMe": false},
            {"text": "See you at six?", "fromMe": true},
        ])
    );
    assert_eq!((&chat["unreadCount"], &chat["type"], &chat["muted"]), (&json!(1), &json!("DM"), &json!(false)));
    assert_eq!(chat["sync"], json!({"state": "SYNCED", "pending": []}));
    assert_eq!(chat["session"], json!({"label": "Shop", "status": "WORKING", "phoneNumber": "+15550100"}));
    let ravi = server.chat(RAVI).await;
    assert_eq!((&ravi["muted"], &ravi["mutedUntil"]), (&json!(true), &json!(253_402_300_799_999_i64)));
    let books = server.chat(BOOKS).await;
    assert_eq!(
        (&books["archived"], &books["type"], &books["name"]),
        (&json!(true), &json!("GROUP"), &json!("Book club"))
    );
}

#[tokio::test]
async fn pages_follow_each_other_by_cursor() {
    let server = TestServer::start().await;
    let query =
        "query($after: String) { chats(first: 1, after: $after) { nodes { jid } pageInfo { endCursor hasNextPage } } }";
    let (mut after, mut seen) = (Value::Null, Vec::new());
    loop {
        let page = server.query_with(query, json!({"after": after})).await["data"]["chats"].clone();
        seen.push(page["nodes"][0]["jid"].clone());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(seen, [MEI, RAVI, BOOKS]);
}

#[tokio::test]
async fn invalid_arguments_are_rejected_with_code_and_field() {
    let server = TestServer::start().await;
    let page = server.query("{ chats(first: 1) { pageInfo { endCursor } } }").await;
    let cursor = page["data"]["chats"]["pageInfo"]["endCursor"].as_str().expect("a cursor");
    let of_session =
        format!("{{ chats(sessionId: \"{}\", after: \"{cursor}\") {{ nodes {{ id }} }} }}", server.session);
    let too_many = format!("{{ nodes(ids: [{}]) {{ id }} }}", "\"x\" ".repeat(101));
    for (query, code, field) in [
        ("{ chats(first: 0) { nodes { id } } }", "validation_error", "first"),
        ("{ chats(first: 201) { nodes { id } } }", "validation_error", "first"),
        ("{ chats(after: \"nonsense\") { nodes { id } } }", "validation_error", "after"),
        (of_session.as_str(), "validation_error", "after"),
        ("{ chat(cid: \"nobody\") { id } }", "validation_error", "cid"),
        ("{ chat(cid: \"15550199@s.whatsapp.net\") { id } }", "not_found", ""),
        (
            "{ chat(cid: \"15550111@s.whatsapp.net\", sessionId: \"ses_01ARZ3NDEKTSV4RRFFQ69G5FAV\") { id } }",
            "not_found",
            "",
        ),
        ("{ session(id: \"ses_01ARZ3NDEKTSV4RRFFQ69G5FAV\") { id } }", "not_found", ""),
        ("{ chats(order: LOUDEST) { nodes { id } } }", "validation_error", ""),
        (too_many.as_str(), "validation_error", "ids"),
        ("{ nothing }", "validation_error", ""),
        ("{ chats", "validation_error", ""),
    ] {
        let answer = server.query(query).await;
        assert_eq!(error_code(&answer), code, "{query}: {answer}");
        if !field.is_empty() {
            assert_eq!(error_field(&answer), field, "{query}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_session_has_to_be_named_among_several() {
    let server = TestServer::start().await;
    let other =
        server.sandbox.create_account(crate::support::account("15550200", "Second number")).expect("an account");
    server.pair(&other).await;
    let chat = format!("{{ chat(cid: \"{MEI}\") {{ name }} }}");
    let answer = server.query(&chat).await;
    assert_eq!((error_code(&answer), error_field(&answer)), ("validation_error", "sessionId"));
    let named = format!("{{ chat(cid: \"{MEI}\", sessionId: \"{}\") {{ name }} }}", server.session);
    assert_eq!(server.query(&named).await["data"]["chat"]["name"], "Mei Tanaka");
    let archive = json!({"input": {"cid": MEI, "archived": true}});
    assert_eq!(error_code(&server.query_with(UPDATE_CHAT, archive).await), "validation_error");
    server.assert_in_sync().await;
}
