//! Tests of events from WhatsApp and requests from callers, in every order, on a real store.

mod batch;
mod deletion;
mod edit;
mod identity;
mod known_people;
mod order;
mod people;
mod random;
mod random_identity;
mod read_marker;
mod rejection;
mod seeded;
mod settings;
mod shared_unit;
mod unread;

use super::*;
use crate::{
    clock::SystemClock,
    domain::{
        change::{Change, ChatField, Origin},
        chat::Chat,
        id::ChatId,
        jid::Jid,
        message::{IncomingMessage, MessageKind},
        pending_action::PendingAction,
        session::{HistoryImport, SessionStatus},
        setting::{Setting, SettingValue},
    },
    service::{
        chat::update::{ChatUpdate, UpdateChat},
        error::Error,
    },
    session::{HistoryChat, HistoryChunk, Untranslated},
    store::tests::TestStore,
};

/// A store with one chat, and the event channel of its session.
struct Rig {
    test: TestStore,
    sender: EventSender,
    chat: ChatId,
    jid: Jid,
}

impl Rig {
    async fn new() -> Self {
        let test = TestStore::open().await;
        let Chat { id: chat, jid, .. } = test.add_chat(1, 1).await;
        let inbox = {
            let (clock, tasks) = (Arc::new(SystemClock), TaskTracker::new());
            InboundWorker::new(test.store.clone(), Notifiers::default(), clock, tasks, CancellationToken::new())
        };
        let key = SessionKey { organization: test.organization.clone(), session: test.session };
        Self { sender: inbox.open(key), test, chat, jid }
    }

    /// Sends an event and waits until it is committed.
    async fn receive(&self, event: SessionEvent) {
        let (committed, stored) = tokio::sync::oneshot::channel();
        self.sender
            .send(InboundEvent { event, committed: Some(committed) })
            .await
            .expect("the event channel is drained");
        stored.await.expect("committed");
    }

    async fn receive_setting(&self, value: SettingValue, as_of: i64) {
        self.receive(SessionEvent::Setting { chat: self.jid.clone(), value, as_of, up_to: None, replayed: false })
            .await;
    }

    /// The same setting in a replay of the whole app state.
    async fn replay_setting(&self, value: SettingValue, as_of: i64) {
        self.receive(SessionEvent::Setting { chat: self.jid.clone(), value, as_of, up_to: None, replayed: true }).await;
    }

    async fn receive_message(&self, wa_id: &str, from_me: bool, at: i64) {
        self.receive(self.message(wa_id, from_me, at)).await;
    }

    fn message(&self, wa_id: &str, from_me: bool, at: i64) -> SessionEvent {
        SessionEvent::Message(IncomingMessage {
            chat: self.jid.clone(),
            wa_id: wa_id.into(),
            sender: if from_me { "15550100@s.whatsapp.net".parse().expect("a JID") } else { self.jid.clone() },
            sender_name: None,
            from_me,
            kind: MessageKind::Text,
            text: Some("Yes!".into()),
            at,
        })
    }

    async fn receive_action_sent(&self, desired: SettingValue, version: i64) {
        self.receive(SessionEvent::ActionSent { chat: self.chat, desired, version }).await;
    }

    /// Requests a setting at `now`, as the API does.
    async fn request_setting(&self, desired: SettingValue, now: i64) {
        self.request_setting_up_to(desired, now, None).await;
    }

    /// The same request by a caller who knows of a message at `range_hint`.
    async fn request_setting_up_to(&self, desired: SettingValue, now: i64, range_hint: Option<i64>) {
        let order = UpdateChat {
            session: self.test.session,
            cid: self.jid.clone(),
            settings: vec![desired],
            range_hint,
            max_pinned: 3,
        };
        let organization = &self.test.organization;
        let asked: Result<_, Error> =
            self.test.store.at(now).write(organization, move |unit| Box::pin(order.execute(unit))).await;
        asked.expect("accepted");
    }

    async fn chat(&self) -> Chat {
        let found = self.test.store.chat(&self.test.organization, self.test.session, &self.jid).await;
        found.expect("a read").expect("a chat")
    }

    /// Executes a statement on the database, bypassing the store.
    async fn execute(&self, statement: &str) {
        use sea_orm::ConnectionTrait as _;
        let database = sea_orm::Database::connect(self.test.database.url()).await.expect("a connection");
        database.execute_unprepared(statement).await.expect("executed");
    }

