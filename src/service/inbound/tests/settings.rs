//! Tests of marks as unread and pins that are requested while the owner uses the phone.

use super::*;
use crate::domain::{message_marker::MessageMarker, setting::Versioned};

impl Rig {
    async fn receive_read_mark(&self, read: bool, as_of: i64, up_to: (&str, i64)) {
        let (chat, value) = (self.jid.clone(), SettingValue::Read(read));
        let up_to = Some(MessageMarker { at: up_to.1, wa_ids: vec![up_to.0.to_owned()] });
        self.receive(SessionEvent::Setting { chat, value, as_of, up_to, replayed: false }).await;
    }

    /// The number of unread messages and the mark.
    async fn shows(&self) -> (u32, bool) {
        let chat = self.chat().await;
        (chat.unread_count, chat.settings.marked_unread.value)
    }

    /// The pending actions: value, last message of the range.
    async fn waits(&self) -> Vec<(SettingValue, Option<String>)> {
        let waiting = self.waiting().await.into_iter();
        waiting.map(|action| (action.desired, action.range.map(|range| range.wa_id))).collect()
    }

    async fn pins(&self, cid: &Jid) -> Result<Chat, Error> {
        let order = UpdateChat {
            session: self.test.session,
            cid: cid.clone(),
            settings: vec![SettingValue::Pinned(true)],
            range_hint: None,
            max_pinned: 3,
        };
        let organization = &self.test.organization;
        self.test.store.at(50).write(organization, move |unit| Box::pin(order.execute(unit))).await
    }
}

#[tokio::test]
async fn a_chat_with_unread_messages_is_marked_and_its_count_stays() {
    let rig = Rig::new().await;
    rig.receive_message("A", false, 10_000).await;
    rig.request_setting(SettingValue::Read(false), 100_000).await;
    assert_eq!(rig.shows().await, (1, true));
    assert_eq!(rig.waits().await, [(SettingValue::Read(false), Some("A".into()))]);
    let version = rig.waiting().await[0].version;
    // The echo of the setting, before and after its acknowledgement.
    rig.receive_read_mark(false, 100_000, ("A", 10_000)).await;
    rig.receive_action_sent(SettingValue::Read(false), version).await;
    rig.receive_read_mark(false, 100_000, ("A", 10_000)).await;
    assert_eq!((rig.shows().await, rig.waits().await), ((1, true), Vec::new()));

    rig.request_setting(SettingValue::Read(false), 100_001).await;
    assert_eq!(rig.waits().await, [], "it is marked already");
    rig.receive_read_mark(true, 100_002, ("A", 10_000)).await;
    assert_eq!(rig.shows().await, (0, false));
}

#[tokio::test]
async fn own_message_cancels_a_pending_unread_mark() {
    for (written_at, in_flight) in [(101_000, false), (101_000, true), (100_000, false), (100_000, true)] {
        let rig = Rig::new().await;
        rig.receive_message("A", false, 10_000).await;
        rig.request_setting(SettingValue::Read(false), 100_500).await;
        let mark = rig.waiting().await.remove(0);
        rig.receive_message("B", true, written_at).await;
        assert_eq!(rig.shows().await, (0, false));
        assert_eq!(rig.waits().await, [(SettingValue::Read(true), Some("B".into()))]);
        assert!(rig.waiting().await[0].requested_at > mark.requested_at, "it would be older than the mark");
        if in_flight {
            rig.receive_read_mark(false, 100_500, ("A", 10_000)).await;
            rig.receive_action_sent(SettingValue::Read(false), mark.version).await;
            assert_eq!(rig.shows().await, (0, false));
        }
        let action = rig.waiting().await.remove(0);
        assert_eq!((action.desired, action.previous_read()), (SettingValue::Read(true), None));
        rig.receive_action_sent(SettingValue::Read(true), action.version).await;
        assert_eq!((rig.shows().await, rig.waits().await), ((0, false), Vec::new()));
        assert!(rig.chat().await.pending.is_empty());
    }
}

