//! Messages on a WebSocket of the newer protocol.

use serde_json::json;

use super::fixture::{NEWER, OLDER, Rig, code};
use crate::http::Config;

const KIND: &str = "{ viewer { kind } }";
const CHANGES: &str = "subscription { chatChanges { cursor } }";

#[tokio::test]
async fn a_query_is_answered_and_complete() {
    let rig = Rig::start(Config::default()).await;
    let mut socket = rig.enter(NEWER).await;
    socket.subscribe("a", KIND, json!({})).await;
    let answer = json!({"type": "next", "id": "a", "payload": {"data": {"viewer": {"kind": "API_KEY"}}}});
    assert_eq!(socket.next_message().await, answer);
    assert_eq!(socket.next_message().await, json!({"type": "complete", "id": "a"}));
    socket.subscribe("a", KIND, json!({})).await;
    assert_eq!(socket.next_message().await, answer, "the id can be used again");
}

#[tokio::test]
async fn rejected_operation_is_an_error_and_failed_one_a_response() {
    let rig = Rig::start(Config::default()).await;
    let mut socket = rig.enter(NEWER).await;
    let two = "subscription { a: chatChanges { cursor } b: chatChanges { cursor } }";
    let more =
        "subscription { ...F } fragment F on Subscription { chatChanges { cursor } sessionChanges { sessionId } }";
    for (query, told) in [
        ("{", "validation_error"),
        ("{ nothing }", "validation_error"),
        ("subscription { chatChanges(after: \"x\") { cursor } }", "validation_error"),
        (two, "validation_error"),
        (more, "validation_error"),
        (&format!("{{ {} }}", "a ".repeat(30_000)), "limit_exceeded"),
    ] {
        socket.subscribe("a", query, json!({})).await;
        let answer = socket.next_message().await;
        assert_eq!((&answer["type"], code(&answer["payload"])), (&json!("error"), told), "{answer}");
    }
    socket.subscribe("a", "{ chat(cid: \"15550199@s.whatsapp.net\") { id } }", json!({})).await;
    let answer = socket.next_message().await;
    assert_eq!((&answer["type"], &answer["payload"]["data"]), (&json!("next"), &json!({"chat": null})), "{answer}");
    assert_eq!(code(&answer["payload"]["errors"]), "not_found");
    assert_eq!(socket.next_message().await["type"], "complete");
}

#[tokio::test]
async fn a_ping_is_answered_with_what_came_along() {
    let rig = Rig::start(Config::default()).await;
    let mut socket = rig.connect(NEWER).await;
    socket.send_json(&json!({"type": "ping"})).await;
    assert_eq!(socket.next().await, json!({"type": "pong"}), "also before authentication");
    socket.init(&rig.key).await;
    assert_eq!(socket.next().await["type"], "connection_ack");
    socket.send_json(&json!({"type": "ping", "payload": {"a": [1]}})).await;
    assert_eq!(socket.next_message().await, json!({"type": "pong", "payload": {"a": [1]}}));
}

#[tokio::test]
async fn the_newer_protocol_is_preferred() {
    let rig = Rig::start(Config::default()).await;
    let socket = rig.connect(&format!("{OLDER}, {NEWER}")).await;
    assert_eq!(socket.chosen.as_deref(), Some(NEWER));
    assert_eq!(rig.connect(OLDER).await.chosen.as_deref(), Some(OLDER));
    assert_eq!(rig.connect("").await.closed().await.0, 4406);
}

#[tokio::test]
async fn operations_above_the_limit_get_an_error() {
    let rig = Rig::start(Config { max_operations: 3, ..Config::default() }).await;
    let mut socket = rig.enter(NEWER).await;
    for id in ["1", "2", "3"] {
        socket.subscribe(id, CHANGES, json!({})).await;
        assert_eq!(socket.next_message().await["type"], "next");
    }
    socket.subscribe("4", KIND, json!({})).await;
    let refused = socket.next_message().await;
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("4")), "{refused}");
    assert_eq!(code(&refused["payload"]), "limit_exceeded");
    socket.send_json(&json!({"type": "complete", "id": "2"})).await;
    socket.subscribe("4", KIND, json!({})).await;
    assert_eq!(socket.next_message().await["type"], "next", "one has ended");
}