    async fn waiting(&self) -> Vec<PendingAction> {
        self.test.store.pending_actions(&self.test.organization, self.test.session).await.expect("a read")
    }

    /// The changes recorded after the chat was created.
    async fn changes(&self) -> Vec<Change> {
        self.test.log().await.split_off(1)
    }
}

#[tokio::test]
async fn acknowledged_events_are_stored() {
    let rig = Rig::new().await;
    rig.receive_setting(SettingValue::Archived(true), 10).await;
    assert!(rig.chat().await.settings.archived.value);
}

#[tokio::test]
async fn an_event_that_keeps_failing_is_quarantined_alone() {
    let rig = Rig::new().await;
    rig.execute("ALTER TABLE message RENAME TO away").await;
    let (committed, stored) = tokio::sync::oneshot::channel();
    let event = rig.message("A", false, 10);
    rig.sender.send(InboundEvent { event, committed: Some(committed) }).await.expect("the event channel is drained");
    let stored = tokio::time::timeout(Duration::from_mins(1), stored).await.expect("quarantined within the time limit");
    stored.expect("acknowledged, as it is quarantined");
    let kept = rig.test.store.quarantined_events(None, None, None).await.expect("a read");
    let [kept] = &*kept else { panic!("one event: {kept:?}") };
    assert_eq!((kept.kind.as_str(), kept.attempts, kept.is_import), ("message", MAX_ATTEMPTS, false));
    rig.receive_setting(SettingValue::Archived(true), 10).await;
    assert!(rig.chat().await.settings.archived.value);
}

#[tokio::test]
async fn untranslatable_events_are_stored_unchanged() {
    let rig = Rig::new().await;
    let event = SessionEvent::Untranslated(Untranslated {
        kind: "message".into(),
        reason: "an address of an unknown kind".into(),
        payload: vec![10, 0, 255],
    });
    rig.receive(event.clone()).await;
    let kept = rig.test.store.quarantined_events(None, None, None).await.expect("a read");
    let [kept] = &*kept else { panic!("one event: {kept:?}") };
    assert_eq!((kept.kind.as_str(), kept.attempts), ("untranslated", 1));
    assert!(kept.reason.ends_with("an address of an unknown kind"), "{}", kept.reason);
    let payload = rig.test.store.quarantined_payload(kept.id).await.expect("opens").expect("a payload");
    assert_eq!(SessionEvent::from_stored(&payload).expect("reads"), event);
}

#[tokio::test]
async fn archiving_covers_the_later_of_stored_and_given_last_message() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 10_000).await;
    for (archived, hint, reaches) in [(true, None, 10_000), (false, Some(9_000), 10_000), (true, Some(15_000), 15_000)]
    {
        rig.request_setting_up_to(SettingValue::Archived(archived), 20_000, hint).await;
        let range = rig.waiting().await.remove(0).range.expect("a range");
        assert_eq!((range.wa_id.as_str(), range.at), ("A", reaches), "{hint:?}");
    }
}

#[tokio::test]
async fn a_request_is_stored_with_its_change_and_its_action() {
    let rig = Rig::new().await;
    rig.request_setting(SettingValue::Archived(true), 10).await;
    let (chat, changes, waiting) = (rig.chat().await, rig.changes().await, rig.waiting().await);
    assert_eq!(
        changes.iter().map(|change| (change.origin, &change.state)).collect::<Vec<_>>(),
        [(Origin::Api, &chat.state())]
    );
    assert!(chat.settings.archived.value && chat.pending.contains(ChatField::Archived));
    let action = waiting.first().expect("an action");
    assert_eq!((action.desired, action.base), (SettingValue::Archived(true), SettingValue::Archived(false)));
    assert_eq!((waiting.len(), action.requested_at), (1, 10));
}

#[tokio::test]
async fn archiving_is_sent_after_the_unpinning_that_goes_with_it() {
    let rig = Rig::new().await;
    rig.receive_setting(SettingValue::Pinned(true), 5).await;
    let archive = ChatUpdate { settings: vec![SettingValue::Archived(true)], ..ChatUpdate::default() };
    for desired in archive.settings(10).expect("legal").into_iter().rev() {
        rig.request_setting(desired, 10).await;
    }
    let waiting: Vec<_> = rig.waiting().await.iter().map(|action| action.desired).collect();
    assert_eq!(waiting, [SettingValue::Pinned(false), SettingValue::Archived(true)]);
}

