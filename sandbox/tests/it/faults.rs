use std::time::{Duration, Instant};

use chatgraph_sandbox::{Fault, FaultKind, On, Part, Phone, Sandbox, When};
use whatsapp_rust::{
    prelude::Event,
    sync_task::MajorSyncTask,
    wacore::{appstate::hash::HashState, store::traits::AppSyncStore},
};

use crate::support::{ADA, Companion, GROUP, account, jid, paired, shown, soon};

fn faults_applied(sandbox: &Sandbox) -> usize {
    sandbox.log().iter().filter(|entry| entry.text.starts_with("fault: ")).count()
}

/// Waits until the companion learns that the chat is archived or unarchived.
async fn archived(companion: &mut Companion, chat: &str, on: bool) {
    let is_it = |event: &Event| match event {
        Event::ArchiveUpdate(update) if update.jid == jid(chat) => update.action.archived == Some(on),
        _ => false,
    };
    companion.next("the archiving", |event| is_it(event).then_some(())).await;
}

async fn wait_for_login(companion: &mut Companion, phone: &Phone) {
    companion.connected().await;
    soon("the next login", phone.connected()).await.expect("the sandbox runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_upload_is_stored_depending_on_the_moment_of_the_cut() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    for (when, is_stored) in [(When::Before, false), (When::During, true), (When::After, true)] {
        sandbox.inject(Fault { when: Some(when), ..Fault::once(FaultKind::Cut) });
        let pinned = !shown(&phone, GROUP).pinned;
        let actions = companion.client.chat_actions();
        let sent = if pinned { actions.pin_chat(&jid(GROUP)).await } else { actions.unpin_chat(&jid(GROUP)).await };
        assert!(sent.is_err(), "{when:?}");
        assert_eq!(shown(&phone, GROUP).pinned == pinned, is_stored, "{when:?}");

        wait_for_login(&mut companion, &phone).await;
        let actions = companion.client.chat_actions();
        actions.archive_chat(&jid(ADA), crate::support::everything()).await.unwrap();
        assert_eq!(shown(&phone, GROUP).pinned == pinned, is_stored, "{when:?}");
    }
    let halves = sandbox.log().iter().filter(|entry| entry.text.starts_with("half of <iq")).count();
    assert_eq!((halves, faults_applied(&sandbox)), (1, 3));
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tampered_patch_is_ignored_until_it_is_valid_again() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    let before = phone.version("regular_low");
    // One for the client's own fetch, and one for the next fetch.
    sandbox.inject(Fault { times: 2, part: Some(Part::Patch), ..Fault::once(FaultKind::Lthash) });

    phone.archive(ADA, true).await.unwrap();
    while faults_applied(&sandbox) < 2 {
        assert_eq!(
            companion.backend.get_version("regular_low").await.unwrap().version,
            before,
            "the invalid patch was applied"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    archived(&mut companion, ADA, true).await;

    assert!(!companion.backend.get_version("regular_low").await.unwrap().mac_mismatch_fatal);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_that_does_not_fit_is_read_and_marks_its_collection() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    sandbox.inject(Fault { part: Some(Part::Snapshot), ..Fault::once(FaultKind::Lthash) });

    phone.archive(ADA, true).await.unwrap();
    archived(&mut companion, ADA, true).await;

    assert_eq!(faults_applied(&sandbox), 1);
    let read = async {
        while companion.backend.get_version("regular_low").await.unwrap().version != phone.version("regular_low") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the patch", read).await;
    assert!(companion.backend.get_version("regular_low").await.unwrap().mac_mismatch_fatal);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_was_tampered_with_is_not_read() {
    let (sandbox, phone, companion) = paired(account()).await;
    let known = companion.backend.get_version("regular_low").await.unwrap();
    sandbox.inject(Fault { collection: Some("regular_low".to_owned()), ..Fault::once(FaultKind::Lthash) });
    companion.backend.set_version("regular_low", HashState::default()).await.unwrap();
    let fetch = || async {
        let name = "regular_low".parse().unwrap();
        let task = MajorSyncTask::AppStateSync { name, full_sync: true };
        companion.client.process_sync_task(task).await;
        companion.backend.get_version("regular_low").await.unwrap()
    };

    assert_eq!(fetch().await.version, 0);
    assert_eq!(faults_applied(&sandbox), 1);
    let again = fetch().await;
    assert_eq!((again.version, again.hash), (phone.version("regular_low"), known.hash));
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetch_faults_do_not_affect_uploads() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    let fetch = |kind| Fault { on: Some(On::Fetch), collection: Some("regular_low".to_owned()), ..Fault::once(kind) };
    let upload = Fault { times: 3, on: Some(On::Upload), ..Fault::once(FaultKind::Refuse) };
    sandbox.inject(upload);
    sandbox.inject(fetch(FaultKind::Refuse));
    phone.archive(ADA, true).await.unwrap();
    let refused = async {
        while faults_applied(&sandbox) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the refusal", refused).await;
    // The client may take the refusal for an empty answer; the next notification makes it fetch again.
    phone.pin(ADA, false).await.unwrap();
    archived(&mut companion, ADA, true).await;

    let start = Instant::now();
    sandbox.inject(Fault { ms: Some(400), ..fetch(FaultKind::Delay) });
    phone.archive(GROUP, true).await.unwrap();
    archived(&mut companion, GROUP, true).await;
    assert!(start.elapsed() >= Duration::from_millis(400));

    for when in [When::Before, When::During] {
        phone.archive(ADA, false).await.unwrap();
        archived(&mut companion, ADA, false).await;
        sandbox.inject(Fault { when: Some(when), ..fetch(FaultKind::Cut) });
        phone.archive(ADA, true).await.unwrap();
        archived(&mut companion, ADA, true).await;
        soon("the next login", phone.connected()).await.unwrap();
    }
    assert_eq!(faults_applied(&sandbox), 4);
    companion.stop().await;
    sandbox.stop().await;
}
