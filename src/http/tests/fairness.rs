//! Who shares a WebSocket or the server with somebody that has much to tell, or does not listen.

use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::http::Config;

use super::rig::NEWER;
use super::rig::PATIENCE;
use super::rig::Rig;

const FROM: &str = "subscription($after: String) { chatChanges(after: $after) { cursor change { cid } } }";

#[tokio::test]
async fn busy_subscriptions_starve_neither_the_others_nor_the_heartbeat() {
    const BUSY: usize = 20;
    const CHANGES: usize = 100;
    const ALL: usize = BUSY * CHANGES;
    let rig = Rig::start(Config { heartbeat: Duration::from_millis(20), silence: PATIENCE, ..Config::default() }).await;
    rig.changes(CHANGES).await;
    let mut socket = rig.enter(NEWER).await;
    for id in 0..BUSY {
        socket.subscribe(&id.to_string(), FROM, json!({"after": rig.beginning()})).await;
    }
    socket.subscribe("query", "{ viewer { kind } }", json!({})).await;
    let (mut told, mut answered_after, mut beats) = (0, None, 0);
    while told < ALL {
        let message = socket.next().await;
        match message["id"].as_str() {
            Some("query") => answered_after = answered_after.or(Some(told)),
            Some(_) => told += usize::from(message["payload"]["data"]["chatChanges"]["change"].is_object()),
            None => beats += 1,
        }
    }
    assert!(answered_after.is_some_and(|told| told < ALL / 2), "answered after {answered_after:?} changes");
    assert!(beats > 0, "no heartbeat while there was something to tell");
}

#[tokio::test]
async fn who_does_not_read_is_begun_few_answers_for_and_is_gone_soon() {
    const QUERIES: usize = 100;
    let timeout = Duration::from_millis(300);
    let rig = Rig::start(Config { write_timeout: timeout, ..Config::default() }).await;
    let mut socket = rig.connect_narrowly(NEWER).await;
    socket.init(&rig.key).await;
    // A small part of the answers fills what the operating system holds for a connection.
    let all = "types { name description fields { name description args { name description } \
               type { name kind ofType { name kind } } } }";
    // A list of chats is made by the clock, once for each query that is begun.
    let query = format!(
        "{{ chats {{ nodes {{ id }} }} __schema {{ {all} }} again: __schema {{ {all} }} more: __schema {{ {all} }} }}"
    );
    let asked = rig.clock.asked();
    for id in 0..QUERIES {
        socket.subscribe(&id.to_string(), &query, json!({})).await;
    }
    rig.is_left_alone().await;
    let begun = rig.clock.asked() - asked;
    let mut answers = 0;
    while let Some(Message::Text(text)) = socket.any().await {
        answers += usize::from(text.contains("__schema"));
    }
    assert!(answers < QUERIES / 2, "{answers} of {QUERIES} answers were sent to somebody who does not read");
    assert!((1..answers + 20).contains(&begun), "{begun} were begun for {answers} that were sent");
}