#[tokio::test]
async fn a_request_that_came_while_the_one_before_was_sent_stays() {
    let rig = Rig::new().await;
    rig.request_setting(SettingValue::Archived(true), 10).await;
    let sent = rig.waiting().await[0].version;
    rig.request_setting(SettingValue::Archived(false), 20).await;
    rig.receive_action_sent(SettingValue::Archived(true), sent).await;
    let waiting: Vec<_> = rig.waiting().await.iter().map(|action| action.desired).collect();
    assert_eq!(waiting, [SettingValue::Archived(false)]);
    assert!(rig.chat().await.pending.contains(ChatField::Archived));
}

#[tokio::test]
async fn late_rejection_leaves_a_newer_request_pending() {
    let rig = Rig::new().await;
    rig.request_setting(SettingValue::Archived(true), 10).await;
    let sent = rig.waiting().await[0].version;
    rig.receive_setting(SettingValue::Archived(false), 30).await;
    rig.request_setting(SettingValue::Archived(true), 40).await;
    rig.receive_action_sent(SettingValue::Archived(true), sent).await;
    let waiting: Vec<_> = rig.waiting().await.iter().map(|action| action.desired).collect();
    assert_eq!(waiting, [SettingValue::Archived(true)]);
}

#[tokio::test]
async fn an_older_setting_than_the_request_that_waits_is_only_noted() {
    let rig = Rig::new().await;
    rig.request_setting(SettingValue::MutedUntil(Some(90)), 20).await;
    rig.receive_setting(SettingValue::MutedUntil(Some(4_000_000_000_050)), 10).await;
    assert_eq!(rig.chat().await.settings.muted_until.value, Some(90));
    let waiting = rig.waiting().await;
    assert_eq!(
        waiting.iter().map(|action| action.base).collect::<Vec<_>>(),
        [SettingValue::MutedUntil(Some(4_000_000_000_050))]
    );
    assert_eq!(rig.changes().await.len(), 1);
}

#[tokio::test]
async fn last_value_from_whatsapp_wins_despite_clock_skew() {
    let rig = Rig::new().await;
    let until = |day: i64| SettingValue::MutedUntil(Some(4_000_000_000_000 + day));
    rig.receive_setting(until(9), 30).await;
    rig.receive_setting(until(5), 20).await;
    assert_eq!(rig.chat().await.setting(Setting::MutedUntil), until(5));
    rig.request_setting(until(7), 40).await;
    rig.receive_setting(until(6), 10).await;
    assert_eq!(rig.waiting().await[0].base, until(6));
}

#[tokio::test]
async fn a_redelivered_event_changes_nothing_newer() {
    let rig = Rig::new().await;
    rig.receive_setting(SettingValue::Archived(true), 30).await;
    rig.replay_setting(SettingValue::Archived(false), 20).await;
    rig.replay_setting(SettingValue::Pinned(true), 20).await;
    let chat = rig.chat().await;
    assert_eq!((chat.settings.archived.value, chat.settings.pinned.value), (true, true));
}

#[tokio::test]
async fn a_newer_setting_takes_the_place_of_the_request_that_waits() {
    let rig = Rig::new().await;
    rig.request_setting(SettingValue::Archived(true), 20).await;
    rig.receive_setting(SettingValue::Archived(false), 30).await;
    let chat = rig.chat().await;
    assert!(!chat.settings.archived.value && chat.pending.is_empty());
    assert_eq!(rig.waiting().await, []);
}

#[tokio::test]
async fn an_echo_is_no_change_before_the_arrival_nor_after() {
    let rig = Rig::new().await;
    rig.request_setting(SettingValue::Archived(true), 10).await;
    rig.receive_setting(SettingValue::Archived(true), 10).await;
    assert_eq!(rig.changes().await.len(), 1);
    rig.receive_action_sent(SettingValue::Archived(true), 10).await;
    rig.receive_setting(SettingValue::Archived(true), 10).await;
    let changed: Vec<Vec<_>> = rig.changes().await.iter().map(|change| change.changed.iter().collect()).collect();
    assert_eq!(changed, [vec![ChatField::Archived, ChatField::Sync], vec![ChatField::Sync]]);
}

#[tokio::test]
async fn a_message_that_comes_again_counts_once() {
    let rig = Rig::new().await;
    rig.receive_message("3EB0", false, 10).await;
    rig.receive_message("3EB0", false, 10).await;
    assert_eq!((rig.chat().await.unread_count, rig.changes().await.len()), (1, 1));
    rig.receive_message("3EB1", false, 10).await;
    assert_eq!((rig.chat().await.unread_count, rig.changes().await.len()), (2, 2));
}

