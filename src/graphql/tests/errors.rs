//! Errors of invalid requests, and the data that is returned with them.

use async_graphql::Response;
use serde_json::{Value, json};

use super::support::{code, execute, extension};
use crate::{
    domain::capability::Capabilities,
    graphql::{Config, schema},
};

async fn ask(query: &str, variables: Value) -> Response {
    execute(query, variables, Capabilities::default()).await
}

#[tokio::test]
async fn wrong_input_is_a_validation_error_that_names_the_field() {
    let update = "mutation ($i: UpdateChatInput!) { updateChat(input: $i) { chat { id } } }";
    for (query, variables, field) in [
        (update, json!({"i": {"cid": "nobody"}}), Some("cid")),
        (update, json!({"i": {"cid": 1}}), Some("cid")),
        (update, json!({"i": {"cid": "1@lid", "pinned": "yes"}}), Some("pinned")),
        (update, json!({"i": {"cid": "1@lid", "mutedUntil": -1}}), Some("mutedUntil")),
        (update, json!({"i": {"cid": "1@lid", "mutedUntil": 1.5}}), Some("mutedUntil")),
        (update, json!({"i": {"cid": "1@lid", "mutedUntil": 253_402_300_800_000_i64}}), Some("mutedUntil")),
        (update, json!({"i": {"cid": "1@lid", "colour": 1}}), Some("colour")),
        (update, json!({"i": null}), Some("input")),
        (update, json!({}), None),
        ("{ chat(cid: \"nobody\") { id } }", json!({}), Some("cid")),
        ("{ chat(cid: \"1@lid\", colour: 1) { id } }", json!({}), Some("colour")),
        ("{ chats(order: OLDEST) { nodes { id } } }", json!({}), Some("order")),
        ("{ chats(order: null) { nodes { id } } }", json!({}), Some("order")),
        ("{ chats(first: \"1\") { nodes { id } } }", json!({}), Some("first")),
        ("query ($n: Int) { chats(first: $n) { nodes { id } } }", json!({"n": 1.5}), Some("first")),
        ("query ($n: Int) { chats(first: $n) { nodes { id } } }", json!({"n": 1e30}), Some("first")),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({"ids": ["a", null]}), Some("ids")),
        ("{ colour }", json!({}), None),
        ("{ viewer { kind } } { viewer { kind } }", json!({}), None),
        ("{", json!({}), None),
        ("", json!({}), None),
    ] {
        let response = ask(query, variables.clone()).await;
        let errors = &response.errors;
        assert_eq!(code(&response), "validation_error", "{query} {variables}: {errors:?}");
        assert_eq!(extension(&response, "field").as_deref(), field, "{query} {variables}: {errors:?}");
        assert_eq!(response.data, async_graphql::Value::Null);
    }
}

#[tokio::test]
async fn a_variable_may_be_left_out() {
    for query in [
        "query ($n: Int, $a: String, $o: ChatOrder) { chats(first: $n, after: $a, order: $o) { nodes { id } } }",
        "mutation ($a: Boolean, $u: Boolean, $s: ID) { updateChat(input: {cid: \"1@lid\", archived: $a, unmute: $u, sessionId: $s}) { chat { id } } }",
        "subscription ($a: String) { chatChanges(after: $a) { cursor } }",
    ] {
        let response = ask(query, json!({})).await;
        assert_eq!(code(&response), "forbidden", "{query}: {:?}", response.errors);
    }
}

#[tokio::test]
async fn a_document_above_a_limit_is_rejected() {
    let deep =
        format!("{{ chats {{ nodes {{ {} id {} }} }} }}", "session { chats { nodes { ".repeat(7), "} } }".repeat(7));
    let wide =
        format!("{{ viewer {{ {} }} }}", (0..2_100).map(|n| format!("a{n}: kind")).collect::<Vec<_>>().join(" "));
    let brackets = format!("{{ chat(cid: {}", "[".repeat(60));
    for query in [deep, wide, brackets] {
        let response = ask(&query, json!({})).await;
        assert_eq!(code(&response), "limit_exceeded", "{:?}", response.errors.first());
    }
}

#[tokio::test]
async fn a_nullable_field_that_fails_is_null_beside_the_others() {
    let query = "{ viewer { kind } chat(cid: \"1@lid\") { id } session(id: \"x\") { id } }";
    let response = ask(query, json!({})).await;
    assert_eq!(response.errors.len(), 2);
    let data = response.data.into_json().expect("JSON");
    assert_eq!(data, json!({"viewer": {"kind": "API_KEY"}, "chat": null, "session": null}));
}

#[tokio::test]
async fn a_field_that_may_not_be_null_takes_the_data_along() {
    let response = ask("{ viewer { kind } chats { nodes { id } } }", json!({})).await;
    assert_eq!(response.errors.len(), 1);
    assert_eq!(response.data, async_graphql::Value::Null);
}

#[tokio::test]
async fn an_api_key_s_viewer_shows_what_it_may() {
    let query = "{ viewer { kind organizationId userId role capabilities } }";
    let response = execute(query, json!({}), Capabilities::all()).await;
    let viewer = json!({
        "kind": "API_KEY", "organizationId": "org_1", "userId": null, "role": null,
        "capabilities": ["READ", "SEND", "MANAGE", "EVENTS"],
    });
    assert_eq!(response.data.into_json().expect("JSON"), json!({"viewer": viewer}));
}

/// The query of `getIntrospectionQuery()` in graphql-js 16.
const INTROSPECTION: &str = "query IntrospectionQuery { __schema { queryType { name } mutationType { name }
    subscriptionType { name } types { ...FullType } directives { name description locations args { ...InputValue } } } }
    fragment FullType on __Type { kind name description fields(includeDeprecated: true) { name description
    args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason } inputFields { ...InputValue }
    interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
    possibleTypes { ...TypeRef } }
    fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
    fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }";

#[tokio::test]
async fn the_schema_may_be_asked_for_unless_that_is_switched_off() {
    let response = ask(INTROSPECTION, json!({})).await;
    assert_eq!(response.errors, []);
    let closed = schema::build(&Config { introspection: false, ..Config::default() });
    let response = closed.execute(INTROSPECTION).await;
    assert!(!response.data.to_string().contains("updateChat"), "{:?}", response.errors);
}