#[tokio::test]
async fn the_operations_of_a_socket_share_one_mebibyte() {
    let rig = Rig::start(Config::default()).await;
    let mut socket = rig.enter(NEWER).await;
    let query = "subscription($cid: JID) { chatChanges(cid: $cid) { cursor } }";
    let variables = |kilobytes: usize| json!({"cid": null, "more": "x".repeat(kilobytes * 1024)});
    for id in ["1", "2"] {
        socket.subscribe(id, query, variables(400)).await;
        assert_eq!(socket.next_message().await["type"], "next");
    }
    socket.subscribe("3", query, variables(400)).await;
    assert_eq!(code(&socket.next_message().await["payload"]), "limit_exceeded");
    socket.send_json(&json!({"type": "complete", "id": "1"})).await;
    socket.subscribe("3", query, variables(400)).await;
    assert_eq!(socket.next_message().await["type"], "next", "one has ended");
}

#[tokio::test]
async fn an_operation_that_was_ended_says_nothing_more_under_its_name() {
    let rig = Rig::start(Config::default()).await;
    rig.changes(50).await;
    let mut socket = rig.enter(NEWER).await;
    let query = "subscription($after: String) { chatChanges(after: $after) { cursor } }";
    socket.subscribe("a", query, json!({"after": rig.beginning()})).await;
    assert_eq!(socket.next_message().await["type"], "next");
    socket.send_json(&json!({"type": "complete", "id": "a"})).await;
    socket.send_json(&json!({"type": "ping"})).await;
    socket.subscribe("a", KIND, json!({})).await;
    // Messages sent before the server received `complete` belong to the first operation.
    while socket.next_message().await["type"] != "pong" {}
    let message = socket.next_message().await;
    assert_eq!(message["payload"]["data"]["viewer"]["kind"], "API_KEY", "{message}");
    assert_eq!(socket.next_message().await["type"], "complete");
    socket.subscribe("b", KIND, json!({})).await;
    assert_eq!(socket.next_message().await["id"], "b", "the first one has ended");
}

#[tokio::test]
async fn an_operation_that_was_ended_runs_no_more() {
    let rig = Rig::start(Config::default()).await;
    let mut socket = rig.enter(NEWER).await;
    // The listener and the WebSocket.
    rig.wait_for_tasks(2).await;
    // Changes of sessions are not shared, so they have a task.
    socket.subscribe("a", "subscription { sessionChanges { sessionId } }", json!({})).await;
    assert_eq!(socket.next_message().await["type"], "next");
    rig.wait_for_tasks(3).await;
    socket.send_json(&json!({"type": "complete", "id": "a"})).await;
    rig.wait_for_tasks(2).await;
}

#[tokio::test]
async fn an_operation_that_panics_ends_alone() {
    let rig = Rig::start(Config::default()).await;
    let mut socket = rig.enter(NEWER).await;
    socket.subscribe("steady", CHANGES, json!({})).await;
    assert_eq!(socket.next_message().await["id"], "steady");
    rig.clock.break_down();
    socket.subscribe("broken", "{ chats { nodes { id } } }", json!({})).await;
    let broken = socket.next_message().await;
    assert_eq!((&broken["type"], &broken["id"]), (&json!("error"), &json!("broken")), "{broken}");
    assert_eq!(code(&broken["payload"]), "internal");
    assert!(broken["payload"][0]["extensions"]["requestId"].is_string(), "{broken}");
    rig.changes(1).await;
    let change = socket.next_message().await;
    assert_eq!((&change["type"], &change["id"]), (&json!("next"), &json!("steady")), "{change}");
}
