//! Backup, restore and check. PostgreSQL's own tools are not tested here.

use std::{path::Path, process::Output};

use serde_json::{Value, json};

use crate::support::{ALL, CHANGE_CURSOR, MEI, RAVI, Subscription, TestServer, postgres};

#[tokio::test]
async fn a_back_up_taken_while_serving_can_be_served_again() {
    let mut server = TestServer::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.db");
    server.update_chat(MEI, "pinned: true").await;
    server.assert_in_sync().await;
    if postgres().is_some() {
        return is_left_to_postgresql(&server, &copy);
    }

    back_up(&server, &copy);
    let after = server.query(CHANGE_CURSOR).await["data"]["chats"]["changeCursor"].clone();
    server.phone().archive(RAVI, true).await.expect("archived");
    server.assert_in_sync().await;
    let restored = server.command(&["restore", copy.to_str().expect("text"), "--overwrite"]);
    assert!(error(&restored).contains("in use by another chatgraph server"), "{}", error(&restored));
    server.kill();
    let restored = server.command(&["restore", copy.to_str().expect("text"), "--overwrite"]);
    assert!(restored.status.success(), "{}", error(&restored));
    server.restart();

    // The phone archived the chat after the backup; the session catches up by itself.
    server.assert_in_sync().await;
    let mut late = Subscription::open(&server, &server.key, ALL, json!({"after": after})).await;
    assert_eq!(late.message("error").await["payload"][0]["extensions"]["code"], "cursor_expired");
}

#[tokio::test]
async fn a_back_up_overwrites_nothing() {
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.db");
    std::fs::write(&copy, "precious").expect("written");
    let refused = server.command(&["backup", copy.to_str().expect("text")]);
    assert!(!refused.status.success());
    assert_eq!(std::fs::read_to_string(&copy).expect("still there"), "precious");
}

#[tokio::test]
async fn a_database_is_checked_beside_a_server() {
    let server = TestServer::start().await;
    let sound = server.command(&["check"]);
    assert!(sound.status.success(), "{}", String::from_utf8_lossy(&sound.stdout));
    for (damage, repair, problem) in [
        (
            "UPDATE organization SET last_change = last_change - 1",
            "UPDATE organization SET last_change = last_change + 1",
            "higher number",
        ),
        ("UPDATE chat SET revision = revision - 1", "UPDATE chat SET revision = revision + 1", "lower revision"),
        (
            "UPDATE chat SET searchable = '+' || searchable",
            "UPDATE chat SET searchable = substr(searchable, 2)",
            "list columns do not match",
        ),
    ] {
        server.execute(damage).await;
        let checked = server.command(&["check", "--json"]);
        let told: Value = serde_json::from_slice(&checked.stdout).expect("JSON");
        assert!(!checked.status.success() && told["sound"] == false, "{damage}: {told}");
        assert!(told["checks"].to_string().contains(problem), "{damage}: {told}");
        assert!(!told.to_string().contains("Mei"), "{told}");
        server.execute(repair).await;
        assert!(server.command(&["check"]).status.success(), "{repair}");
    }
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn back_up(server: &TestServer, copy: &Path) {
    let done = server.command(&["backup", copy.to_str().expect("text")]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn is_left_to_postgresql(server: &TestServer, copy: &Path) {
    let refused = server.command(&["backup", copy.to_str().expect("text")]);
    assert!(!refused.status.success());
    assert!(error(&refused).contains("pg_dump"));
    let refused = server.command(&["restore", copy.to_str().expect("text")]);
    assert!(!refused.status.success() && error(&refused).contains("pg_restore"));
}
