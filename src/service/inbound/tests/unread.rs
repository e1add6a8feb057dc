//! Tests of unread messages when the account reads on other devices while messages arrive.

use super::*;
use crate::domain::message_marker::MessageMarker;

impl Rig {
    /// Another device has read up to this message.
    async fn receive_read(&self, message: Sent, as_of: i64) {
        let up_to = Some(MessageMarker { at: message.at(), wa_ids: vec![message.wa_id()] });
        let chat = self.jid.clone();
        self.receive(SessionEvent::Setting { chat, value: SettingValue::Read(true), as_of, up_to, replayed: false })
            .await;
    }

    async fn receive_sent_message(&self, message: Sent) {
        self.receive_message(&message.wa_id(), message.from_me, message.at()).await;
    }

    async fn unread(&self) -> u32 {
        self.chat().await.unread_count
    }
}

/// The messages of a chat in their order, three in a second.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sent {
    number: i64,
    from_me: bool,
}

impl Sent {
    fn wa_id(self) -> String {
        format!("M{}", self.number)
    }

    fn at(self) -> i64 {
        (10 + self.number / 3) * 1_000
    }
}

fn sent(number: i64) -> Sent {
    Sent { number, from_me: false }
}

#[tokio::test]
async fn messages_after_the_read_one_stay_unread() {
    let rig = Rig::new().await;
    for number in 0..4 {
        rig.receive_sent_message(sent(number)).await;
    }
    rig.receive_read(sent(1), 100_000).await;
    assert_eq!(rig.unread().await, 2);
    rig.receive_read(sent(0), 200_000).await;
    assert_eq!(rig.unread().await, 2, "reading an older message makes nothing unread");
    rig.receive_sent_message(sent(4)).await;
    rig.receive_read(sent(1), 100_000).await;
    assert_eq!(rig.unread().await, 3, "a repeated receipt reads nothing more");
}

#[tokio::test]
async fn a_message_that_was_read_before_it_arrives_is_not_unread() {
    let rig = Rig::new().await;
    rig.receive_sent_message(sent(0)).await;
    rig.receive_read(sent(4), 100_000).await;
    assert_eq!(rig.unread().await, 0, "it was sent before");
    for (number, unread) in [(1, 0), (2, 0), (4, 0), (5, 1), (6, 2)] {
        rig.receive_sent_message(sent(number)).await;
        assert_eq!(rig.unread().await, unread, "after {number}");
    }
}

#[tokio::test]
async fn reading_without_a_word_how_far_ends_at_its_time() {
    let rig = Rig::new().await;
    for number in [0, 1, 2, 9] {
        rig.receive_sent_message(sent(number)).await;
    }
    rig.receive_setting(SettingValue::Read(true), sent(2).at() + 1).await;
    assert_eq!(rig.unread().await, 1);
}

#[tokio::test]
async fn the_echo_of_an_own_read_changes_nothing() {
    let rig = Rig::new().await;
    rig.receive_sent_message(sent(0)).await;
    rig.request_setting(SettingValue::Read(true), 100_000).await;
    rig.receive_sent_message(sent(1)).await;
    rig.receive_read(sent(0), 100_000).await;
    assert_eq!(rig.unread().await, 1);
    rig.receive_action_sent(SettingValue::Read(true), rig.waiting().await[0].version).await;
    rig.receive_read(sent(0), 100_000).await;
    assert_eq!((rig.unread().await, rig.waiting().await.len()), (1, 0));
}

#[tokio::test]
async fn marking_a_read_chat_as_unread_sends_both_settings() {
    let rig = Rig::new().await;
    for number in 0..2 {
        rig.receive_sent_message(sent(number)).await;
    }
    rig.request_setting(SettingValue::Read(true), 100_000).await;
    rig.request_setting(SettingValue::Read(false), 100_010).await;
    rig.receive_sent_message(sent(2)).await;
    let action = rig.waiting().await.remove(0);
    let before = action.previous_read().expect("the message that is read first");
    assert_eq!((before.desired, before.version), (SettingValue::Read(true), action.version));
    assert_eq!(before.range.map(|last| last.wa_id), Some(sent(1).wa_id()));
    assert_eq!((action.desired, action.unread), (SettingValue::Read(false), 2));

    rig.receive_action_sent(SettingValue::Read(true), action.version).await;
    let action = rig.waiting().await.remove(0);
    assert_eq!((action.desired, action.previous_read()), (SettingValue::Read(false), None));
    rig.receive_action_sent(SettingValue::Read(false), action.version).await;
    assert_eq!(
        (rig.unread().await, rig.chat().await.settings.marked_unread.value, rig.waiting().await),
        (1, true, Vec::new())
    );
}

