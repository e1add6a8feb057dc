//! Semantics of documents: fields with one response key are merged, skipped fields are not executed, and null is not a
//! value for a required variable. `tests/clients/oracle.mjs` compares much more with the reference implementation.

use serde_json::{Value, json};

use crate::support::{CREATE_SESSION, EmptyServer, SESSION_IDS, Subscription, TestServer, error_code, error_field};

const WRONG: &str = "validation_error";

impl EmptyServer {
    async fn answer(&self, query: &str, variables: Value) -> Value {
        let request = reqwest::Client::new().post(&self.url).bearer_auth(&self.key);
        let sent = request.json(&json!({"query": query, "variables": variables})).send().await;
        sent.expect("an answer").json().await.expect("JSON")
    }

    /// Returns the data of an answer without errors, as the raw text.
    async fn data(&self, query: &str, variables: Value) -> String {
        let request = reqwest::Client::new().post(&self.url).bearer_auth(&self.key);
        let sent = request.json(&json!({"query": query, "variables": variables})).send().await.expect("an answer");
        let answer = sent.text().await.expect("text");
        let data = answer.strip_prefix("{\"data\":").and_then(|data| data.strip_suffix('}'));
        data.unwrap_or_else(|| panic!("{query}: {answer}")).to_owned()
    }

    async fn sessions(&self) -> usize {
        let answer = self.query(SESSION_IDS).await;
        answer["data"]["sessions"]["nodes"].as_array().expect("a list").len()
    }
}

