use std::time::{Duration, Instant};

use chatgraph_sandbox::{Fault, FaultKind, Sandbox};

use crate::support::{ADA, GROUP, account, jid, paired, shown, soon};

fn faults_applied(sandbox: &Sandbox, kind: &str) -> usize {
    sandbox.log().iter().filter(|entry| entry.text.starts_with(&format!("fault: {kind}"))).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_comes_second_is_merged() {
    let (sandbox, phone, companion) = paired(account()).await;
    for collection in ["regular_low", "regular_high"] {
        let fault = Fault { times: 2, collection: Some(collection.to_owned()), ..Fault::once(FaultKind::Conflict) };
        sandbox.inject(fault);
    }

    companion.client.chat_actions().archive_chat(&jid(GROUP), crate::support::everything()).await.unwrap();
    companion.client.chat_actions().mute_chat(&jid(GROUP)).await.unwrap();

    assert!(shown(&phone, GROUP).archived && shown(&phone, GROUP).muted_until.is_some());
    assert_eq!(faults_applied(&sandbox, "Conflict"), 4);
    let refused = sandbox.log().iter().filter(|entry| entry.text.contains("code=\"409\"")).count();
    assert_eq!(refused, 4);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_meets_a_change_of_the_phone_is_merged() {
    let (sandbox, phone, companion) = paired(account()).await;
    let fault = Fault { ms: Some(300), ..Fault::once(FaultKind::Delay) };
    sandbox.inject(fault);

    let client = companion.client.clone();
    let archiving =
        tokio::spawn(
            async move { client.chat_actions().archive_chat(&jid(GROUP), crate::support::everything()).await },
        );
    while faults_applied(&sandbox, "Delay") == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    phone.pin(ADA, false).await.unwrap();
    archiving.await.unwrap().unwrap();

    assert!(shown(&phone, GROUP).archived);
    assert!(!shown(&phone, ADA).pinned);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_is_waited_for() {
    let (sandbox, phone, companion) = paired(account()).await;
    sandbox.inject(Fault { ms: Some(400), ..Fault::once(FaultKind::Delay) });

    let start = Instant::now();
    companion.client.chat_actions().pin_chat(&jid(GROUP)).await.unwrap();

    assert!(start.elapsed() >= Duration::from_millis(400));
    assert!(shown(&phone, GROUP).pinned);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_upload_fails_and_changes_nothing() {
    let (sandbox, phone, companion) = paired(account()).await;
    sandbox.inject(Fault::once(FaultKind::Refuse));

    let refused = companion.client.chat_actions().pin_chat(&jid(GROUP)).await;

    assert!(refused.is_err());
    assert!(!shown(&phone, GROUP).pinned);
    companion.client.chat_actions().pin_chat(&jid(GROUP)).await.unwrap();
    assert!(shown(&phone, GROUP).pinned);
    companion.stop().await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_lost_with_its_connection() {
    let (sandbox, phone, mut companion) = paired(account()).await;
    sandbox.inject(Fault::once(FaultKind::Cut));

    let lost = companion.client.chat_actions().pin_chat(&jid(GROUP)).await;

    assert!(lost.is_err());
    assert!(!shown(&phone, GROUP).pinned);
    companion.connected().await;
    soon("the next login", phone.connected()).await.unwrap();
    companion.client.chat_actions().pin_chat(&jid(GROUP)).await.unwrap();
    assert!(shown(&phone, GROUP).pinned);
    companion.stop().await;
    sandbox.stop().await;
}
