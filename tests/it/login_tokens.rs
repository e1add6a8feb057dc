//! Login tokens of people, signed by a frontend: JWTs from another implementation than the server's.

pub(crate) mod fixture;
pub(crate) mod frontend;
mod keys;
mod private_ca;

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{CHAT_CHANGES, SESSION_IDS, SESSION_LABELS, Subscription, VIEWER, VIEWER_KIND};
use fixture::{LoginServer, token_for, valid_token};
use frontend::{Frontend, made};

/// Expected reason in the log for each of jose's invalid tokens.
const REFUSED: &[(&str, &str)] = &[
    ("expired", "expired"),
    ("not yet", "not valid yet"),
    ("a time to begin that is text", "not valid yet"),
    ("no expiry", "`exp` claim"),
    ("an expiry that is text", "`exp` claim"),
    ("no issuer", "issuer"),
    ("another issuer", "issuer"),
    ("a list of issuers", "issuer"),
    ("no audience", "audience"),
    ("another audience", "audience"),
    ("an audience that contains ours", "audience"),
    ("no subject", "subject"),
    ("an empty subject", "subject"),
    ("a subject that is a number", "subject"),
    ("an organization that is none", "organization claim"),
    ("an organization that is a list", "organization claim"),
    ("an access token", "`typ` header"),
    ("a critical extension", "`crit` header"),
    ("an empty list of critical extensions", "`crit` header"),
    ("an unencoded payload", "`crit` header"),
    ("another key's name", "signature verification failed"),
    ("an unknown key", "no key of the set"),
    ("a key's name that is a number", "malformed header"),
    ("a stranger's key", "signature verification failed"),
    ("a key of its own", "signature verification failed"),
    ("no signature", "signature verification failed"),
    ("no algorithm", "signature verification failed"),
    ("the public key as a secret", "signature verification failed"),
    ("the modulus as a secret", "signature verification failed"),
    ("a symmetric key", "no key of the set"),
    ("an RSA key of 1024 bits", "no key of the set"),
    ("the other padding of the same key", "signature verification failed"),
    ("other claims", "signature verification failed"),
    ("another header", "signature verification failed"),
    ("half a signature", "signature verification failed"),
    ("a padded signature", "signature verification failed"),
    ("claims that are a list", "signature verification failed"),
    ("claims that are no JSON", "signature verification failed"),
    ("a header that is no JSON", "malformed header"),
    ("over 8 KiB", "8192 bytes"),
];

fn entries(tokens: &Value) -> impl Iterator<Item = (&String, &Value)> {
    tokens.as_object().expect("an object").iter()
}

#[tokio::test]
async fn tokens_of_every_algorithm_are_taken() {
    let frontend = Frontend::with_keys();
    let server = LoginServer::start(&frontend).await;
    let made = made();
    let mut taken = BTreeSet::new();
    for (name, token) in entries(&made["accepted"]) {
        let (_, _, answer) = server.ask_as(token.as_str().expect("text"), "{ viewer { kind userId } }").await;
        assert_eq!(answer, json!({"data": {"viewer": {"kind": "USER", "userId": "user_1"}}}), "{name}");
        taken.insert(&**name);
    }
    let algorithms = ["EdDSA", "ES256", "ES384", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
    assert!(taken.is_superset(&BTreeSet::from(algorithms)), "{taken:?}");
}

#[tokio::test]
async fn invalid_tokens_are_answered_alike_and_the_log_says_why() {
    let frontend = Frontend::with_keys();
    let server = LoginServer::start(&frontend).await;
    let made = made();
    let nobodys = server.ask_as("cg_nobody", VIEWER_KIND).await;
    assert_eq!(nobodys.0, 401);
    assert!(nobodys.1.contains_key("www-authenticate"));
    for (number, (name, token)) in entries(&made["refused"]).enumerate() {
        let (token, id) = (token.as_str().expect("text"), format!("refused-{number}"));
        let answer = server.ask_with_id(token, VIEWER_KIND, &id).await;
        assert_eq!(answer, nobodys, "{name}");
        let (_, why) = REFUSED
            .iter()
            .find(|(refused, _)| refused == name)
            .unwrap_or_else(|| panic!("no expected reason for {name}"));
        let reason = server.reason(&id).await;
        assert!(reason.contains(why), "{name}: {reason}");
        for part in token.split('.').filter(|part| part.len() > 10) {
            assert!(!server.log.text().contains(part), "{name} is in the log");
        }
    }
    assert_eq!(entries(&made["refused"]).count(), REFUSED.len());
    assert!(server.takes(&valid_token()).await);
    // One fetch for the first token, and one for an unknown key.
    assert!(frontend.asked() <= 2, "{}", frontend.asked());
}

#[tokio::test]
async fn permissions_follow_from_the_roles() {
    let frontend = Frontend::with_keys();
    let server = LoginServer::start(&frontend).await;
    let made = made();
    assert!(entries(&made["roles"]).count() > 10);
    for (name, person) in entries(&made["roles"]) {
        let (_, _, answer) = server.ask_as(person["token"].as_str().expect("text"), VIEWER).await;
        assert_eq!(answer["data"]["viewer"], person["viewer"], "{name}: {answer}");
    }
    let nowhere = made["roles"]["a platform's admin without an organization"]["token"].as_str().expect("text");
    let (_, _, answer) = server.ask_as(nowhere, SESSION_IDS).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "forbidden", "{answer}");
}