#[tokio::test]
async fn a_mutation_of_one_response_key_is_executed_once() {
    let server = EmptyServer::start(&[]).await;
    let query = "mutation { createSession(input: {label: \"one\"}) { session { label } } ...F ... { ...F } } \
                 fragment F on Mutation { createSession(input: {label: \"one\"}) { session { status label } } }";
    let data = server.data(query, json!({})).await;
    assert_eq!(data, r#"{"createSession":{"session":{"label":"one","status":"STOPPED"}}}"#);
    assert_eq!(server.sessions().await, 1);
    let two = "mutation { a: createSession(input: {}) { session { label } } b: createSession(input: {}) { session { label } } }";
    server.data(two, json!({})).await;
    assert_eq!(server.sessions().await, 3, "two response keys are two fields");
}

#[tokio::test]
async fn a_mutation_that_is_skipped_by_a_default_is_not_executed() {
    let server = EmptyServer::start(&[]).await;
    let query = "mutation($dry: Boolean = true) { createSession(input: {}) @skip(if: $dry) { session { label } } }";
    assert_eq!(server.data(query, json!({})).await, "{}");
    assert_eq!(server.sessions().await, 0);
    assert_eq!(server.data(query, json!({"dry": false})).await, r#"{"createSession":{"session":{"label":null}}}"#);
    assert_eq!(server.sessions().await, 1);
    let included = "query($y: Boolean = true) { viewer { kind @include(if: $y) __typename } }";
    assert_eq!(server.data(included, json!({})).await, r#"{"viewer":{"kind":"API_KEY","__typename":"Viewer"}}"#);
}

#[tokio::test]
async fn an_object_of_which_nothing_is_selected_is_empty() {
    let server = EmptyServer::start(&[]).await;
    let made = server.answer(CREATE_SESSION, json!({})).await;
    let session = &made["data"]["createSession"]["session"]["id"];
    let skipped = json!({"c": false, "id": session});
    for (query, data) in [
        ("query($c: Boolean!) { viewer { kind @include(if: $c) } }", r#"{"viewer":{}}"#),
        ("query($c: Boolean!) { viewer @include(if: $c) { kind } }", "{}"),
        ("query($c: Boolean!) { sessions { nodes { label @include(if: $c) } } }", r#"{"sessions":{"nodes":[{}]}}"#),
        ("query($id: ID!) { node(id: $id) { ... on Chat { name } } }", r#"{"node":{}}"#),
        ("query($id: ID!) { nodes(ids: [$id, \"x\"]) { ... on Chat { name } } }", r#"{"nodes":[{},null]}"#),
        (
            "query($id: ID!) { node(id: $id) { ... on Session { label } __typename ... on Node { status: __typename } } }",
            r#"{"node":{"label":null,"__typename":"Session","status":"Session"}}"#,
        ),
    ] {
        assert_eq!(server.data(query, skipped.clone()).await, data, "{query}");
    }
}

#[tokio::test]
async fn a_required_variable_is_not_null() {
    let server = EmptyServer::start(&[]).await;
    let s = "sessionId";
    for (query, variables, field) in [
        ("query($s: ID!) { chats(sessionId: $s) { totalCount } }", json!({"s": null}), s),
        ("query($a: Boolean!) { chats(filter: {archived: $a}) { totalCount } }", json!({"a": null}), "archived"),
        ("query($n: Int!) { chats(first: $n) { totalCount } }", json!({"n": null}), "first"),
        ("query($n: Int) { chats(first: $n) { totalCount } }", json!({"n": 99_999_999_999_u64}), "first"),
        (
            "mutation($r: Boolean!) { updateChat(input: {cid: \"1@lid\", read: $r}) { chat { id } } }",
            json!({"r": null}),
            "read",
        ),
        ("query($f: Boolean) { viewer { kind @include(if: $f) } }", json!({"f": true}), "if"),
        ("query($i: [ID]) { nodes(ids: $i) { id } }", json!({"i": []}), "ids"),
        ("query($i: ID) { nodes(ids: [$i]) { id } }", json!({"i": "x"}), "ids"),
        ("query($s: String) { node(id: $s) { id } }", json!({"s": "x"}), "id"),
    ] {
        let answer = server.answer(query, variables).await;
        assert_eq!((error_code(&answer), error_field(&answer)), (WRONG, field), "{query}: {answer}");
        assert!(answer["errors"][0]["locations"][0]["line"] == 1, "{query}: {answer}");
    }
    let query = "subscription($c: JID!) { chatChanges(cid: $c) { cursor } }";
    let mut socket = Subscription::open_at(&server.url, &server.key, query, json!({"c": null})).await;
    assert_eq!(socket.message("error").await["payload"][0]["extensions"]["code"], WRONG);
}

#[tokio::test]
async fn conflicting_fields_and_invalid_literals_are_rejected() {
    let server = EmptyServer::start(&[]).await;
    for query in [
        "{ chats(first: 2) { nodes { name } } ... on Query { chats(first: 3) { nodes { jid } } } }",
        "{ chats { nodes { x: name } } ...F } fragment F on Query { chats { nodes { x: jid } } }",
        "{ node(id: \"x\") { ... on Session { x: createdAt } ... on Chat { x: name } } }",
        "{ chats(order: \"INBOX\") { totalCount } }",
        "{ chats(filter: {archived: true, archived: false}) { totalCount } }",
        "{ chats(filter: {search: \"\\ud83d\"}) { totalCount } }",
        "query($n: String) { chats(first: $n) { totalCount } }",
        "{ nodes(ids: []) { id } ... on Query { nodes(ids: [\"x\"]) { id } } }",
        "{ viewer { kind } } }",
    ] {
        let answer = server.answer(query, json!({})).await;
        assert_eq!(error_code(&answer), WRONG, "{query}");
        let error = &answer["errors"][0];
        assert!(error["locations"][0]["column"].is_u64(), "{query}: {answer}");
        assert!(error["message"].as_str().is_some_and(|message| !message.contains('\n')), "{query}: {answer}");
    }
}

#[tokio::test]
async fn an_emoji_is_found_however_a_document_writes_it() {
    let server = TestServer::start().await;
    for emoji in ["🙂", "\\ud83d\\ude42", "\\u{1F642}", "\\u{1f642}"] {
        let query = format!("{{ chats(filter: {{search: \"{emoji}\"}}) {{ totalCount }} }}");
        assert_eq!(server.query(&query).await, json!({"data": {"chats": {"totalCount": 0}}}), "{emoji}");
    }
}

#[tokio::test]
async fn a_repeated_or_fragmented_subscription_is_one_subscription() {
    let server = EmptyServer::start(&[]).await;
    for query in [
        "subscription { ...F } fragment F on Subscription { chatChanges { cursor change { kind } } }",
        "subscription { ... on Subscription { chatChanges { cursor change { kind } } } }",
        "subscription { ... { chatChanges { cursor change { kind } } } }",
        "subscription { chatChanges { cursor } chatChanges { change { kind } } }",
        "subscription { chatChanges { cursor } ...F } fragment F on Subscription { chatChanges { change { kind } cursor } }",
    ] {
        let mut socket = Subscription::open_at(&server.url, &server.key, query, json!({})).await;
        let event = socket.message("next").await["payload"]["data"]["chatChanges"].clone();
        assert!(event["cursor"].is_string() && event["change"].is_null(), "{query}: {event}");
        assert_eq!(event.as_object().map(serde_json::Map::len), Some(2), "{query}: {event}");
    }
}
