//! Authentication and authorisation: tokens, capabilities, expiry, and cursors of other lists.

use serde_json::{Value, json};

use crate::support::{
    CHAT_CHANGES, CHAT_IDS, CREATE_SESSION, MEI, SESSION_IDS, Subscription, TestServer, VIEWER, VIEWER_KIND,
    error_code, update_chat_mutation,
};

#[tokio::test]
async fn a_valid_token_is_required() {
    let server = TestServer::start().await;
    for token in [None, Some("cg_wrong"), Some(""), Some("a.b.c")] {
        let request = reqwest::Client::new().post(&server.url).json(&json!({"query": VIEWER_KIND}));
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 401);
        assert!(response.headers().contains_key("www-authenticate"));
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(error_code(&answer), "unauthorized");
        assert_eq!(answer["data"], Value::Null);
    }
}

#[tokio::test]
async fn a_key_works_in_either_header_and_identifies_its_organization() {
    let server = TestServer::start().await;
    let query = json!({"query": VIEWER});
    let response = reqwest::Client::new().post(&server.url).header("X-Api-Key", &server.key).json(&query).send().await;
    let answer: Value = response.expect("an answer").json().await.expect("JSON");
    let viewer = json!({
        "kind": "API_KEY", "organizationId": "org_1", "userId": null, "role": null,
        "capabilities": ["READ", "SEND", "MANAGE", "EVENTS"],
    });
    assert_eq!(answer["data"]["viewer"], viewer);
}

#[tokio::test]
async fn every_capability_opens_its_own_fields_only() {
    let server = TestServer::start().await;
    let archive = update_chat_mutation(MEI, "archived: true", "id");
    let read_back = update_chat_mutation(MEI, "", "lastMessage { text }");
    for (permission, query) in [
        ("send", CHAT_IDS),
        ("events", SESSION_IDS),
        ("send", read_back.as_str()),
        ("read", archive.as_str()),
        ("read", CREATE_SESSION),
        ("read", "{ sessions { nodes { pairing { qr } } } }"),
    ] {
        let key = server.create_key("org_1", &[permission]);
        let answer = server.query_as(&key, query, json!({})).await;
        assert_eq!(error_code(&answer), "forbidden", "{permission}: {query}: {answer}");
    }
    server.assert_in_sync().await;
}

#[tokio::test]
async fn subscriptions_require_events_and_messages_require_read() {
    let server = TestServer::start().await;
    let key = server.create_key("org_1", &["read"]);
    let mut refused = Subscription::open(&server, &key, CHAT_CHANGES, json!({})).await;
    let error = refused.message("error").await;
    assert_eq!(error["payload"][0]["extensions"]["code"], "forbidden");

    let key = server.create_key("org_1", &["events"]);
    let query = "subscription { chatChanges { cursor change { chat { name lastMessage { text } } } } }";
    let mut listener = Subscription::open(&server, &key, query, json!({})).await;
    assert_eq!(listener.event().await["change"], Value::Null);
    server.phone().pin(MEI, true).await.expect("pinned");
    let message = listener.message("next").await;
    let chat = &message["payload"]["data"]["chatChanges"]["change"]["chat"];
    assert_eq!((&chat["name"], &chat["lastMessage"]), (&json!("Mei Tanaka"), &Value::Null));
    assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], "forbidden");
}

#[tokio::test]
async fn a_page_cursor_is_taken_by_its_own_list_only() {
    let server = TestServer::start().await;
    let other = server.create_key("org_2", &[]);
    let query = format!(
        "{{ chats {{ pageInfo {{ endCursor }} }} sessions {{ pageInfo {{ endCursor }} }} \
         chat(cid: \"{MEI}\") {{ messages {{ pageInfo {{ endCursor }} }} }} }}"
    );
    let lists = server.query(&query).await["data"].clone();
    let refused = async |key: &str, query: &str, list: &Value| {
        let cursor = &list["pageInfo"]["endCursor"];
        assert!(cursor.is_string(), "{lists}");
        let query = format!("query($after: String!) {{ {query} }}");
        let answer = server.query_as(key, &query, json!({"after": cursor})).await;
        assert_eq!(error_code(&answer), "validation_error", "{query}: {answer}");
    };
    refused(&other, "chats(after: $after) { nodes { id } }", &lists["chats"]).await;
    refused(&other, "sessions(after: $after) { nodes { id } }", &lists["sessions"]).await;
    let of_ravi = "chat(cid: \"15550112@s.whatsapp.net\") { messages(after: $after) { nodes { id } } }";
    refused(&server.key, of_ravi, &lists["chat"]["messages"]).await;
}

#[tokio::test]
async fn an_expired_key_is_rejected() {
    let server = TestServer::start().await;
    let key = server.create_key_for_a_day("org_1");
    server.expire(&key).await;
    assert_eq!(error_code(&server.query_as(&key, VIEWER_KIND, json!({})).await), "unauthorized");
}

#[tokio::test]
async fn a_socket_ends_with_its_key() {
    let server = TestServer::start().await;
    let key = server.create_key_for_a_day("org_1");
    let mut listener = Subscription::open(&server, &key, CHAT_CHANGES, json!({})).await;
    listener.event().await;
    server.expire(&key).await;
    assert_eq!(u16::from(listener.closed().await.code), 4403);
}

#[tokio::test]
async fn an_invalid_token_closes_a_socket_with_a_retryable_code() {
    let server = TestServer::start().await;
    let mut refused = Subscription::open(&server, "cg_wrong", CHAT_CHANGES, json!({})).await;
    assert_eq!(u16::from(refused.closed().await.code), 4403);
}
