//! `chatgraph key`, beside a running server.

use std::process::Output;

use serde_json::json;

use crate::support::{CHAT_CHANGES, Subscription, TestServer, VIEWER_CAPABILITIES, VIEWER_KIND, error_code, wait_for};

const UUID: &str = "8f14e45f-ceea-467f-a0e6-4b6d0e8d2d3b";

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn error(output: &Output) -> String {
    assert!(!output.status.success() && output.stdout.is_empty(), "the command succeeded");
    String::from_utf8(output.stderr.clone()).expect("text")
}

#[tokio::test]
async fn an_existing_token_is_imported_and_works_as_a_key() {
    let server = TestServer::start().await;
    let import = ["key", "import", "--organization", "org_2", "--permission", "read", "--name", "old gateway"];
    let id = text(&server.command_with(&import, &format!("{UUID}\n")));
    let answer = server.query_as(UUID, VIEWER_CAPABILITIES, json!({})).await;
    assert_eq!(answer["data"]["viewer"], json!({"organizationId": "org_2", "capabilities": ["READ"]}));

    let again = error(&server.command_with(&import, UUID));
    assert!(again.contains("already an API key"), "{again}");
    let listed = text(&server.command(&["key", "list", "--organization", "org_2"]));
    assert!(listed.starts_with(id.trim()) && listed.contains("old gateway") && listed.contains(" read "), "{listed}");
    assert!(listed.contains(&UUID[..8]) && !listed.contains(&UUID[8..]), "{listed}");
    assert_eq!(listed.lines().count(), 1, "keys of another organization are listed: {listed}");
}

#[tokio::test]
async fn a_token_in_a_file_is_imported_too() {
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, UUID).expect("written");
    let file = file.to_str().expect("text");
    text(&server.command(&["key", "import", "--organization", "org_2", "--token-file", file]));
    let answer = server.query_as(UUID, VIEWER_CAPABILITIES, json!({})).await;
    assert_eq!(answer["data"]["viewer"]["capabilities"], json!(["READ", "EVENTS"]));
}

#[tokio::test]
async fn a_token_that_cannot_be_a_key_is_rejected_with_a_reason() {
    let server = TestServer::start().await;
    let import = ["key", "import", "--organization", "org_2"];
    for (token, reason) in [
        ("", "at least"),
        ("brief", "at least"),
        (&"a".repeat(513), "at most"),
        (&"a b".repeat(10), "visible ASCII"),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln", "JWT"),
    ] {
        let error = error(&server.command_with(&import, token));
        assert!(error.contains(reason), "{token}: {error}");
        assert!(token.is_empty() || !error.contains(token), "the error contains the token: {error}");
    }
    let on_the_command_line = server.command_with(&[&import[..], &[UUID]].concat(), "");
    assert!(error(&on_the_command_line).contains("unexpected argument"));
    let listed = server.command(&["key", "list", "--organization", "org_2"]);
    assert!(error(&listed).contains("organization org_2 does not exist"), "a rejected token created the organization");
    assert_eq!(listed.status.code(), Some(1));
}

#[tokio::test]
async fn a_revoked_key_is_rejected_and_its_socket_closes() {
    let server = TestServer::start().await;
    let key = server.create_key("org_1", &["events"]);
    let mut listener = Subscription::open(&server, &key, CHAT_CHANGES, json!({})).await;
    listener.event().await;
    let listed = text(&server.command(&["key", "list", "--organization", "org_1"]));
    let line = listed.lines().find(|line| line.contains(&key[..8])).expect("the key");
    let id = line.split(' ').next().expect("an id");

    let foreign = error(&server.command(&["key", "revoke", id, "--organization", "org_2"]));
    assert!(foreign.contains("organization org_2 has no API key"), "{foreign}");
    text(&server.command(&["key", "revoke", id, "--organization", "org_1"]));
    assert_eq!(u16::from(listener.closed().await.code), 4403);
    wait_for("the key to be refused", async || {
        let answer = server.query_as(&key, VIEWER_KIND, json!({})).await;
        (answer["errors"][0]["extensions"]["code"] == "unauthorized").then_some(())
    })
    .await;
    error(&server.command(&["key", "revoke", id, "--organization", "org_1"]));
    assert!(server.query(VIEWER_KIND).await["errors"].is_null(), "another key was revoked as well");
}

#[tokio::test]
async fn a_key_ends_with_its_time_and_its_socket_with_it() {
    let server = TestServer::start().await;
    let key = server.create_key_until("org_1", "3s");
    let mut listener = Subscription::open(&server, &key, CHAT_CHANGES, json!({})).await;
    listener.event().await;
    assert!(
        server.query_as(&key, VIEWER_CAPABILITIES, json!({})).await["errors"].is_null(),
        "the key expired too early"
    );
    assert_eq!(u16::from(listener.closed().await.code), 4403);
    // The server has cached this key as valid, but the cache entry expires with the key.
    assert_eq!(error_code(&server.query_as(&key, VIEWER_CAPABILITIES, json!({})).await), "unauthorized");
}

