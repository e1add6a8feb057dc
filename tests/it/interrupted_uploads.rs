//! Settings whose upload to WhatsApp is interrupted: before it arrives, or after it, if the outcome is unknown.

use chatgraph_sandbox::{Fault, FaultKind, When};
use serde_json::json;

use crate::support::{MEI, RAVI, Subscription, TestServer};

/// Reads changes up to the one that reports the chat as synced; returns the origin and changed fields of each.
async fn changes_until_synced(changes: &mut Subscription) -> Vec<(String, String)> {
    let mut told = Vec::new();
    loop {
        let change = changes.next().await;
        told.push((change["origin"].as_str().expect("an origin").to_owned(), change["changed"].to_string()));
        if change["chat"]["sync"]["state"] == "SYNCED" {
            return told;
        }
    }
}

async fn each_change_is_published_once(when: When) {
    let server = TestServer::start().await;
    let mut changes = server.subscribe_to_chats().await;
    for (cid, fields, changed) in [
        (MEI, "pinned: true", json!(["PINNED", "SYNC"])),
        (MEI, "mutedUntil: 253402300799999", json!(["MUTED_UNTIL", "SYNC"])),
        (RAVI, "archived: true", json!(["ARCHIVED", "SYNC"])),
    ] {
        server.sandbox.inject(Fault { when: Some(when), ..Fault::once(FaultKind::Cut) });
        server.update_chat(cid, fields).await;
        let told = changes_until_synced(&mut changes).await;
        let api = |changed: String| ("API".to_owned(), changed);
        assert_eq!(told, [api(changed.to_string()), api(json!(["SYNC"]).to_string())], "{fields}, cut {when:?}");
        server.assert_in_sync().await;
    }
    // There were no other events: the next change is the next one that is made.
    server.phone().archive(MEI, true).await.expect("archived");
    let next = changes.next().await;
    assert_eq!((&next["origin"], &next["cid"]), (&json!("DEVICE"), &json!(MEI)), "{next}");
    server.assert_in_sync().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_that_is_cut_off_before_it_arrives_is_sent_again() {
    each_change_is_published_once(When::Before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_whose_response_is_lost_is_applied_once() {
    each_change_is_published_once(When::During).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setting_that_arrived_without_an_answer_is_applied_once() {
    each_change_is_published_once(When::After).await;
}
