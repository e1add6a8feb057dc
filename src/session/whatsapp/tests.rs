//! Tests of the real connection against the sandbox.

mod certificates;
mod fixture;
mod restart;

use std::{sync::Arc, time::Duration};

use chatgraph_sandbox::{Fault, FaultKind, On};
use tokio::sync::mpsc;

use super::WhatsAppConnector;
use crate::{
    clock::SystemClock,
    domain::{
        clock::{Clock as _, FOREVER},
        message::{MessageKind, MessageRange},
        session::SessionStatus,
        setting::{Setting, SettingValue},
    },
    session::{
        SessionEvent, SessionKey,
        connection::{ConnectionEvent, Connector as _, EventSinks},
    },
    store::tests::add_session,
};
use fixture::{Fixture, GROUP, MEI, NOAH, OWNER, soon};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_pairs_by_qr_and_receives_the_history() {
    let mut rig = Fixture::new().await;
    rig.start();
    rig.scan().await;

    let (jid, lid) = rig.paired().await;
    assert_eq!(jid, format!("{OWNER}@s.whatsapp.net").parse().unwrap());
    assert_eq!(lid, rig.phone.lid().parse().ok());
    // In parts, in any order.
    let mut chats = Vec::new();
    while chats.len() < 3 {
        chats.extend(rig.history().await.chats);
    }
    rig.status(SessionStatus::Working).await;
    assert_eq!(
        rig.statuses(),
        [SessionStatus::Starting, SessionStatus::ScanQrCode, SessionStatus::Starting, SessionStatus::Working]
    );
    let mei = chats.iter().find(|chat| chat.jid == MEI.parse().unwrap()).expect("the chat with Mei");
    let mut messages = mei.messages.clone();
    messages.sort_by_key(|message| message.at);
    let texts: Vec<_> = messages.iter().map(|message| (message.from_me, message.text.as_deref())).collect();
    assert_eq!(texts, [(false, Some("Are you there?")), (true, Some("Soon"))]);
    assert!(chats.iter().any(|chat| chat.jid == GROUP.parse().unwrap()), "the group");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_made_on_the_phone_arrive_with_their_time() {
    let mut rig = Fixture::working().await;

    rig.phone.archive(MEI, true).await.unwrap();
    rig.phone.mute(NOAH, Some(FOREVER)).await.unwrap();
    rig.phone.mark_read(NOAH, false).await.unwrap();

    rig.setting(MEI, SettingValue::Archived(true)).await;
    rig.setting(NOAH, SettingValue::MutedUntil(Some(FOREVER))).await;
    let as_of = rig.setting(NOAH, SettingValue::Read(false)).await;
    assert!((SystemClock.now() - as_of).abs() < 60_000, "{as_of} is not now");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pending_action_reaches_the_phone_dated_with_its_request() {
    let mut rig = Fixture::working().await;
    let requested_at = SystemClock.now() - 3_600_000;
    let chat = rig.request(
        MEI,
        SettingValue::Archived(true),
        requested_at,
        Some(MessageRange { wa_id: "3EB0".into(), from_me: false, sender: MEI.parse().unwrap(), at: requested_at }),
    );

    // The echo comes first, with the time of the request.
    assert_eq!(rig.setting(MEI, SettingValue::Archived(true)).await, requested_at);
    assert_eq!(rig.sent().await, (chat, Setting::Archived, 1));
    assert!(rig.shown(MEI).archived);

    let until = SystemClock.now() + 8 * 3_600_000;
    for (desired, check) in [
        (SettingValue::Pinned(true), Setting::Pinned),
        (SettingValue::MutedUntil(Some(until)), Setting::MutedUntil),
        (SettingValue::Read(false), Setting::Read),
    ] {
        rig.request(NOAH, desired, SystemClock.now(), None);
        assert_eq!(rig.sent().await.1, check);
    }
    let noah = rig.shown(NOAH);
    assert_eq!((noah.pinned, noah.muted_until, noah.marked_unread), (true, Some(until), true));
    rig.request(NOAH, SettingValue::MutedUntil(Some(FOREVER)), SystemClock.now(), None);
    rig.sent().await;
    assert_eq!(rig.shown(NOAH).muted_until, Some(chatgraph_sandbox::FOREVER));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_survives_a_conflict_a_refusal_and_a_cut_connection() {
    let mut rig = Fixture::working().await;
    for kind in [FaultKind::Conflict, FaultKind::Refuse, FaultKind::Cut] {
        rig.sandbox.inject(Fault::once(kind));
        let archived = !rig.shown(MEI).archived;
        rig.request(MEI, SettingValue::Archived(archived), SystemClock.now(), None);
        assert_eq!(rig.sent().await.1, Setting::Archived, "{kind:?}");
        assert_eq!(rig.shown(MEI).archived, archived, "{kind:?}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_arrives_and_is_acknowledged_after_its_commit() {
    let mut rig = Fixture::working().await;
    rig.phone.settled().await.unwrap();
    rig.consumer.hold_messages();

    let id = rig.phone.receive(MEI, MEI, "See you at the harbour").await.unwrap();

    let (message, committed) = rig.held().await;
    assert_eq!((message.wa_id, message.chat), (id, MEI.parse().unwrap()));
    assert_eq!((message.kind, message.from_me), (MessageKind::Text, false));
    assert_eq!(message.text.as_deref(), Some("See you at the harbour"));
    assert!(rig.unsettled_for(Duration::from_millis(500)).await, "it was acknowledged before its commit");
    committed.send(()).unwrap();
    rig.settled().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_not_committed_comes_again() {
    let mut rig = Fixture::working().await;
    rig.phone.settled().await.unwrap();
    rig.consumer.hold_messages();
    let id = rig.phone.receive(MEI, MEI, "Once more").await.unwrap();

    let (first, committed) = rig.held().await;
    drop(committed);
    assert_eq!(rig.phone.pending(), 1);

    // The connection is renewed automatically, and the same message is delivered again.
    let (again, committed) = rig.held().await;
    assert_eq!((again.wa_id.as_str(), &again), (id.as_str(), &first));
    committed.send(()).unwrap();
    rig.settled().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_reconnects_and_receives_what_it_missed() {
    let mut rig = Fixture::working().await;
    rig.phone.cut().await;
    rig.phone.disconnected().await.unwrap();
    rig.phone.archive(MEI, true).await.unwrap();
    rig.phone.receive(NOAH, NOAH, "Where are you?").await.unwrap();

    rig.status(SessionStatus::Starting).await;
    rig.status(SessionStatus::Working).await;
    // A session in step has already received these.
    let heard = rig.events_before_working();
    let archived = SessionEvent::Setting {
        chat: MEI.parse().unwrap(),
        value: SettingValue::Archived(true),
        as_of: 0,
        up_to: None,
        replayed: false,
    };
    assert!(heard.iter().any(|event| same_but_for_time(event, &archived)), "{heard:?}");
    assert!(heard.iter().any(|event| matches!(event, SessionEvent::Delivered { .. })), "{heard:?}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_disconnects_do_not_delay_the_reconnect() {
    let mut rig = Fixture::working().await;
    for cut in 0..12 {
        rig.phone.cut().await;
        rig.status(SessionStatus::Starting).await;
        rig.phone.archive(MEI, cut % 2 == 0).await.unwrap();
        // The library alone would eventually wait for minutes.
        rig.status(SessionStatus::Working).await;
        rig.setting(MEI, SettingValue::Archived(cut % 2 == 0)).await;
    }
    assert!(!rig.statuses().contains(&SessionStatus::ScanQrCode), "{:?}", rig.statuses());
    assert_eq!(rig.phone.companions(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_the_phone_has_not_sent_is_waited_for_however_long() {
    let mut rig = Fixture::working().await;
    // Other failures are given up after five steps; a missing key is not.
    let regular_low = Some("regular_low".to_owned());
    let refused = Fault { on: Some(On::Fetch), collection: regular_low, times: 100, ..Fault::once(FaultKind::Refuse) };
    rig.sandbox.inject(refused);
    rig.phone.renew_key(false).await.unwrap();
    rig.phone.archive(MEI, true).await.unwrap();
    rig.repairs("recovery", 1).await;
    rig.sandbox.forget_faults();
    // The second recovery may still be refused; the third is not. The library waits ten seconds for the key each time.
    rig.repairs("recovery", 3).await;

    rig.phone.share_keys().await.unwrap();
    rig.setting(MEI, SettingValue::Archived(true)).await;
    rig.request(MEI, SettingValue::Archived(false), SystemClock.now(), None);
    rig.sent().await;
    assert!(!rig.shown(MEI).archived, "the settings that waited for the key are sent");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_session_starts_without_a_new_pairing() {
    let mut rig = Fixture::working().await;
    rig.registry.stop(rig.key.session).await;
    rig.status(SessionStatus::Stopped).await;
    rig.phone.disconnected().await.unwrap();
    rig.phone.archive(MEI, true).await.unwrap();

    rig.start();
    rig.status(SessionStatus::Working).await;
    rig.setting(MEI, SettingValue::Archived(true)).await;
    assert!(!rig.statuses().contains(&SessionStatus::ScanQrCode));
    assert_eq!(rig.phone.companions(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_unlinked_on_the_phone_can_be_paired_again() {
    let mut rig = Fixture::working().await;
    assert_eq!(rig.phone.unlink().await, 1);
    rig.status(SessionStatus::LoggedOut).await;

    rig.start();
    rig.scan().await;
    rig.status(SessionStatus::Working).await;
    assert_eq!(rig.phone.companions(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_unlinked_while_away_is_logged_out_on_return() {
    let mut rig = Fixture::working().await;
    rig.registry.stop(rig.key.session).await;
    rig.phone.unlink().await;
    rig.start();
    rig.status(SessionStatus::LoggedOut).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_its_holder_lost_does_not_live_on() {
    let rig = Fixture::working().await;
    let events = crate::session::SessionMetrics::default();
    let connector = WhatsAppConnector::new(
        rig.test.store.clone(),
        Arc::new(SystemClock),
        rig.config.clone(),
        rig.tasks.clone(),
        events,
    );
    let session = add_session(&rig.test.store, &rig.key.organization).await;
    let key = SessionKey { session, ..rig.key.clone() };
    let (sender, mut events) = mpsc::channel(256);
    let (signals, mut heard) = mpsc::channel(64);
    let session = connector.connect(&key, EventSinks { sender, signals }).await.unwrap();
    let Some(ConnectionEvent::QrCode { .. }) = soon("a code", heard.recv()).await else { panic!("a code") };

    drop(session);

    // All senders of the tasks are dropped.
    while soon("the end", heard.recv()).await.is_some() {}
    assert!(soon("the end", events.recv()).await.is_none());
    rig.stop().await;
}

fn same_but_for_time(left: &SessionEvent, right: &SessionEvent) -> bool {
    match (left, right) {
        (
            SessionEvent::Setting { chat: left_chat, value: left, .. },
            SessionEvent::Setting { chat: right_chat, value: right, .. },
        ) => (left_chat, left) == (right_chat, right),
        _ => false,
    }
}
