//! The older protocol, of subscriptions-transport-ws.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::fixture::{OLDER, Rig, Socket};
use crate::http::Config;

const SOON: Duration = Duration::from_millis(100);
const CHANGES: &str = "subscription { chatChanges { cursor } }";

impl Socket {
    async fn begin(&mut self, id: &str, query: &str) {
        self.send_json(&json!({"type": "start", "id": id, "payload": {"query": query}})).await;
    }
}

#[tokio::test]
async fn an_older_client_is_served() {
    let rig = Rig::start(Config::default()).await;
    let mut socket = rig.enter(OLDER).await;
    assert_eq!(socket.next().await, json!({"type": "ka"}), "the first keep-alive is sent at once");
    socket.begin("1", "{ viewer { kind } }").await;
    let answer = json!({"type": "data", "id": "1", "payload": {"data": {"viewer": {"kind": "API_KEY"}}}});
    assert_eq!(socket.next_message().await, answer);
    assert_eq!(socket.next_message().await, json!({"type": "complete", "id": "1"}));

    socket.begin("2", CHANGES).await;
    assert!(socket.next_message().await["payload"]["data"]["chatChanges"]["cursor"].is_string());
    rig.changes(1).await;
    assert_eq!(socket.next_message().await["type"], "data");
    socket.send_json(&json!({"type": "stop", "id": "2"})).await;
    assert_eq!(socket.next_message().await, json!({"type": "complete", "id": "2"}));

    socket.send_json(&json!({"type": "connection_terminate"})).await;
    assert_eq!(socket.closed().await.0, 1000);
    rig.is_left_alone().await;
}

#[tokio::test]
async fn a_legacy_client_receives_one_error() {
    let rig = Rig::start(Config::default()).await;
    let mut socket = rig.enter(OLDER).await;
    socket.begin("1", "{ nothing }").await;
    let error = socket.next_message().await;
    assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!("1")), "{error}");
    assert_eq!(error["payload"]["extensions"]["code"], "validation_error", "{error}");
    socket.begin("1", "{ chat(cid: \"15550199@s.whatsapp.net\") { id } }").await;
    let answer = socket.next_message().await;
    assert_eq!((&answer["type"], &answer["payload"]["data"]), (&json!("data"), &json!({"chat": null})), "{answer}");
}

#[tokio::test]
async fn an_invalid_legacy_client_gets_an_error_before_the_close() {
    let rig = Rig::start(Config::default()).await;
    let mut socket = rig.connect(OLDER).await;
    socket.init("cg_wrong").await;
    let told = json!({"type": "connection_error", "payload": {"message": "a valid token is required"}});
    assert_eq!(socket.next().await, told);
    assert_eq!(socket.closed().await.0, 4403);
}

#[tokio::test]
async fn an_operation_with_the_name_of_another_takes_its_place() {
    let rig = Rig::start(Config { max_operations: 1, ..Config::default() }).await;
    let mut socket = rig.enter(OLDER).await;
    socket.begin("1", CHANGES).await;
    assert!(socket.next_message().await["payload"]["data"]["chatChanges"].is_object());
    socket.begin("1", "{ viewer { kind } }").await;
    assert_eq!(socket.next_message().await["payload"]["data"]["viewer"]["kind"], "API_KEY");
}

#[tokio::test]
async fn an_older_client_that_is_gone_is_noticed() {
    let rig = Rig::start(Config { heartbeat: SOON, silence: SOON * 30, ..Config::default() }).await;
    let mut lively = rig.enter(OLDER).await;
    let mut beats = 0;
    // The library responds to WebSocket pings while it reads, as in any client.
    while beats < 10 {
        match lively.any().await {
            Some(Message::Text(text)) => {
                let message: Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!(message, json!({"type": "ka"}));
                beats += 1;
            }
            Some(Message::Ping(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    // A client that does not read does not respond.
    let _silent = lively;
    rig.is_left_alone().await;
}
