//! Mutes that expire.

use chatgraph::{clock::SystemClock, domain::clock::Clock as _};
use serde_json::{Value, json};

use crate::support::{BOOKS, CHANGE_CURSOR, MEI, RAVI, Subscription, TestServer, wait_for};

/// Returns the next change that an expired mute caused.
async fn expired(changes: &mut Subscription) -> Value {
    loop {
        let change = changes.next().await;
        if change["origin"] == "EXPIRED" {
            return change;
        }
    }
}

#[tokio::test]
async fn mutes_expire_in_time_and_are_published_once() {
    let server = TestServer::start().await;
    let mut changes = server.subscribe_to_chats().await;
    let end = SystemClock.now() + 1_500;
    server.phone().mute(MEI, Some(end)).await.expect("muted");
    server.update_chat(BOOKS, &format!("mutedUntil: {}", end + 200)).await;
    for chat in [MEI, BOOKS] {
        let change = expired(&mut changes).await;
        assert_eq!((&change["cid"], &change["changed"]), (&json!(chat), &json!(["MUTED_UNTIL"])), "{change}");
        assert_eq!(change["chat"]["mutedUntil"], Value::Null);
        assert!(change["at"].as_i64() >= Some(end));
    }
    let muted = server.query("{ chats(filter: {muted: true}) { nodes { jid } } }").await;
    assert_eq!(muted["data"]["chats"]["nodes"], json!([{"jid": RAVI}]), "a mute without end stays");
}

#[tokio::test]
async fn a_mute_that_expired_during_downtime_is_published_at_start() {
    let mut server = TestServer::start().await;
    let end = SystemClock.now() + 1_000;
    server.update_chat(MEI, &format!("mutedUntil: {end}")).await;
    wait_for("WhatsApp to have it", async || {
        let chat = server.chat(MEI).await;
        (chat["sync"]["state"] == "SYNCED").then_some(())
    })
    .await;
    let listed = server.query(CHANGE_CURSOR).await["data"]["chats"]["changeCursor"].clone();
    server.kill();
    wait_for("the mute to end", async || (SystemClock.now() > end).then_some(())).await;
    server.restart();
    let mut changes = Subscription::start(&server, crate::support::ALL, json!({"after": listed})).await;
    let change = expired(&mut changes).await;
    assert_eq!((&change["cid"], &change["chat"]["mutedUntil"]), (&json!(MEI), &Value::Null), "{change}");
    server.wait_until_working().await;
    assert_eq!(
        server.chat(MEI).await["mutedUntil"],
        Value::Null,
        "the mute that WhatsApp sends again has expired as well"
    );
}
