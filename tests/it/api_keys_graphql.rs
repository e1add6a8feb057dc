//! API keys over GraphQL.

use chatgraph::{clock::SystemClock, domain::clock::Clock as _};
use serde_json::{Value, json};

use crate::support::{
    CHAT_CHANGES, REVOKE_KEY, Subscription, TestServer, VIEWER_CAPABILITIES, error_code, error_field, wait_for,
};

const CREATE: &str = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { \
                      secret apiKey { id name prefix permissions createdAt expiresAt lastUsedAt } } }";
const LIST: &str = "{ apiKeys { nodes { id name prefix permissions createdAt expiresAt lastUsedAt } } }";

/// Creates a key with `key`, and returns its secret and its fields.
async fn create(server: &TestServer, key: &str, input: Value) -> (String, Value) {
    let answer = server.query_as(key, CREATE, json!({"input": input})).await;
    let made = &answer["data"]["createApiKey"];
    let secret = made["secret"].as_str().unwrap_or_else(|| panic!("{answer}"));
    (secret.to_owned(), made["apiKey"].clone())
}

#[tokio::test]
async fn a_created_key_works_and_its_secret_is_returned_once() {
    let server = TestServer::start().await;
    let before = SystemClock.now();
    let input = json!({"name": " reader ", "permissions": ["EVENTS", "READ", "READ"]});
    let (secret, key) = create(&server, &server.key, input).await;
    assert_eq!((&key["name"], &key["permissions"]), (&json!("reader"), &json!(["READ", "EVENTS"])));
    assert_eq!((&key["expiresAt"], &key["lastUsedAt"]), (&Value::Null, &Value::Null));
    assert_eq!(key["prefix"], secret[..8]);
    assert!(key["createdAt"].as_i64().is_some_and(|at| (before..=SystemClock.now()).contains(&at)), "{key}");

    let answer = server.query_as(&secret, VIEWER_CAPABILITIES, json!({})).await;
    assert_eq!(answer["data"]["viewer"], json!({"organizationId": "org_1", "capabilities": ["READ", "EVENTS"]}));
    let used = wait_for("the use of the key", async || {
        let listed = server.query(LIST).await;
        assert!(!listed.to_string().contains(&secret), "{listed}");
        let keys = listed["data"]["apiKeys"]["nodes"].as_array().expect("keys").clone();
        assert_eq!(keys.len(), 2, "{keys:?}");
        assert_eq!(
            (&keys[0]["id"], &keys[0]["name"]),
            (&key["id"], &key["name"]),
            "keys are not sorted newest first: {keys:?}"
        );
        keys[0]["lastUsedAt"].as_i64()
    })
    .await;
    assert!((before..=SystemClock.now()).contains(&used));
}

#[tokio::test]
async fn a_key_shows_its_creator() {
    const MAKERS: &str = "{ apiKeys { nodes { id name createdBy { kind keyId userId } } } }";
    let server = TestServer::start().await;
    let makers = async || {
        let listed = server.query(MAKERS).await["data"]["apiKeys"]["nodes"].clone();
        listed.as_array().unwrap_or_else(|| panic!("{listed}")).clone()
    };
    let (_, child) = create(&server, &server.key, json!({"name": "child", "permissions": ["READ"]})).await;
    let keys = makers().await;
    assert_eq!(keys[1]["createdBy"], json!({"kind": "OPERATOR", "keyId": null, "userId": null}));
    assert_eq!(keys[0]["id"], child["id"]);
    assert_eq!(keys[0]["createdBy"], json!({"kind": "API_KEY", "keyId": keys[1]["id"], "userId": null}));
    // Keys of an earlier version have no creator.
    server.execute("UPDATE api_key SET created_by = NULL, created_by_id = NULL").await;
    assert_eq!(makers().await[0]["createdBy"], Value::Null);
}

