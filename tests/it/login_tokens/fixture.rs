//! A server without WhatsApp, and login tokens: those from `tests/jose/make.mjs`, and new ones in the same form.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chatgraph::{clock::SystemClock, domain::clock::Clock as _};
use ring::signature::Ed25519KeyPair;
use serde_json::{Value, json};

use super::frontend::{Frontend, made};
use crate::support::{Log, Process, TestDatabase, create_key, wait_for};

/// Returns one of the valid tokens.
pub(super) fn valid_token() -> String {
    made()["accepted"]["EdDSA"].as_str().expect("a token").to_owned()
}

/// Returns a token of an owner in `org_1`, signed now, that expires after `left`.
pub(crate) fn token_for(left: Duration) -> String {
    token_under(&json!({"alg": "EdDSA", "kid": "EdDSA"}), left)
}

/// The same with another header.
pub(super) fn token_under(header: &Value, left: Duration) -> String {
    let key = STANDARD.decode(made()["privateKey"].as_str().expect("a key")).expect("base64");
    signed_by(&Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key).expect("a key"), header, left)
}

/// The same, signed by another key.
pub(super) fn signed_by(key: &Ed25519KeyPair, header: &Value, left: Duration) -> String {
    let leeway_ms = 30_000;
    let ends_ms = SystemClock.now() + i64::try_from(left.as_millis()).expect("a short time") - leeway_ms;
    #[expect(clippy::cast_precision_loss, reason = "times are far smaller")]
    let exp = ends_ms as f64 / 1_000.0;
    let made = made();
    let claims = json!({
        "iss": made["issuer"], "aud": made["audience"], "sub": "user_1", "exp": exp,
        "activeOrganizationId": "org_1", "orgRole": "owner",
    });
    let message = [header, &claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes())))
}

/// A running server that accepts the frontend's tokens.
pub(super) struct LoginServer {
    pub(super) url: String,
    pub(super) log: Log,
    pub(super) database: TestDatabase,
    _process: Process,
}

impl LoginServer {
    /// Starts it for the tokens of `frontend`.
    pub(super) async fn start(frontend: &Frontend) -> Self {
        Self::with(&["--jwks-url", &frontend.url, "--jwt-issuer", &issuer(), "--jwt-audience", "chatgraph"]).await
    }

    /// Starts it with these settings.
    pub(super) async fn with(settings: &[&str]) -> Self {
        let (database, log) = (TestDatabase::migrated().await, Log::of_tokens());
        // These tests exceed the default limit of failed tokens.
        let settings = [settings, &["--max-failed-tokens-per-minute", "0"]].concat();
        let process = Process::serve(&database, &settings, &[], &log);
        Self { url: process.url.clone(), log, database, _process: process }
    }

    /// Returns the answer to a query with this token: status, relevant headers, body.
    pub(super) async fn ask_as(&self, token: &str, query: &str) -> (StatusCode, HeaderMap, Value) {
        self.ask_with_id(token, query, "asked-by-the-test").await
    }

    /// The same for a request with this id.
    pub(super) async fn ask_with_id(&self, token: &str, query: &str, id: &str) -> (StatusCode, HeaderMap, Value) {
        let request = reqwest::Client::new().post(&self.url).bearer_auth(token).header("X-Request-Id", id);
        let response = request.json(&json!({"query": query})).send().await.expect("an answer");
        let (status, mut headers) = (response.status(), response.headers().clone());
        headers.remove("date");
        headers.remove("x-request-id");
        (status, headers, response.json().await.expect("JSON"))
    }

    /// Returns true if this token is accepted.
    pub(super) async fn takes(&self, token: &str) -> bool {
        let (status, _, answer) = self.ask_as(token, "{ viewer { userId } }").await;
        assert_eq!(status == 200, answer["errors"].is_null(), "{answer}");
        status == 200
    }

    /// Returns the logged reason why the token of this request was rejected.
    pub(super) async fn reason(&self, id: &str) -> String {
        wait_for("a reason in the log", async || {
            let entries = self.log.of_request(id);
            entries.iter().find_map(|entry| entry["fields"]["reason"].as_str().map(str::to_owned))
        })
        .await
    }

    /// Creates a key of `org_1`.
    pub(super) fn create_key(&self) -> String {
        create_key(&self.database, "org_1", &[])
    }
}

/// The `iss` claim of jose's tokens.
pub(crate) fn issuer() -> String {
    made()["issuer"].as_str().expect("text").to_owned()
}