#[tokio::test]
async fn claims_and_roles_have_the_names_that_the_settings_give_them() {
    let (frontend, made) = (Frontend::with_keys(), made());
    let server = LoginServer::with(&[
        "--jwks-url",
        &frontend.url,
        "--jwt-issuer",
        &fixture::issuer(),
        "--jwt-audience",
        "first,chatgraph",
        "--jwt-organization-claim",
        "org",
        "--jwt-organization-role-claim",
        "https://example.org/role",
        "--jwt-platform-role-claim",
        "staff",
        "--jwt-admin-role",
        "chief,boss",
        "--jwt-member-role",
        "hand",
        "--jwt-platform-admin-role",
        "root",
    ])
    .await;
    let of = async |token: &Value| {
        let query = "{ viewer { organizationId role capabilities } }";
        server.ask_as(token.as_str().expect("text"), query).await.2["data"]["viewer"].clone()
    };
    let all = json!(["READ", "SEND", "MANAGE", "EVENTS"]);
    let expected = |role: &str| json!({"organizationId": "org_1", "role": role, "capabilities": all});
    assert_eq!(of(&made["renamed"]).await, expected("chief"));
    assert_eq!(of(&made["renamedPlatformAdmin"]).await, expected("root"));
    assert_eq!(of(&made["renamedMember"]).await, expected("root"), "of two roles, the greater one counts");
    let nowhere = of(&made["accepted"]["EdDSA"]).await;
    assert_eq!(nowhere, json!({"organizationId": null, "role": null, "capabilities": []}));
}

#[tokio::test]
async fn a_socket_ends_with_its_login_token() {
    let frontend = Frontend::with_keys();
    let server = LoginServer::start(&frontend).await;
    let token = token_for(Duration::from_secs(8));
    let mut listener = Subscription::open_at(&server.url, &token, CHAT_CHANGES, json!({})).await;
    listener.event().await;
    assert!(server.takes(&token).await, "the token expired too early");
    assert_eq!(u16::from(listener.closed().await.code), 4403);
    assert!(!server.takes(&token).await);
}

#[tokio::test]
async fn an_invalid_login_token_closes_a_socket_with_a_retryable_code() {
    let frontend = Frontend::with_keys();
    let server = LoginServer::start(&frontend).await;
    let expired = made()["refused"]["expired"].as_str().expect("text").to_owned();
    let mut refused = Subscription::open_at(&server.url, &expired, CHAT_CHANGES, json!({})).await;
    assert_eq!(u16::from(refused.closed().await.code), 4403);
}

#[tokio::test]
async fn an_organization_is_there_from_its_first_write_on() {
    let frontend = Frontend::with_keys();
    let server = LoginServer::start(&frontend).await;
    let token = made()["newOrganization"].as_str().expect("text").to_owned();
    let (_, _, none) = server.ask_as(&token, SESSION_LABELS).await;
    assert_eq!(none["data"]["sessions"]["nodes"], json!([]), "{none}");
    let creation = "mutation { createSession(input: {label: \"First\"}) { session { label } } }";
    let (_, _, made) = server.ask_as(&token, creation).await;
    assert_eq!(made["data"]["createSession"]["session"]["label"], "First", "{made}");
    let (_, _, one) = server.ask_as(&token, SESSION_LABELS).await;
    assert_eq!(one["data"]["sessions"]["nodes"], json!([{"label": "First"}]));
    let (_, _, others) = server.ask_as(&valid_token(), SESSION_LABELS).await;
    assert_eq!(others["data"]["sessions"]["nodes"], json!([]), "another organization sees the session");
}

#[tokio::test]
async fn a_key_that_a_person_makes_names_that_person() {
    let frontend = Frontend::with_keys();
    let server = LoginServer::start(&frontend).await;
    let create = "mutation { createApiKey(input: {name: \"a\", permissions: [READ]}) { \
                  apiKey { createdBy { kind keyId userId } } } }";
    let (_, _, made) = server.ask_as(&valid_token(), create).await;
    let creator = &made["data"]["createApiKey"]["apiKey"]["createdBy"];
    assert_eq!(*creator, json!({"kind": "USER", "keyId": null, "userId": "user_1"}), "{made}");
}

#[tokio::test]
async fn login_tokens_are_never_looked_up_as_keys() {
    for frontend in [None, Some(Frontend::with_keys())] {
        let server = match &frontend {
            Some(frontend) => LoginServer::start(frontend).await,
            None => LoginServer::with(&[]).await,
        };
        let key = server.create_key();
        assert!(server.takes(&key).await);
        let token = made()["refused"]["expired"].as_str().expect("text").to_owned();
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&token));
        let database = sea_orm::Database::connect(server.database.url()).await.expect("a connection");
        database.execute_unprepared(&format!("UPDATE api_key SET hash = '{hash}'")).await.expect("executed");
        assert!(!server.takes(&token).await);
    }
}
