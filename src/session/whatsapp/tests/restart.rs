//! Clean and unclean ends of the process, and the state that the next process finds in the database.

use super::fixture::{Fixture, MEI, NOAH};
use crate::domain::{session::SessionStatus, setting::SettingValue};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_reconnects_after_a_restart_without_a_new_pairing() {
    let mut rig = Fixture::working().await;
    rig.consumer.hold_messages();
    let before = rig.phone.receive(MEI, MEI, "Before").await.unwrap();
    take(&mut rig, &before).await;
    rig.end().await;
    let meanwhile = rig.phone.receive(MEI, MEI, "Meanwhile").await.unwrap();
    rig.phone.archive(NOAH, true).await.unwrap();

    rig.begin();
    take(&mut rig, &meanwhile).await;
    rig.status(SessionStatus::Working).await;
    rig.setting(NOAH, SettingValue::Archived(true)).await;
    let after = rig.phone.receive(MEI, MEI, "After").await.unwrap();
    take(&mut rig, &after).await;

    assert!(!rig.statuses().contains(&SessionStatus::ScanQrCode), "{:?}", rig.statuses());
    assert_eq!(rig.phone.companions(), 1);
    assert!(!rig.holds_another(), "a message came twice");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_not_committed_survives_a_crash() {
    let mut rig = Fixture::working().await;
    rig.consumer.hold_messages();
    // The Signal session with Mei exists, and its next message is decrypted but not stored.
    let first = rig.phone.receive(MEI, MEI, "First").await.unwrap();
    take(&mut rig, &first).await;
    let id = rig.phone.receive(MEI, MEI, "Second").await.unwrap();
    let (message, uncommitted) = rig.held().await;
    assert_eq!(message.wa_id, id);

    rig.crash().await;
    drop(uncommitted);
    rig.begin();

    take(&mut rig, &id).await;
    let after = rig.phone.receive(MEI, MEI, "Third").await.unwrap();
    take(&mut rig, &after).await;
    assert!(!rig.statuses().contains(&SessionStatus::ScanQrCode), "{:?}", rig.statuses());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_while_all_is_quiet_loses_nothing() {
    let mut rig = Fixture::working().await;
    rig.phone.settled().await.unwrap();
    rig.consumer.hold_messages();

    for round in 0..3 {
        rig.crash().await;
        let id = rig.phone.receive(MEI, MEI, &format!("Meanwhile {round}")).await.unwrap();
        rig.begin();
        take(&mut rig, &id).await;
        rig.status(SessionStatus::Working).await;
    }
    assert!(!rig.statuses().contains(&SessionStatus::ScanQrCode), "{:?}", rig.statuses());
    assert!(!rig.holds_another(), "a message came twice");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unlinked_session_can_be_paired_again() {
    let mut rig = Fixture::working().await;
    rig.phone.unlink().await;
    rig.status(SessionStatus::LoggedOut).await;

    rig.end().await;
    rig.begin();
    rig.scan().await;
    rig.status(SessionStatus::Working).await;
    assert_eq!(rig.phone.companions(), 1);
    rig.stop().await;
}

/// Waits for the message, commits it, and waits until WhatsApp receives the acknowledgement.
async fn take(rig: &mut Fixture, id: &str) {
    let (message, committed) = rig.held().await;
    assert_eq!(message.wa_id, id);
    committed.send(()).unwrap();
    rig.settled().await;
}
