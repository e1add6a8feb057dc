//! Settings that cannot be read from WhatsApp, or are inconsistent: temporarily and permanently.

use std::time::Duration;

use chatgraph_sandbox::{Fault, FaultKind, Part};
use serde_json::{Value, json};

use crate::support::{MEI, RAVI, SESSION_STATUS_REASON, Subscription, TestServer, wait_for_within};

/// Upper bound of the time that all recovery steps and their pauses take.
const ALL_STEPS: Duration = Duration::from_secs(110);
/// Upper bound of the fetches by all steps and by the library itself; a loop without pauses makes far more.
const MANY: usize = 150;

impl TestServer {
    /// Makes the next `times` answers with settings inconsistent.
    fn inject_wrong_macs(&self, part: Part, times: u32) {
        let collection = Some("regular_low".to_owned());
        self.sandbox.inject(Fault { times, collection, part: Some(part), ..Fault::once(FaultKind::Lthash) });
    }

    /// Returns the number of times a recovery step was taken.
    async fn recovery_steps(&self, step: &str) -> u64 {
        let url = self.url.replace("/graphql", "/metrics");
        let text = reqwest::get(url).await.expect("an answer").text().await.expect("text");
        let line = format!("chatgraph_app_state_recovery_steps_total{{step=\"{step}\"}} ");
        let count = text.lines().find_map(|counted| counted.strip_prefix(&line));
        count.map_or(0, |count| count.parse().expect("a number"))
    }

    /// Waits until a step was taken at least `times` times.
    async fn wait_for_recovery_step(&self, step: &str, times: u64) {
        let has_taken = async || (self.recovery_steps(step).await >= times).then_some(());
        wait_for_within(Duration::from_secs(20), step, has_taken).await;
    }

    async fn status_and_reason(&self) -> (String, String) {
        let session =
            self.query_with(SESSION_STATUS_REASON, json!({"id": self.session})).await["data"]["session"].clone();
        let text = |field: &str| session[field].as_str().unwrap_or_default().to_owned();
        (text("status"), text("statusReason"))
    }

    fn fetches(&self) -> usize {
        let log = self.sandbox.log();
        log.iter().filter(|entry| entry.text.starts_with("<iq") && entry.text.contains("return_snapshot")).count()
    }
}

async fn metered() -> TestServer {
    TestServer::with_arguments(&["--metrics"]).await
}

/// Asserts that exactly one change is published.
async fn assert_published_once(server: &TestServer, changes: &mut Subscription, fields: &Value) {
    let told = changes.next().await;
    assert_eq!((&told["origin"], &told["cid"], &told["changed"]), (&json!("DEVICE"), &json!(MEI), fields), "{told}");
    server.phone().mute(RAVI, None).await.expect("unmuted");
    server.phone().mute(RAVI, Some(crate::support::FOREVER)).await.expect("muted");
    let next = changes.next().await;
    assert_eq!(next["cid"], RAVI, "{next}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_that_is_wrong_once_is_read_the_next_time() {
    let server = metered().await;
    let mut changes = server.subscribe_to_chats().await;
    server.inject_wrong_macs(Part::Patch, 1);
    server.phone().archive(MEI, true).await.expect("archived");
    server.assert_in_sync().await;
    assert_published_once(&server, &mut changes, &json!(["ARCHIVED"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_that_fails_twice_resyncs_its_collection() {
    let server = metered().await;
    let mut changes = server.subscribe_to_chats().await;
    // The library fetches a patch twice; the third invalid answer is for a fetch that overlaps these two.
    server.inject_wrong_macs(Part::Patch, 3);
    server.phone().archive(MEI, true).await.expect("archived");
    server.assert_in_sync().await;
    assert_published_once(&server, &mut changes, &json!(["ARCHIVED"])).await;
    server.wait_for_recovery_step("resync", 1).await;

    // Recovery has been reset: the next failure begins with the first step.
    server.inject_wrong_macs(Part::Patch, 3);
    server.phone().archive(MEI, false).await.expect("unarchived");
    server.assert_in_sync().await;
    server.wait_for_recovery_step("resync", 2).await;
    assert_eq!(server.recovery_steps("recovery").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_that_a_patch_does_not_fit_is_resynced() {
    let server = metered().await;
    let mut changes = server.subscribe_to_chats().await;
    server.inject_wrong_macs(Part::Snapshot, 1);
    server.phone().archive(MEI, true).await.expect("archived");
    server.assert_in_sync().await;
    assert_published_once(&server, &mut changes, &json!(["ARCHIVED"])).await;
    server.wait_for_recovery_step("resync", 1).await;
    // WhatsApp accepts a change that is based on it, and at once.
    server.update_chat(MEI, "archived: false").await;
    server.assert_in_sync().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_before_a_wrong_patch_are_published() {
    let server = metered().await;
    server.stop_session().await;
    server.phone().archive(MEI, true).await.expect("archived");
    server.phone().archive(RAVI, true).await.expect("archived");
    // One answer has both patches, and the second is invalid.
    server.inject_wrong_macs(Part::Patch, 1);
    server.start_session().await;
    server.assert_in_sync().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_waits_while_its_settings_cannot_be_read() {
    let server = metered().await;
    let mut changes = server.subscribe_to_chats().await;
    server.inject_wrong_macs(Part::Snapshot, 1);
    server.inject_wrong_macs(Part::Patch, 3);
    server.phone().archive(MEI, true).await.expect("archived");
    assert_eq!(changes.next().await["origin"], "DEVICE");
    server.update_chat(RAVI, "archived: true").await;
    assert_eq!(changes.next().await["chat"]["sync"]["state"], "PENDING");
    let arrived = changes.next().await;
    assert_eq!(
        (&arrived["origin"], &arrived["cid"], &arrived["changed"]),
        (&json!("API"), &json!(RAVI), &json!(["SYNC"]))
    );
    server.assert_in_sync().await;
    server.wait_for_recovery_step("resync", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_settings_fail_the_session_and_say_what_to_do() {
    let server = metered().await;
    server.inject_wrong_macs(Part::Patch, 100_000);
    let before = server.fetches();
    server.phone().archive(MEI, true).await.expect("archived");
    server.wait_for_recovery_step("resync", 1).await;
    server.update_chat(RAVI, "archived: true").await;

    let failed = async || Some(server.status_and_reason().await).filter(|(status, _)| status == "FAILED");
    let (_, reason) = wait_for_within(ALL_STEPS, "the session to fail", failed).await;
    for word in ["regular_low", "still inconsistent", "pair it again"] {
        assert!(reason.contains(word), "{reason}");
    }
    let made = server.fetches() - before;
    assert!(made < MANY, "{made} fetches");
    for (step, times) in [("resync", 3), ("recovery", 2), ("given_up", 1)] {
        assert_eq!(server.recovery_steps(step).await, times, "{step}");
    }
    let pending = server.chat(RAVI).await["sync"].clone();
    assert_eq!(pending["state"], "PENDING", "the change stays pending");

    server.sandbox.forget_faults();
    server.start_session().await;
    server.assert_in_sync().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_settings_of_a_rejected_request_are_read_again() {
    let server = metered().await;
    server.sandbox.inject(Fault::once(FaultKind::Refuse));
    server.update_chat(MEI, "archived: true").await;
    server.assert_in_sync().await;
    server.wait_for_recovery_step("resync", 1).await;
}
