//! Requests that are repeated under an idempotency key create one object.

use serde_json::{Value, json};

use crate::support::{DELETE_SESSION, REVOKE_KEY, TestServer, VIEWER_KIND, error_code};

const SESSION: &str = "mutation($input: CreateSessionInput!) { createSession(input: $input) { session { id label } } }";
const KEY: &str =
    "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey { id name prefix } secret } }";
const DAY_MS: i64 = 86_400_000;

impl TestServer {
    async fn makes_session(&self, key: &str, label: &str) -> Value {
        self.query_with(SESSION, json!({"input": {"label": label, "idempotencyKey": key}})).await
    }

    async fn makes_key(&self, key: &str, name: &str) -> Value {
        let input = json!({"name": name, "permissions": ["READ"], "idempotencyKey": key});
        self.query_with(KEY, json!({"input": input})).await
    }
}

fn reason(answer: &Value) -> (&str, &Value) {
    (error_code(answer), &answer["errors"][0]["extensions"]["reason"])
}

#[tokio::test]
async fn a_session_that_is_asked_for_again_is_made_once() {
    let server = TestServer::start().await;
    let before = server.rows("session").await;
    let made = futures_util::future::join_all((0..8).map(|_| server.makes_session("one", "Shop"))).await;
    for again in &made {
        assert!(again["data"]["createSession"]["session"]["id"].is_string(), "{again}");
        assert_eq!(again, &made[0]);
    }
    assert_eq!(server.rows("session").await, before + 1);
    let other = server.makes_session("one", "Office").await;
    assert_eq!(reason(&other), ("conflict", &json!("IDEMPOTENCY_KEY_REUSED")), "{other}");
    assert_ne!(server.makes_session("two", "Shop").await, made[0]);

    // Another organization has its own keys.
    let theirs = server.create_key("org_2", &[]);
    let input = json!({"input": {"label": "Shop", "idempotencyKey": "one"}});
    assert_ne!(server.query_as(&theirs, SESSION, input).await["data"], made[0]["data"]);

    let id = &made[0]["data"]["createSession"]["session"]["id"];
    server.query_with(DELETE_SESSION, json!({"id": id})).await;
    assert_eq!(reason(&server.makes_session("one", "Shop").await), ("conflict", &json!("IDEMPOTENCY_KEY_REUSED")));

    server.execute(&format!("UPDATE idempotency_key SET created_at = created_at - {DAY_MS}")).await;
    let anew = server.makes_session("one", "Office").await;
    assert!(anew["data"]["createSession"]["session"]["id"].is_string(), "{anew}");
    assert_eq!(server.rows("idempotency_key").await, 2, "only the new key and the other organization's are left");
}

#[tokio::test]
async fn repeated_key_creation_makes_one_key_with_the_latest_secret() {
    let server = TestServer::start().await;
    let before = server.rows("api_key").await;
    let first = server.makes_key("one", "script").await["data"]["createApiKey"].clone();
    let again = server.makes_key("one", "script").await["data"]["createApiKey"].clone();
    assert_eq!((&first["apiKey"]["id"], server.rows("api_key").await), (&again["apiKey"]["id"], before + 1));
    assert_ne!(first["secret"], again["secret"]);
    assert_eq!(json!(&again["secret"].as_str().expect("a secret")[..8]), again["apiKey"]["prefix"]);
    let other = server.makes_key("one", "another").await;
    assert_eq!(reason(&other), ("conflict", &json!("IDEMPOTENCY_KEY_REUSED")), "{other}");

    let viewer = VIEWER_KIND;
    let lost = server.query_as(first["secret"].as_str().expect("a secret"), viewer, json!({})).await;
    assert_eq!(error_code(&lost), "unauthorized");
    let works = server.query_as(again["secret"].as_str().expect("a secret"), viewer, json!({})).await;
    assert_eq!(works["data"]["viewer"]["kind"], "API_KEY");

    // An API key that was used keeps its secret.
    server.execute("UPDATE api_key SET last_used_at = 1 WHERE name = 'script'").await;
    assert_eq!(reason(&server.makes_key("one", "script").await), ("conflict", &json!("IDEMPOTENCY_KEY_REUSED")));
    let works = server.query_as(again["secret"].as_str().expect("a secret"), viewer, json!({})).await;
    assert_eq!(works["data"]["viewer"]["kind"], "API_KEY");
}

#[tokio::test]
async fn a_repeated_request_is_answered_also_at_the_limit() {
    let limits = ["--max-sessions-per-organization", "2", "--max-api-keys-per-organization", "2"];
    let server = TestServer::with_arguments(&limits).await;
    // One of each is there already.
    let (session, key) = (server.makes_session("one", "Shop").await, server.makes_key("one", "script").await);
    assert_eq!((server.rows("session").await, server.rows("api_key").await), (2, 2));
    assert_eq!(reason(&server.makes_session("two", "Shop").await), ("conflict", &json!("TOO_MANY_SESSIONS")));
    assert_eq!(reason(&server.makes_key("two", "script").await), ("conflict", &json!("TOO_MANY_API_KEYS")));
    assert_eq!(server.makes_session("one", "Shop").await, session);
    let again = server.makes_key("one", "script").await;
    assert_eq!(again["data"]["createApiKey"]["apiKey"]["id"], key["data"]["createApiKey"]["apiKey"]["id"], "{again}");
    assert_eq!((server.rows("session").await, server.rows("api_key").await), (2, 2));

    // A rejected request does not use up its idempotency key.
    server.query_with(DELETE_SESSION, json!({"id": session["data"]["createSession"]["session"]["id"]})).await;
    server.query_with(REVOKE_KEY, json!({"id": again["data"]["createApiKey"]["apiKey"]["id"]})).await;
    for made in [server.makes_session("two", "Shop").await, server.makes_key("two", "script").await] {
        assert_eq!(made["errors"], Value::Null, "{made}");
    }
}

#[tokio::test]
async fn a_key_has_a_length() {
    let server = TestServer::start().await;
    for key in [String::new(), "x".repeat(101)] {
        for answer in [server.makes_session(&key, "Shop").await, server.makes_key(&key, "script").await] {
            assert_eq!(error_code(&answer), "validation_error");
            assert_eq!(answer["errors"][0]["extensions"]["field"], "idempotencyKey");
        }
    }
}
