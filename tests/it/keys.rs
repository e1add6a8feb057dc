//! `chatgraph key`, beside a running server.

use std::process::Output;

use serde_json::json;

use crate::support::Subscription;
use crate::support::TestServer;
use crate::support::error_code;
use crate::support::eventually;

const UUID: &str = "8f14e45f-ceea-467f-a0e6-4b6d0e8d2d3b";
const WHO: &str = "{ viewer { organizationId capabilities } }";
const CHANGES: &str = "subscription { chatChanges { cursor } }";

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn error(output: &Output) -> String {
    assert!(!output.status.success() && output.stdout.is_empty(), "it was taken");
    String::from_utf8(output.stderr.clone()).expect("text")
}

#[tokio::test]
async fn an_existing_token_is_imported_and_works_as_a_key() {
    let server = TestServer::start().await;
    let import = ["key", "import", "--organization", "org_2", "--permission", "read", "--name", "old gateway"];
    let id = text(&server.command_with(&import, &format!("{UUID}\n")));
    let answer = server.query_as(UUID, WHO, json!({})).await;
    assert_eq!(answer["data"]["viewer"], json!({"organizationId": "org_2", "capabilities": ["READ"]}));

    let again = error(&server.command_with(&import, UUID));
    assert!(again.contains("an api-key already"), "{again}");
    let listed = text(&server.command(&["key", "list", "--organization", "org_2"]));
    assert!(listed.starts_with(id.trim()) && listed.contains("old gateway") && listed.contains(" read "), "{listed}");
    assert!(listed.contains(&UUID[..8]) && !listed.contains(&UUID[8..]), "{listed}");
    assert_eq!(listed.lines().count(), 1, "only the organization's own: {listed}");
}

#[tokio::test]
async fn a_token_in_a_file_is_imported_too() {
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, UUID).expect("written");
    let file = file.to_str().expect("text");
    text(&server.command(&["key", "import", "--organization", "org_2", "--token-file", file]));
    let answer = server.query_as(UUID, WHO, json!({})).await;
    assert_eq!(answer["data"]["viewer"]["capabilities"], json!(["READ", "SEND", "MANAGE", "EVENTS"]));
}

#[tokio::test]
async fn a_token_that_cannot_be_a_key_is_refused_with_the_reason() {
    let server = TestServer::start().await;
    let import = ["key", "import", "--organization", "org_2"];
    for (token, reason) in [
        ("", "at least"),
        ("short", "at least"),
        (&"a".repeat(513), "at most"),
        (&"a b".repeat(10), "visible ASCII"),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln", "JWT"),
    ] {
        let error = error(&server.command_with(&import, token));
        assert!(error.contains(reason), "{token}: {error}");
        assert!(token.is_empty() || !error.contains(token), "the token is told: {error}");
    }
    let on_the_command_line = server.command_with(&[&import[..], &[UUID]].concat(), "");
    assert!(error(&on_the_command_line).contains("unexpected argument"));
    assert_eq!(text(&server.command(&["key", "list", "--organization", "org_2"])), "");
}

#[tokio::test]
async fn a_revoked_key_is_refused_and_its_socket_ends() {
    let server = TestServer::start().await;
    let key = server.create_key("org_1", &["events"]);
    let mut listener = Subscription::open(&server, &key, CHANGES, json!({})).await;
    listener.event().await;
    let listed = text(&server.command(&["key", "list", "--organization", "org_1"]));
    let line = listed.lines().find(|line| line.contains(&key[..8])).expect("the key");
    let id = line.split(' ').next().expect("an id");

    let foreign = error(&server.command(&["key", "revoke", id, "--organization", "org_2"]));
    assert!(foreign.contains("organization org_2 has no api-key"), "{foreign}");
    text(&server.command(&["key", "revoke", id, "--organization", "org_1"]));
    assert_eq!(u16::from(listener.closed().await.code), 4403);
    eventually("the key to be refused", async || {
        let answer = server.query_as(&key, "{ viewer { kind } }", json!({})).await;
        (answer["errors"][0]["extensions"]["code"] == "unauthorized").then_some(())
    })
    .await;
    error(&server.command(&["key", "revoke", id, "--organization", "org_1"]));
    assert!(server.query("{ viewer { kind } }").await["errors"].is_null(), "another key went along");
}

#[tokio::test]
async fn a_key_ends_with_its_time_and_its_socket_with_it() {
    let server = TestServer::start().await;
    let key = server.create_key_until("org_1", "3s");
    let mut listener = Subscription::open(&server, &key, CHANGES, json!({})).await;
    listener.event().await;
    assert!(server.query_as(&key, WHO, json!({})).await["errors"].is_null(), "it was over before its time");
    assert_eq!(u16::from(listener.closed().await.code), 4403);
    // It was verified moments ago, and is remembered: that does not outlive it.
    assert_eq!(error_code(&server.query_as(&key, WHO, json!({})).await), "unauthorized");
}