#[tokio::test]
async fn a_key_cannot_get_permissions_that_its_creator_lacks() {
    let server = TestServer::start().await;
    let manager = server.create_key("org_1", &["manage", "read"]);
    for permissions in [json!(["SEND"]), json!(["READ", "EVENTS"]), json!(["READ", "SEND", "MANAGE", "EVENTS"])] {
        let input = json!({"name": "more", "permissions": permissions});
        let answer = server.query_as(&manager, CREATE, json!({"input": input})).await;
        assert_eq!(error_code(&answer), "forbidden", "{answer}");
    }
    let (secret, _) = create(&server, &manager, json!({"name": "as much", "permissions": ["READ", "MANAGE"]})).await;
    let answer = server.query_as(&secret, VIEWER_CAPABILITIES, json!({})).await;
    assert_eq!(answer["data"]["viewer"]["capabilities"], json!(["READ", "MANAGE"]));
    assert_eq!(server.query(LIST).await["data"]["apiKeys"]["nodes"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn an_expiring_key_cannot_create_a_key_that_outlives_it() {
    let server = TestServer::start().await;
    let ending = server.create_key_until("org_1", "1d");
    let now = SystemClock.now();
    for expires_at in [Value::Null, json!(now + 2 * 86_400_000), json!(253_402_300_799_999_i64)] {
        let input = json!({"name": "longer", "permissions": ["READ"], "expiresAt": expires_at});
        let answer = server.query_as(&ending, CREATE, json!({"input": input})).await;
        assert_eq!((error_code(&answer), error_field(&answer)), ("validation_error", "expiresAt"), "{answer}");
    }
    let soon = now + 3_600_000;
    let (_, key) = create(&server, &ending, json!({"name": "a", "permissions": ["READ"], "expiresAt": soon})).await;
    assert_eq!(key["expiresAt"], soon);
}

#[tokio::test]
async fn wrong_input_makes_no_key_and_names_the_field() {
    let server = TestServer::start().await;
    for (input, field) in [
        (json!({"name": "", "permissions": ["READ"]}), "name"),
        (json!({"name": "  ", "permissions": ["READ"]}), "name"),
        (json!({"name": "é".repeat(101), "permissions": ["READ"]}), "name"),
        (json!({"name": "a", "permissions": []}), "permissions"),
        (json!({"name": "a", "permissions": ["ALL"]}), "permissions"),
        (json!({"name": "a", "permissions": ["READ"], "expiresAt": SystemClock.now() - 1_000}), "expiresAt"),
        (json!({"name": "a", "permissions": ["READ"], "expiresAt": -1}), "expiresAt"),
    ] {
        let answer = server.query_with(CREATE, json!({"input": input})).await;
        assert_eq!((error_code(&answer), error_field(&answer)), ("validation_error", field), "{answer}");
    }
    create(&server, &server.key, json!({"name": "é".repeat(100), "permissions": ["READ"]})).await;
    assert_eq!(server.query(LIST).await["data"]["apiKeys"]["nodes"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_revoked_key_is_rejected_at_once_and_its_socket_closes() {
    let server = TestServer::start().await;
    let (secret, key) = create(&server, &server.key, json!({"name": "a", "permissions": ["EVENTS"]})).await;
    let mut listener = Subscription::open(&server, &secret, CHAT_CHANGES, json!({})).await;
    listener.event().await;
    // The server now remembers this key as valid.
    assert!(server.query_as(&secret, VIEWER_CAPABILITIES, json!({})).await["errors"].is_null());

    let id = json!({"id": key["id"]});
    let answer = server.query_with(REVOKE_KEY, id.clone()).await;
    assert_eq!(answer, json!({"data": {"revokeApiKey": {"revokedId": key["id"]}}}));
    assert_eq!(error_code(&server.query_as(&secret, VIEWER_CAPABILITIES, json!({})).await), "unauthorized");
    assert_eq!(u16::from(listener.closed().await.code), 4403);
    let again = server.query_with(REVOKE_KEY, id).await;
    assert_eq!((error_code(&again), &again["data"]["revokeApiKey"]), ("not_found", &Value::Null));
    assert!(server.query(VIEWER_CAPABILITIES).await["errors"].is_null(), "another key was revoked as well");
}

#[tokio::test]
async fn a_key_ends_when_it_was_made_to_and_its_socket_with_it() {
    let server = TestServer::start().await;
    let ends = SystemClock.now() + 8_000;
    let input = json!({"name": "a", "permissions": ["EVENTS"], "expiresAt": ends});
    let (secret, _) = create(&server, &server.key, input).await;
    let mut listener = Subscription::open(&server, &secret, CHAT_CHANGES, json!({})).await;
    listener.event().await;
    assert_eq!(u16::from(listener.closed().await.code), 4403);
    assert!(SystemClock.now() > ends, "the key expired too early");
    assert_eq!(error_code(&server.query_as(&secret, VIEWER_CAPABILITIES, json!({})).await), "unauthorized");
}

#[tokio::test]
async fn keys_are_paged_forwards_and_backwards() {
    let server = TestServer::start().await;
    for name in ["a", "b", "c"] {
        create(&server, &server.key, json!({"name": name, "permissions": ["READ"]})).await;
    }
    let page = async |arguments: &str| {
        let query = format!(
            "{{ apiKeys({arguments}) {{ edges {{ node {{ name }} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        );
        let answer = server.query(&query).await;
        assert_eq!(answer["errors"], Value::Null, "{answer}");
        let edges = answer["data"]["apiKeys"]["edges"].as_array().expect("edges").iter();
        let names: Vec<_> = edges.map(|edge| edge["node"]["name"].as_str().expect("a name").to_owned()).collect();
        (names, answer["data"]["apiKeys"]["pageInfo"].clone())
    };
    let (names, info) = page("first: 2").await;
    assert_eq!((names, &info["hasNextPage"]), (vec!["c".to_owned(), "b".to_owned()], &json!(true)));
    let after = format!("first: 2, after: {}", info["endCursor"]);
    let (rest, info) = page(&after).await;
    assert_eq!((&*rest[0], rest.len(), &info["hasNextPage"]), ("a", 2, &json!(false)));
    assert_eq!(page("last: 2").await.0, rest);
}

#[tokio::test]
async fn an_organization_makes_no_more_keys_than_it_may() {
    let server = TestServer::with_arguments(&["--max-api-keys-per-organization", "4"]).await;
    let input = json!({"input": {"name": "a", "permissions": ["READ"]}});
    let made = futures_util::future::join_all((0..10).map(|_| server.query_with(CREATE, input.clone()))).await;
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(|answer| answer["errors"].is_null());
    assert_eq!(made.len(), 3, "the existing key is returned");
    for answer in refused {
        assert_eq!(error_code(&answer), "conflict", "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["limit"], 4, "{answer}");
        assert!(answer.to_string().contains("--max-api-keys-per-organization"), "{answer}");
    }
    let other = server.create_key("org_2", &[]);
    create(&server, &other, json!({"name": "theirs", "permissions": ["READ"]})).await;
    let id = json!({"id": made[0]["data"]["createApiKey"]["apiKey"]["id"]});
    server.query_with(REVOKE_KEY, id).await;
    create(&server, &server.key, json!({"name": "again", "permissions": ["READ"]})).await;
}