#[tokio::test]
async fn writing_into_a_chat_reads_it() {
    let rig = Rig::new().await;
    rig.receive_message("3EB0", false, 10).await;
    rig.receive_setting(SettingValue::Read(false), 15).await;
    assert_eq!((rig.chat().await.unread_count, rig.chat().await.settings.marked_unread.value), (1, true));
    rig.receive_message("3EB1", true, 20).await;
    assert_eq!((rig.chat().await.unread_count, rig.chat().await.settings.marked_unread.value), (0, false));
}

#[tokio::test]
async fn a_history_does_not_count_messages_twice() {
    let rig = Rig::new().await;
    rig.receive_message("3EB0", false, 10).await;
    let chat = HistoryChat {
        jid: rig.jid.clone(),
        name: None,
        archived: None,
        pinned: None,
        muted_until: None,
        unread_count: Some(7),
        marked_unread: None,
        last_message_at: Some(5),
        messages: Vec::new(),
    };
    rig.receive(SessionEvent::History(HistoryChunk { chats: vec![chat], ..HistoryChunk::default() })).await;
    assert_eq!(rig.chat().await.unread_count, 1);
}

#[tokio::test]
async fn an_import_counts_what_it_brought_once() {
    let rig = Rig::new().await;
    let message = |wa_id: &str, at| IncomingMessage {
        chat: rig.jid.clone(),
        wa_id: wa_id.into(),
        sender: rig.jid.clone(),
        sender_name: None,
        from_me: false,
        kind: MessageKind::Text,
        text: None,
        at,
    };
    let chat = |jid: &str, messages: Vec<IncomingMessage>| HistoryChat {
        jid: jid.parse().expect("a JID"),
        name: None,
        archived: Some(false),
        pinned: None,
        muted_until: None,
        unread_count: None,
        marked_unread: None,
        last_message_at: None,
        messages,
    };
    let with_message = chat("15550114@s.whatsapp.net", vec![message("A", 10), message("B", 20)]);
    let chats = vec![with_message.clone(), chat("15550115@s.whatsapp.net", Vec::new())];
    let import = async |progress, chats| {
        rig.receive(SessionEvent::History(HistoryChunk { chats, progress, ..HistoryChunk::default() })).await;
        let sessions = rig.test.store.sessions_by_ids(&rig.test.organization, &[rig.test.session]).await;
        sessions.expect("a read")[0].history_import.expect("an import")
    };
    let half = HistoryImport { percent: 50, chats: 1, messages: 2, incomplete: false, quarantined: 0 };
    assert_eq!(import(Some(50), chats).await, half);
    // The same part again, and an earlier part that arrives late, with a lower progress.
    assert_eq!(import(Some(40), vec![with_message.clone()]).await, half);
    rig.receive(SessionEvent::HistoryLost).await;
    let whole = HistoryImport { percent: 100, incomplete: true, ..half };
    assert_eq!(import(Some(100), vec![with_message]).await, whole);
}

#[tokio::test]
async fn a_persons_first_message_creates_and_publishes_a_chat() {
    let rig = Rig::new().await;
    let jid: Jid = "15550113@s.whatsapp.net".parse().expect("a JID");
    let new = Rig { jid: jid.clone(), ..rig };
    new.receive_message("3EB0", false, 10).await;
    let told: Vec<_> = new.changes().await.iter().map(|change| (change.kind, change.cid.clone())).collect();
    assert_eq!(told, [(crate::domain::change::ChangeKind::Created, jid)]);
    assert_eq!(new.chat().await.unread_count, 1);
}

#[tokio::test]
async fn a_logged_out_session_is_not_connected_at_the_next_start() {
    let rig = Rig::new().await;
    let session = rig.test.session;
    let wanted: Result<(), StoreError> = rig
        .test
        .store
        .write(&rig.test.organization, move |unit| {
            Box::pin(async move {
                let found = unit.session_for_update(session).await?;
                let mut session = found.expect("a session");
                session.wanted = true;
                unit.save_session(&session).await
            })
        })
        .await;
    wanted.expect("stored");
    rig.receive(SessionEvent::Status { status: SessionStatus::Failed, reason: None }).await;
    assert_eq!(rig.test.store.wanted_sessions().await.expect("a read").sessions.len(), 1);
    rig.receive(SessionEvent::Status { status: SessionStatus::LoggedOut, reason: None }).await;
    assert_eq!(rig.test.store.wanted_sessions().await.expect("a read").sessions, []);
}
