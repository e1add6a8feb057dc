//! Tests of the outbox with a fake connection, in paused time.

use std::time::Duration;

use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

use super::super::{
    SessionEvent,
    connection::{ConnectionEvent, DisconnectReason, SessionError},
    testing::{FakeConnection, Fixture, NOW, locked},
};
use crate::domain::{
    id::ChatId,
    message::MessageRange,
    pending_action::PendingAction,
    session::SessionStatus,
    setting::{Setting, SettingValue},
};

fn action(chat: ChatId, version: i64, desired: SettingValue) -> PendingAction {
    PendingAction {
        organization: "org_1".parse().unwrap(),
        session: crate::domain::id::SessionId::new(NOW),
        chat,
        address: "15550100001@s.whatsapp.net".parse().unwrap(),
        version,
        desired,
        base: desired,
        base_as_of: 0,
        unread: 0,
        requested_at: NOW,
        range: None,
        read_before: None,
    }
}

fn chat() -> ChatId {
    ChatId::new(NOW)
}

impl Fixture {
    fn store(&self, action: PendingAction) {
        locked(&self.pending).push(action);
    }

    /// Receives the next `ActionSent` and its commit channel.
    async fn sent(&mut self) -> (ChatId, Setting, i64, oneshot::Sender<()>) {
        loop {
            match self.event().await {
                Some((SessionEvent::ActionSent { chat, desired, version }, Some(committed))) => {
                    return (chat, desired.setting(), version, committed);
                }
                Some((SessionEvent::Status { .. }, committed)) => {
                    if let Some(committed) = committed {
                        committed.send(()).unwrap();
                    }
                }
                other => panic!("an action, not {other:?}"),
            }
        }
    }

    /// Handles the next `ActionSent` as the store would: removes the version that was sent, then commits.
    async fn stores_sent(&mut self) -> (ChatId, Setting, i64) {
        let (chat, setting, version, committed) = self.sent().await;
        locked(&self.pending)
            .retain(|action| (action.chat, action.desired.setting(), action.version) != (chat, setting, version));
        committed.send(()).unwrap();
        (chat, setting, version)
    }
}

fn values(connection: &FakeConnection) -> Vec<SettingValue> {
    connection.received_actions().into_iter().map(|action| action.desired).collect()
}