#[tokio::test]
async fn a_read_setting_in_flight_is_not_sent_again() {
    let rig = Rig::new().await;
    rig.receive_sent_message(sent(0)).await;
    rig.request_setting(SettingValue::Read(true), 100_000).await;
    rig.request_setting(SettingValue::Read(false), 100_010).await;
    rig.receive_read(sent(0), 100_000).await;
    let action = rig.waiting().await.remove(0);
    assert_eq!((action.desired, action.previous_read(), action.unread), (SettingValue::Read(false), None, 0));
}

#[tokio::test]
async fn a_replayed_mark_implies_that_the_chat_was_read_up_to_it() {
    let rig = Rig::new().await;
    for number in 0..3 {
        rig.receive_sent_message(sent(number)).await;
    }
    let up_to = Some(MessageMarker { at: sent(1).at(), wa_ids: vec![sent(1).wa_id()] });
    let marked = |as_of, replayed| {
        let (chat, value, up_to) = (rig.jid.clone(), SettingValue::Read(false), up_to.clone());
        SessionEvent::Setting { chat, value, as_of, up_to, replayed }
    };
    // Another companion may mark an unread chat, and phones report a reading separately: outside of a replay, a mark
    // implies no reading.
    for (as_of, replayed, unread) in [(200_000, false, 3), (200_000, true, 3), (200_001, true, 1)] {
        rig.receive(marked(as_of, replayed)).await;
        assert_eq!(
            (rig.unread().await, rig.chat().await.settings.marked_unread.value),
            (unread, true),
            "{as_of} {replayed}"
        );
    }
}

#[tokio::test]
async fn reading_on_the_phone_survives_a_rejected_request() {
    let rig = Rig::new().await;
    for number in 0..3 {
        rig.receive_sent_message(sent(number)).await;
    }
    rig.request_setting(SettingValue::Read(true), 100_000).await;
    rig.receive_sent_message(sent(3)).await;
    // Before the request, the phone read two of the three messages that the request cleared.
    rig.receive_read(sent(1), 90_000).await;
    let (chat, setting, version) = (rig.chat, Setting::Read, rig.waiting().await[0].version);
    rig.receive(SessionEvent::ActionRejected { chat, setting, version, reason: "no".into() }).await;
    assert_eq!(rig.unread().await, 2);
}

/// In any order of messages and readings, the result equals the phone's: the others' messages after the last one that
/// was read or written there.
#[tokio::test]
async fn the_result_does_not_depend_on_when_a_receipt_arrives() {
    let mut rig = Rig::new().await;
    for (user, seed) in (100..).zip(0..40_u64) {
        let mut random = Random(seed);
        Chat { id: rig.chat, jid: rig.jid, .. } = rig.test.add_chat(user, 1).await;
        let all: Vec<_> = (0..12).map(|number| Sent { number, from_me: random.below(6) == 0 }).collect();
        let read: Vec<_> = (0..random.below(4)).map(|_| all[random.below(12)]).collect();
        let mut news: Vec<_> = all.iter().map(|message| (*message, false)).collect();
        // Sometimes repeated, anywhere among the messages.
        for message in read.iter().chain(read.first()) {
            news.insert(random.below(news.len() + 1), (*message, true));
        }
        for (message, is_read) in &news {
            if *is_read {
                rig.receive_read(*message, 500_000 + message.number).await;
            } else {
                rig.receive_sent_message(*message).await;
            }
        }
        let written = all.iter().filter(|message| message.from_me);
        let seen = written.chain(&read).map(|message| message.number).max().unwrap_or(-1);
        let behind = all.iter().filter(|message| !message.from_me && message.number > seen).count();
        assert_eq!(usize::try_from(rig.unread().await), Ok(behind), "seed {seed}: {news:?}");
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("small") % end
    }
}