#[tokio::test]
async fn own_message_before_an_unread_mark_keeps_it() {
    let rig = Rig::new().await;
    rig.request_setting(SettingValue::Read(false), 100_500).await;
    rig.receive_message("A", true, 99_000).await;
    assert_eq!(rig.shows().await, (0, true));
    assert_eq!(rig.waits().await, [(SettingValue::Read(false), None)]);
}

#[tokio::test]
async fn own_message_in_the_second_of_a_synced_mark_clears_it() {
    let rig = Rig::new().await;
    rig.request_setting(SettingValue::Read(false), 100_500).await;
    rig.receive_action_sent(SettingValue::Read(false), rig.waiting().await[0].version).await;
    rig.receive_message("A", true, 100_000).await;
    assert_eq!((rig.shows().await, rig.waits().await), ((0, false), Vec::new()));
    rig.receive_read_mark(false, 101_500, ("A", 100_000)).await;
    assert_eq!(rig.shows().await, (0, true), "a later mark");
}

#[tokio::test]
async fn an_own_message_in_the_same_second_removes_the_unread_mark() {
    for (up_to, marked) in [("A", false), ("B", true)] {
        let rig = Rig::new().await;
        rig.receive_message("A", false, 100_000).await;
        rig.receive_message("B", true, 100_000).await;
        rig.receive_read_mark(false, 100_500, (up_to, 100_000)).await;
        assert_eq!(rig.shows().await, (0, marked), "{up_to}");
    }
}

#[tokio::test]
async fn reading_and_clearing_on_the_phone_cancel_a_pending_mark() {
    for how in ["setting", "receipt", "cleared"] {
        let rig = Rig::new().await;
        rig.receive_message("A", false, 10_000).await;
        rig.request_setting(SettingValue::Read(false), 100_500).await;
        let wa_ids = vec!["A".to_owned()];
        match how {
            "setting" => rig.receive_read_mark(true, 102_000, ("A", 10_000)).await,
            "receipt" => rig.receive(SessionEvent::ReadOnOtherDevice { chat: None, wa_ids, at: 102_000 }).await,
            _ => {
                let (chat, up_to) = (rig.jid.clone(), MessageMarker { at: 10_000, wa_ids });
                rig.receive(SessionEvent::ChatCleared { chat, up_to, as_of: 102_000, deleted: false }).await;
            }
        }
        assert_eq!(rig.shows().await, (0, false), "{how}");
        assert_eq!(rig.waits().await, [(SettingValue::Read(true), Some("A".into()))], "{how}");
        let action = rig.waiting().await.remove(0);
        rig.receive_action_sent(SettingValue::Read(true), action.version).await;
        assert!(rig.chat().await.pending.is_empty(), "{how}");
    }
}

#[tokio::test]
async fn a_chat_deleted_here_counts_while_the_phone_pins_it() {
    let rig = Rig::new().await;
    let mut chats = vec![rig.jid.clone()];
    for user in 2..=4 {
        chats.push(rig.test.add_chat(user, 1).await.jid);
    }
    rig.receive_message("A", false, 10_000).await;
    for cid in &chats[..3] {
        let pinned = SessionEvent::Setting {
            chat: cid.clone(),
            value: SettingValue::Pinned(true),
            as_of: 40,
            up_to: None,
            replayed: false,
        };
        rig.receive(pinned).await;
    }
    rig.deletes().await.expect("deleted");
    assert!(matches!(rig.pins(&chats[3]).await, Err(Error::Conflict(told)) if told.message.contains("3 are pinned")));
    // Once the chat is deleted on the phone as well, it is no longer pinned.
    let up_to = MessageMarker { at: 10_000, wa_ids: vec!["A".into()] };
    rig.receive(SessionEvent::ChatCleared { chat: rig.jid.clone(), up_to, as_of: 45, deleted: true }).await;
    assert_eq!(rig.pins(&chats[3]).await.expect("pinned").settings.pinned, Versioned { value: true, as_of: 50 });
}