#[tokio::test(start_paused = true)]
async fn actions_are_sent_in_order_each_after_the_previous_commit() {
    let mut rig = Fixture::new();
    let (one, two) = (chat(), chat());
    rig.store(action(one, 1, SettingValue::Pinned(false)));
    rig.store(action(one, 7, SettingValue::Archived(true)));
    rig.store(action(two, 2, SettingValue::Read(true)));
    let connection = rig.working().await;

    let (told, setting, version, committed) = rig.sent().await;
    assert_eq!((told, setting, version), (one, Setting::Pinned, 1));
    assert!(timeout(Duration::from_hours(1), rig.event()).await.is_err(), "the next went out before the commit");
    assert_eq!(values(&connection), [SettingValue::Pinned(false)]);
    // A newer request replaces the next one before it is sent.
    *locked(&rig.pending) =
        vec![action(one, 8, SettingValue::Archived(false)), action(two, 2, SettingValue::Read(true))];
    let before = Instant::now();
    committed.send(()).unwrap();

    assert_eq!(rig.stores_sent().await, (one, Setting::Archived, 8));
    assert_eq!(rig.stores_sent().await, (two, Setting::Read, 2));
    assert!(before.elapsed() < Duration::from_millis(100), "{:?}", before.elapsed());
    assert_eq!(
        values(&connection),
        [SettingValue::Pinned(false), SettingValue::Archived(false), SettingValue::Read(true)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_chat_is_sent_as_read_before_it_is_marked_as_unread() {
    let mut rig = Fixture::new();
    let chat = chat();
    let sender = "15550100001@s.whatsapp.net".parse().unwrap();
    let read = MessageRange { wa_id: "3EB0".into(), from_me: false, sender, at: NOW };
    let asked = action(chat, 1, SettingValue::Read(false));
    rig.store(PendingAction { read_before: Some(read.clone()), ..asked.clone() });
    let connection = rig.working().await;

    let (.., committed) = rig.sent().await;
    *locked(&rig.pending) = vec![asked];
    committed.send(()).unwrap();
    rig.stores_sent().await;
    let told = connection.received_actions();
    assert_eq!(values(&connection), [SettingValue::Read(true), SettingValue::Read(false)]);
    assert_eq!((told[0].range.as_ref(), told[0].requested_at < told[1].requested_at), (Some(&read), true));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_the_session_is_stored_as_synced() {
    let mut rig = Fixture::new();
    rig.store(action(chat(), 1, SettingValue::Archived(true)));
    rig.start();
    rig.status().await;
    let connection = rig.connection().await;
    assert!(timeout(Duration::from_mins(3), connection.wait_for_send()).await.is_err());

    connection.signals(ConnectionEvent::Synced).await;
    let Some((SessionEvent::Status { status: SessionStatus::Working, .. }, Some(committed))) = rig.event().await else {
        panic!("the status")
    };
    assert!(timeout(Duration::from_mins(3), connection.wait_for_send()).await.is_err());
    committed.send(()).unwrap();
    connection.wait_for_send().await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_again_after_a_pause_that_grows() {
    let mut rig = Fixture::new();
    let one = chat();
    let connection = rig.working().await;
    for _ in 0..8 {
        connection.answers(Err(SessionError::TimedOut));
    }
    rig.store(action(one, 1, SettingValue::Archived(true)));
    rig.registry.wake_pending(rig.key.session);
    connection.wait_for_send().await;

    for longest in [1, 2, 4, 8, 16, 32, 60, 60] {
        let failed = Instant::now();
        // Another request does not shorten the delay.
        rig.registry.wake_pending(rig.key.session);
        connection.wait_for_send().await;
        let (pause, longest) = (failed.elapsed(), Duration::from_secs(longest));
        assert!(pause <= longest + Duration::from_millis(10) && pause >= longest / 2, "{pause:?} for {longest:?}");
    }
    assert_eq!(rig.stores_sent().await.0, one);
    assert_eq!(connection.received_actions().len(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_failure_holds_up_its_chat_and_no_other() {
    let mut rig = Fixture::new();
    let (one, two) = (chat(), chat());
    let connection = rig.working().await;
    connection.answers(Err(SessionError::TimedOut));
    rig.store(action(one, 1, SettingValue::Pinned(false)));
    rig.store(action(one, 1, SettingValue::Archived(true)));
    rig.store(action(two, 1, SettingValue::Archived(true)));
    rig.registry.wake_pending(rig.key.session);
    assert_eq!(rig.stores_sent().await.0, two);
    assert_eq!(rig.stores_sent().await, (one, Setting::Pinned, 1));
    assert_eq!(rig.stores_sent().await, (one, Setting::Archived, 1));
    let chats: Vec<_> = connection.received_actions().into_iter().map(|action| action.chat).collect();
    assert_eq!(chats, [one, two, one, one]);
}

#[tokio::test(start_paused = true)]
async fn three_failures_in_a_row_end_the_round() {
    let mut rig = Fixture::new();
    let chats: Vec<_> = (0..5).map(|_| chat()).collect();
    let connection = rig.working().await;
    for chat in &chats {
        connection.answers(Err(SessionError::TimedOut));
        rig.store(action(*chat, 1, SettingValue::Archived(true)));
    }
    rig.registry.wake_pending(rig.key.session);
    connection.wait_for_send().await;
    assert!(timeout(Duration::from_millis(400), rig.event()).await.is_err(), "a setting was accepted too early");
    assert_eq!(connection.received_actions().len(), 3, "the others wait");
    for _ in &chats {
        rig.stores_sent().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_cannot_be_sent_does_not_block_others() {
    let mut rig = Fixture::new();
    let connection = rig.working().await;
    connection.answers(Err(SessionError::NotNow));
    for _ in 0..300 {
        rig.store(action(chat(), 1, SettingValue::MutedUntil(None)));
    }
    let last = chat();
    rig.store(action(last, 1, SettingValue::Archived(true)));
    let before = Instant::now();
    rig.registry.wake_pending(rig.key.session);
    assert_eq!(rig.stores_sent().await.0, last);
    assert!(before.elapsed() < Duration::from_millis(100), "{:?}", before.elapsed());
    assert_eq!(connection.received_actions().len(), 2, "one attempt for each setting");
}

#[tokio::test(start_paused = true)]
async fn unsent_actions_are_sent_on_the_next_connection() {
    let mut rig = Fixture::new();
    let one = chat();
    rig.store(action(one, 3, SettingValue::MutedUntil(None)));
    let connection = rig.working().await;
    // WhatsApp has accepted it, but the process never stored that.
    let (.., committed) = rig.sent().await;
    connection.signals(ConnectionEvent::Ended(DisconnectReason::Dropped)).await;
    drop(committed);

    let next = rig.connection().await;
    while rig.status().await.0 != SessionStatus::Starting {}
    next.signals(ConnectionEvent::Synced).await;
    assert_eq!(rig.stores_sent().await, (one, Setting::MutedUntil, 3));
    assert_eq!(next.received_actions(), connection.received_actions());
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_ends_the_pause() {
    let mut rig = Fixture::new();
    rig.store(action(chat(), 1, SettingValue::Archived(true)));
    rig.start();
    rig.status().await;
    let connection = rig.connection().await;
    for _ in 0..7 {
        connection.answers(Err(SessionError::NotConnected));
    }
    connection.signals(ConnectionEvent::Synced).await;
    rig.status().await;
    for _ in 0..7 {
        connection.wait_for_send().await;
    }

    // The setting is sent again on the next connection, and the delays start from the shortest one.
    connection.signals(ConnectionEvent::Ended(DisconnectReason::Dropped)).await;
    rig.status().await;
    let connection = rig.connection().await;
    connection.answers(Err(SessionError::TimedOut));
    let back = Instant::now();
    connection.signals(ConnectionEvent::Synced).await;
    rig.status().await;
    rig.stores_sent().await;
    assert!(back.elapsed() <= Duration::from_millis(1_010), "{:?}", back.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_rejected_action_is_retried_and_does_not_delay_the_others() {
    let mut rig = Fixture::new();
    let (one, two) = (chat(), chat());
    rig.store(action(one, 1, SettingValue::Archived(true)));
    rig.store(action(two, 1, SettingValue::Archived(true)));
    rig.start();
    rig.status().await;
    let connection = rig.connection().await;
    connection.answers(Err(SessionError::Refused("400".into())));
    let before = Instant::now();
    connection.signals(ConnectionEvent::Synced).await;

    assert_eq!(rig.stores_sent().await.0, two);
    assert!(before.elapsed() < Duration::from_millis(100), "{:?}", before.elapsed());
    assert_eq!(rig.stores_sent().await.0, one);
    let chats: Vec<_> = connection.received_actions().into_iter().map(|action| action.chat).collect();
    assert_eq!(chats, [one, two, one]);
}

#[tokio::test(start_paused = true)]
async fn only_the_third_rejection_of_a_request_is_reported() {
    let mut rig = Fixture::new();
    let one = chat();
    let connection = rig.working().await;
    for _ in 0..3 {
        connection.answers(Err(SessionError::Refused("no".into())));
    }
    rig.store(action(one, 4, SettingValue::Pinned(true)));
    let before = Instant::now();
    rig.registry.wake_pending(rig.key.session);
    let Some((event, Some(committed))) = rig.event().await else { panic!("an event with a commit channel") };
    let refused = SessionEvent::ActionRejected { chat: one, setting: Setting::Pinned, version: 4, reason: "no".into() };
    assert_eq!(event, refused);
    assert_eq!(connection.received_actions().len(), 3);
    assert!(before.elapsed() >= Duration::from_millis(1_500), "it was not given time: {:?}", before.elapsed());
    locked(&rig.pending).clear();
    committed.send(()).unwrap();
    assert!(timeout(Duration::from_hours(1), rig.event()).await.is_err(), "no event is left");
}

#[tokio::test(start_paused = true)]
async fn rejections_are_counted_per_connection_and_request() {
    let mut rig = Fixture::new();
    let one = chat();
    let connection = rig.working().await;
    let refuse = |connection: &FakeConnection| connection.answers(Err(SessionError::Refused("no".into())));
    (0..2).for_each(|_| refuse(&connection));
    connection.answers(Err(SessionError::NotConnected));
    rig.store(action(one, 1, SettingValue::Pinned(true)));
    rig.registry.wake_pending(rig.key.session);
    for _ in 0..3 {
        connection.wait_for_send().await;
    }
    connection.signals(ConnectionEvent::Ended(DisconnectReason::Dropped)).await;
    rig.status().await;
    let connection = rig.connection().await;
    (0..2).for_each(|_| refuse(&connection));
    connection.signals(ConnectionEvent::Synced).await;
    rig.status().await;
    for _ in 0..2 {
        connection.wait_for_send().await;
    }
    (0..2).for_each(|_| refuse(&connection));
    *locked(&rig.pending) = vec![action(one, 2, SettingValue::Pinned(true))];
    assert_eq!(rig.stores_sent().await, (one, Setting::Pinned, 2));
    assert_eq!(connection.received_actions().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_newer_request_goes_out_in_the_place_of_the_one_that_waits() {
    let mut rig = Fixture::new();
    let one = chat();
    let connection = rig.working().await;
    connection.answers(Err(SessionError::TimedOut));
    rig.store(action(one, 1, SettingValue::Archived(true)));
    rig.registry.wake_pending(rig.key.session);
    connection.wait_for_send().await;

    *locked(&rig.pending) = vec![action(one, 2, SettingValue::Archived(false))];
    assert_eq!(rig.stores_sent().await, (one, Setting::Archived, 2));
    assert_eq!(values(&connection), [SettingValue::Archived(true), SettingValue::Archived(false)]);
}

#[tokio::test(start_paused = true)]
async fn a_request_goes_out_at_once_when_woken_and_soon_when_not() {
    let mut rig = Fixture::new();
    let _connection = rig.working().await;
    rig.store(action(chat(), 1, SettingValue::Archived(true)));
    let before = Instant::now();
    rig.registry.wake_pending(rig.key.session);
    rig.stores_sent().await;
    assert!(before.elapsed() < Duration::from_millis(100), "{:?}", before.elapsed());

    assert!(timeout(Duration::from_secs(5), rig.event()).await.is_err(), "nothing is left to send");
    let before = Instant::now();
    rig.store(action(chat(), 1, SettingValue::Archived(true)));
    rig.stores_sent().await;
    assert!(before.elapsed() > Duration::from_secs(1), "the poll came before it was due");
    assert!(before.elapsed() <= Duration::from_secs(31), "{:?}", before.elapsed());
}
