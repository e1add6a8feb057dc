//! Retention of the change log, and the answer to a subscriber that was offline for longer.

use serde_json::{Value, json};

use crate::support::{ALL, CHANGE_CURSOR, MEI, Subscription, TestServer, wait_for};

#[tokio::test]
async fn an_expired_cursor_asks_for_a_new_list() {
    let mut server = TestServer::start().await;
    let early = change_cursor(&server).await;
    server.update_chat(MEI, "pinned: true").await;
    server.assert_in_sync().await;
    server.age_changes(8).await;
    server.restart();

    let refused = wait_for("the log to be trimmed", async || {
        let mut late = Subscription::open(&server, &server.key, ALL, json!({"after": early})).await;
        let answer = late.any().await;
        (answer["type"] == "error").then_some(answer)
    })
    .await;

    assert_eq!(refused["payload"][0]["extensions"]["code"], "cursor_expired");
    let listed = change_cursor(&server).await;
    let mut changes = Subscription::start(&server, ALL, json!({"after": listed})).await;
    server.update_chat(MEI, "pinned: false").await;
    assert_eq!(changes.next().await["cid"], MEI);
}

#[tokio::test]
async fn cursors_from_before_a_restored_backup_are_rejected() {
    let mut server = TestServer::start().await;
    let before = change_cursor(&server).await;
    let in_use = server.command(&["migrate", "restored"]);
    assert!(!in_use.status.success(), "the command ran beside a server");
    server.kill();

    let told = server.command(&["migrate", "restored"]);

    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let printed = String::from_utf8_lossy(&told.stdout);
    assert!(printed.starts_with("Change log reset") && printed.lines().count() == 1, "{printed}");
    server.restart();
    let mut late = Subscription::open(&server, &server.key, ALL, json!({"after": before})).await;
    let refused = late.message("error").await;
    assert_eq!(refused["payload"][0]["extensions"]["code"], "cursor_expired");
    let listed = change_cursor(&server).await;
    assert_ne!(listed, before);
    Subscription::start(&server, ALL, json!({"after": listed})).await;
}

async fn change_cursor(server: &TestServer) -> Value {
    server.query(CHANGE_CURSOR).await["data"]["chats"]["changeCursor"].clone()
}
