//! Settings that WhatsApp rejects, or no longer accepts.

use chatgraph_sandbox::{ChatView, Fault, FaultKind, On};
use serde_json::{Value, json};

use crate::support::{MEI, RAVI, TestServer, wait_for};

const SYNC: &str =
    "query($cid: JID!) { chat(cid: $cid) { pinned archived sync { state pending refused { field code reason at } } } }";

impl TestServer {
    /// Makes the next `times` uploads of settings meet this fault.
    fn inject_fault(&self, kind: FaultKind, times: u32) {
        self.sandbox.inject(Fault { times, ..Fault::once(kind) });
    }

    /// Waits until the phone shows a chat like this.
    async fn phone_shows(&self, cid: &str, is_so: impl Fn(&ChatView) -> bool) {
        let shown = async || self.phone().chats().iter().any(|chat| chat.jid == cid && is_so(chat)).then_some(());
        wait_for("the phone to show it", shown).await;
    }

    async fn sync(&self) -> Value {
        self.query_with(SYNC, json!({"cid": MEI})).await["data"]["chat"].clone()
    }
}

#[tokio::test]
async fn repeatedly_rejected_setting_is_reverted_with_its_reason() {
    let server = TestServer::start().await;
    let mut changes = server.subscribe_to_chats().await;
    server.inject_fault(FaultKind::Refuse, 3);
    server.update_chat(MEI, "pinned: true").await;
    let asked = changes.next().await;
    assert_eq!((&asked["origin"], &asked["chat"]["sync"]["state"]), (&json!("API"), &json!("PENDING")));

    let back = changes.next().await;
    assert_eq!((&back["origin"], &back["changed"]), (&json!("REVERT"), &json!(["PINNED", "SYNC"])), "{back}");
    assert_eq!((&back["chat"]["pinned"], &back["chat"]["sync"]["state"]), (&json!(false), &json!("REFUSED")));
    let chat = server.sync().await;
    assert_eq!((&chat["pinned"], &chat["sync"]["pending"]), (&json!(false), &json!([])));
    let refusal = &chat["sync"]["refused"][0];
    assert_eq!((&refusal["field"], &refusal["at"]), (&json!("PINNED"), &back["at"]));
    let why = (&refusal["code"], &refusal["reason"]);
    assert_eq!(why, (&json!("REJECTED"), &json!("WhatsApp rejected this change.")), "{refusal}");
    assert!(server.log().contains("WhatsApp rejected a chat setting"), "WhatsApp's error is in the log");
    server.assert_in_sync().await;

    server.update_chat(MEI, "pinned: true").await;
    let again = changes.next().await;
    assert_eq!((&again["origin"], &again["changed"]), (&json!("API"), &json!(["PINNED", "SYNC"])));
    assert_eq!(changes.next().await["chat"]["sync"]["state"], "SYNCED");
    assert_eq!(server.sync().await["sync"], json!({"state": "SYNCED", "pending": [], "refused": []}));
    server.assert_in_sync().await;
}

#[tokio::test]
async fn temporarily_rejected_setting_is_sent_eventually() {
    let server = TestServer::start().await;
    let mut changes = server.subscribe_to_chats().await;
    server.inject_fault(FaultKind::Refuse, 2);
    server.update_chat(MEI, "archived: true").await;
    assert_eq!(changes.next().await["changed"], json!(["ARCHIVED", "SYNC"]));
    let arrived = changes.next().await;
    assert_eq!((&arrived["origin"], &arrived["changed"]), (&json!("API"), &json!(["SYNC"])), "{arrived}");
    let chat = server.sync().await;
    assert_eq!((&chat["archived"], &chat["sync"]["state"]), (&json!(true), &json!("SYNCED")));
    server.assert_in_sync().await;
}

#[tokio::test]
async fn conflicts_and_lost_connections_are_no_refusals() {
    let server = TestServer::start().await;
    let mut changes = server.subscribe_to_chats().await;
    server.inject_fault(FaultKind::Conflict, 2);
    server.inject_fault(FaultKind::Cut, 3);
    server.update_chat(MEI, "pinned: true").await;
    assert_eq!(changes.next().await["chat"]["sync"]["state"], "PENDING");
    loop {
        let change = changes.next().await;
        assert_ne!(change["origin"], "REVERT", "{change}");
        if change["cid"] == MEI && change["chat"]["sync"]["state"] == "SYNCED" {
            break;
        }
    }
    assert_eq!(server.chat(MEI).await["pinned"], true);
}

#[tokio::test]
async fn a_request_that_the_phone_overtakes_on_its_way_is_not_sent() {
    let server = TestServer::start().await;
    let delayed = async |cid: &str, wish: &str| {
        let before = server.sandbox.log().last().map(|entry| entry.seq);
        let delay = Fault { on: Some(On::Upload), ms: Some(1_000), ..Fault::once(FaultKind::Delay) };
        server.sandbox.inject(delay);
        server.update_chat(cid, wish).await;
        let on_its_way = async || {
            let log = server.sandbox.log();
            log.iter().any(|entry| Some(entry.seq) > before && entry.text.starts_with("fault: Delay")).then_some(())
        };
        wait_for("the request to be sent", on_its_way).await;
    };
    delayed(MEI, "pinned: true").await;
    server.phone().pin(MEI, false).await.expect("unpinned");
    // The next change is sent after it.
    server.update_chat(RAVI, "pinned: true").await;
    server.phone_shows(RAVI, |chat| chat.pinned).await;
    server.assert_in_sync().await;
    let chat = server.sync().await;
    assert_eq!((&chat["pinned"], &chat["sync"]["state"]), (&json!(false), &json!("SYNCED")));

    delayed(RAVI, "read: false").await;
    server.phone().mark_read(RAVI, true).await.expect("read");
    server.update_chat(MEI, "archived: true").await;
    server.phone_shows(MEI, |chat| chat.archived).await;
    server.assert_in_sync().await;
    server.phone_shows(RAVI, |chat| !chat.marked_unread).await;
}