#[tokio::test]
async fn a_key_has_read_and_events_without_a_permission_flag() {
    let server = TestServer::start().await;
    let secret = text(&server.command(&["key", "create", "--organization", "org_1"]));
    let answer = server.query_as(secret.trim(), VIEWER_CAPABILITIES, json!({})).await;
    assert_eq!(answer["data"]["viewer"]["capabilities"], json!(["READ", "EVENTS"]));
}

/// Returns the line of `key list` for the key with this secret.
fn listed(server: &TestServer, secret: &str) -> String {
    let listed = text(&server.command(&["key", "list", "--organization", "org_1"]));
    listed.lines().find(|line| line.contains(&secret[..8])).expect("the key").to_owned()
}

#[tokio::test]
async fn a_rotated_key_has_a_new_secret_and_its_last_one_ends() {
    let server = TestServer::start().await;
    let old = server.create_key("org_1", &["read", "events"]);
    let mut listener = Subscription::open(&server, &old, CHAT_CHANGES, json!({})).await;
    listener.event().await;
    let before = listed(&server, &old);
    let id = before.split(' ').next().expect("an id");

    let foreign = error(&server.command(&["key", "rotate", id, "--organization", "org_2"]));
    assert!(foreign.contains("organization org_2 has no API key"), "{foreign}");
    let new = text(&server.command(&["key", "rotate", id, "--organization", "org_1"]));
    let new = new.trim();
    assert_ne!(new, old);
    let answer = server.query_as(new, VIEWER_CAPABILITIES, json!({})).await;
    assert_eq!(answer["data"]["viewer"], json!({"organizationId": "org_1", "capabilities": ["READ", "EVENTS"]}));
    assert!(listed(&server, new).starts_with(id), "the key has another id");
    assert_eq!(u16::from(listener.closed().await.code), 4403);
    assert_eq!(error_code(&server.query_as(&old, VIEWER_CAPABILITIES, json!({})).await), "unauthorized");
}

#[tokio::test]
async fn a_rotated_keys_old_secret_works_for_the_grace_period() {
    let server = TestServer::start().await;
    let first = server.create_key("org_1", &["events"]);
    let id = listed(&server, &first).split(' ').next().expect("an id").to_owned();
    let rotate = |grace: &str| {
        text(&server.command(&["key", "rotate", &id, "--organization", "org_1", "--grace", grace])).trim().to_owned()
    };
    let second = rotate("1h");
    for secret in [&first, &second] {
        assert!(
            server.query_as(secret, VIEWER_CAPABILITIES, json!({})).await["errors"].is_null(),
            "one of the two secrets does not work"
        );
    }
    let third = rotate("8s");
    let mut listener = Subscription::open(&server, &second, CHAT_CHANGES, json!({})).await;
    listener.event().await;
    wait_for("the first secret to expire", async || {
        let answer = server.query_as(&first, VIEWER_CAPABILITIES, json!({})).await;
        (answer["errors"][0]["extensions"]["code"] == "unauthorized").then_some(())
    })
    .await;
    assert_eq!(u16::from(listener.closed().await.code), 4403, "the grace period does not end");
    assert_eq!(error_code(&server.query_as(&second, VIEWER_CAPABILITIES, json!({})).await), "unauthorized");
    assert!(server.query_as(&third, VIEWER_CAPABILITIES, json!({})).await["errors"].is_null());
    let over =
        error(&server.command(&["key", "rotate", &id, "--organization", "org_1", "--grace", "2020-01-01T00:00:00Z"]));
    assert!(over.contains("--grace"), "{over}");
}

#[tokio::test]
async fn the_list_shows_a_keys_creator_and_whether_it_is_revoked() {
    let server = TestServer::start().await;
    let maker = server.create_key("org_1", &["manage", "read"]);
    let create = "mutation { createApiKey(input: {name: \"made\", permissions: [READ]}) { secret } }";
    let answer = server.query_as(&maker, create, json!({})).await;
    let made = answer["data"]["createApiKey"]["secret"].as_str().expect("a secret").to_owned();
    let line = listed(&server, &maker);
    let id = line.split(' ').next().expect("an id");
    assert!(line.contains(" by operator "), "{line}");
    assert!(listed(&server, &made).contains(&format!(" by {id} ")), "{}", listed(&server, &made));
    text(&server.command(&["key", "revoke", id, "--organization", "org_1"]));
    assert!(listed(&server, &made).contains(&format!(" by {id} (revoked) ")), "{}", listed(&server, &made));
    assert!(
        server.query_as(&made, VIEWER_CAPABILITIES, json!({})).await["errors"].is_null(),
        "the key was revoked with its creator"
    );
}
