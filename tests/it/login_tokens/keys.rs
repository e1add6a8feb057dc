//! Sources of the public keys: whatever the source does, invalid tokens are rejected, and valid tokens work as soon as
//! possible.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use super::{
    fixture::{LoginServer, signed_by, token_under, valid_token},
    frontend::{Answer, Frontend, made},
};
use crate::support::wait_for;

#[tokio::test]
async fn the_keys_are_asked_for_once_however_many_come_at_once() {
    let frontend = Frontend::start(Answer::Late(made()["jwks"].clone()));
    let server = LoginServer::start(&frontend).await;
    assert_eq!(frontend.asked(), 0, "the keys were fetched before the first token");
    let token = valid_token();
    let answers = join_all((0..30).map(|_| server.takes(&token))).await;
    assert!(answers.into_iter().all(|taken| taken));
    assert_eq!(frontend.asked(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_when_its_first_token_comes() {
    let made = made();
    let frontend = Frontend::start(Answer::Json(made["jwksOfOne"].clone()));
    let server = LoginServer::start(&frontend).await;
    let next = made["nextToken"].as_str().expect("text");
    assert!(server.takes(&valid_token()).await);
    frontend.answers(Answer::Json(made["jwksAfterRotation"].clone()));
    assert!(server.takes(next).await);
    assert!(server.takes(&valid_token()).await);
    assert_eq!(frontend.asked(), 2);
}

/// A new key, and a token signed with it, both with this key id, or without one.
fn pair(id: Option<&str>) -> (Value, String) {
    let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    let key = Ed25519KeyPair::from_pkcs8(made.as_ref()).expect("a key");
    let mut jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.public_key())});
    let mut header = json!({"alg": "EdDSA"});
    if let Some(id) = id {
        (jwk["kid"], header["kid"]) = (id.into(), id.into());
    }
    (jwk, signed_by(&key, &header, Duration::from_mins(10)))
}

#[tokio::test]
async fn a_replaced_key_is_fetched_at_its_first_token() {
    for id in [None, Some("main")] {
        let ((old, old_token), (new, new_token)) = (pair(id), pair(id));
        let frontend = Frontend::start(Answer::Json(json!({"keys": [old]})));
        let server = LoginServer::start(&frontend).await;
        assert!(server.takes(&old_token).await, "{id:?}");
        frontend.answers(Answer::Json(json!({"keys": [new]})));
        assert!(server.takes(&new_token).await, "{id:?}");
        assert!(!server.takes(&old_token).await, "{id:?}: the key was withdrawn");
        assert_eq!(frontend.asked(), 2, "{id:?}");
    }
}

#[tokio::test]
async fn a_token_need_not_name_one_of_two_keys() {
    let ((old, old_token), (new, new_token)) = (pair(None), pair(None));
    let frontend = Frontend::start(Answer::Json(json!({"keys": [old, made()["jwks"]["keys"][1], new]})));
    let server = LoginServer::start(&frontend).await;
    assert!(server.takes(&old_token).await && server.takes(&new_token).await);
    assert!(!server.takes(&pair(None).1).await, "a token signed by another key is accepted");
}

#[tokio::test]
async fn a_token_need_not_name_the_only_key() {
    let made = made();
    let frontend = Frontend::start(Answer::Json(made["jwksOfOne"].clone()));
    let server = LoginServer::start(&frontend).await;
    assert!(server.takes(made["withoutKeyName"].as_str().expect("text")).await);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_one_question() {
    let frontend = Frontend::with_keys();
    let server = LoginServer::start(&frontend).await;
    assert!(server.takes(&valid_token()).await);
    let tokens: Vec<_> = (0..100).map(|number| with_key(&format!("unknown-{number}"))).collect();
    let taken = join_all(tokens.iter().map(|token| server.takes(token))).await;
    assert!(taken.into_iter().all(|taken| !taken));
    assert_eq!(frontend.asked(), 2, "one for the first token, one for the flood");
}

/// The valid token with another key id.
fn with_key(id: &str) -> String {
    let header = json!({"alg": "EdDSA", "kid": id}).to_string();
    let header = URL_SAFE_NO_PAD.encode(header);
    let (_, rest) =
        valid_token().split_once('.').map(|(header, rest)| (header.to_owned(), rest.to_owned())).expect("parts");
    format!("{header}.{rest}")
}

#[tokio::test]
async fn login_tokens_are_rejected_until_the_key_set_is_loaded() {
    let frontend = Frontend::start(Answer::Status(503, json!({})));
    let server = LoginServer::start(&frontend).await;
    let token = valid_token();
    assert!(!server.takes(&token).await);
    assert!(server.takes(&server.create_key()).await, "API keys do not depend on the frontend");
    frontend.answers(Answer::Json(made()["jwks"].clone()));
    wait_for("the token to be accepted", async || server.takes(&token).await.then_some(())).await;
}

#[tokio::test]
async fn keys_that_are_known_are_used_on_when_the_frontend_is_gone() {
    let mut frontend = Frontend::with_keys();
    let server = LoginServer::start(&frontend).await;
    assert!(server.takes(&valid_token()).await);
    frontend.stop();
    assert!(!server.takes(&with_key("unknown")).await);
    assert!(server.takes(&valid_token()).await);
}

#[tokio::test]
async fn a_redirected_oversized_or_missing_key_set_is_not_used() {
    let keys = &made()["jwks"];
    let answers = [Answer::Redirect, Answer::Padded(keys.clone(), 300_000), Answer::Silence, Answer::Drip];
    futures_util::future::join_all(answers.map(async |answer| {
        let frontend = Frontend::start(answer);
        let server = LoginServer::start(&frontend).await;
        assert!(!server.takes(&valid_token()).await);
        assert_eq!((frontend.asked(), frontend.followed()), (1, 0));
        assert!(server.takes(&server.create_key()).await, "API keys do not wait for the frontend");
    }))
    .await;
}

#[tokio::test]
async fn urls_in_a_token_are_never_fetched() {
    let (frontend, elsewhere) = (Frontend::with_keys(), Frontend::with_keys());
    let server = LoginServer::start(&frontend).await;
    for field in ["jku", "x5u"] {
        for (key, taken) in [("EdDSA", true), ("unknown", false)] {
            let header = json!({"alg": "EdDSA", "kid": key, field: elsewhere.url});
            assert_eq!(server.takes(&token_under(&header, Duration::from_mins(10))).await, taken, "{header}");
        }
    }
    assert_eq!((elsewhere.asked(), elsewhere.followed()), (0, 0));
    assert!(frontend.asked() > 0);
}