#[tokio::test]
async fn a_pin_by_another_device_unarchives_the_chat() {
    let pin = SettingValue::Pinned(true);
    let states = async |rig: &Rig| {
        let settings = rig.chat().await.settings;
        (settings.pinned.value, settings.archived.value)
    };
    // The order of the changes decides, whatever the clocks of the devices show.
    for pinned_at in [110, 90] {
        let rig = Rig::new().await;
        rig.receive_setting(SettingValue::Archived(true), 100).await;
        rig.receive_setting(pin, pinned_at).await;
        assert_eq!(states(&rig).await, (true, false), "pinned at {pinned_at}");
    }
    // A request of a caller is newer than the pin at 90, and older than that at 110.
    let (archived, unpinned) = (SettingValue::Archived(true), SettingValue::Pinned(false));
    for (before, desired, expected) in [
        ([pin, archived], unpinned, (false, false)),
        ([unpinned, archived], pin, (true, false)),
        ([unpinned, SettingValue::Archived(false)], archived, (true, true)),
    ] {
        let rig = Rig::new().await;
        rig.receive_setting(before[0], 40).await;
        rig.receive_setting(before[1], 50).await;
        rig.request_setting(desired, 100).await;
        rig.receive_setting(pin, 90).await;
        assert_eq!(states(&rig).await, expected, "before {desired:?}");
        rig.receive_setting(pin, 110).await;
        assert_eq!((states(&rig).await, rig.waits().await), ((true, false), Vec::new()), "after {desired:?}");
    }
    // A chat that a caller deleted is unarchived too.
    let rig = Rig::new().await;
    rig.receive_setting(SettingValue::Archived(true), 100).await;
    rig.deletes().await.expect("deleted");
    rig.receive_setting(pin, 110).await;
    rig.receive_message("A", true, 200_000).await;
    assert_eq!(states(&rig).await, (true, false), "after its return");
}

#[tokio::test]
async fn a_history_says_what_is_archived_at_the_pairing() {
    for history_first in [false, true] {
        let rig = Rig::new().await;
        let jid = "15550100@s.whatsapp.net".parse().expect("a JID");
        rig.receive(SessionEvent::Paired { jid, lid: None }).await;
        rig.receive_message("A", false, 10_000).await;
        // The phone unarchived the chat when a message arrived, without an app state change.
        let chat = HistoryChat { archived: Some(false), ..HistoryChat::with_messages(rig.jid.clone(), Vec::new()) };
        let history = SessionEvent::History(HistoryChunk { chats: vec![chat], ..HistoryChunk::default() });
        if history_first {
            rig.receive(history).await;
            rig.replay_setting(SettingValue::Archived(true), 9_000).await;
        } else {
            rig.replay_setting(SettingValue::Archived(true), 9_000).await;
            rig.receive(history).await;
        }
        assert!(!rig.chat().await.settings.archived.value, "history first: {history_first}");
        rig.replay_setting(SettingValue::Archived(true), SystemClock.now() + 60_000).await;
        assert!(rig.chat().await.settings.archived.value, "after the pairing");
    }
}

#[tokio::test]
async fn an_unread_mark_from_before_the_accounts_last_message_in_a_history_is_outdated() {
    for history_first in [false, true] {
        let rig = Rig::new().await;
        let SessionEvent::Message(own) = rig.message("A", true, 10_000) else { unreachable!("a message") };
        let chat = HistoryChat::with_messages(rig.jid.clone(), vec![own]);
        let history = SessionEvent::History(HistoryChunk { chats: vec![chat], ..HistoryChunk::default() });
        if history_first {
            rig.receive(history).await;
            rig.replay_setting(SettingValue::Read(false), 9_000).await;
        } else {
            rig.replay_setting(SettingValue::Read(false), 9_000).await;
            rig.receive(history).await;
        }
        assert!(!rig.chat().await.settings.marked_unread.value, "history first: {history_first}");
        rig.replay_setting(SettingValue::Read(false), 11_000).await;
        assert!(rig.chat().await.settings.marked_unread.value, "after the message");
    }
}
