//! Random stories of one person with two addresses: the result is the same, whenever the session learns that they are
//! one person's.

use proptest::{
    prelude::{Strategy, any},
    sample::{Index, select},
    strategy::{Just, Union},
};

use super::{identity::person, *};
use crate::domain::{message_marker::MessageMarker, person::Person};

/// Events in the chat with a person; `lid` selects the address.
#[derive(Debug, Clone)]
enum TestEvent {
    /// The message with this number, possibly repeated.
    Message { number: usize, lid: bool },
    /// A setting, of a time up to now: times decide if there is no other order.
    Setting { value: SettingValue, lid: bool, ago: i64 },
    /// Another device has read up to a message that may not have arrived yet.
    Read { number: usize, lid: bool, ago: i64 },
    /// Another device has read the chat, without naming a message.
    ReadAll { lid: bool, ago: i64 },
    /// A receipt for a message that may not have arrived yet.
    Receipt { number: usize },
    /// The phone's history up to a message. `unread` selects how many of the last ones are unread.
    History { number: usize, unread: Index, lid: bool },
    /// A caller requests a setting.
    Asked { value: SettingValue, lid: bool },
    /// WhatsApp accepts all pending actions.
    Sent,
}

const MESSAGES: usize = 10;

fn settings() -> impl Strategy<Value = SettingValue> {
    select(vec![
        SettingValue::Archived(true),
        SettingValue::Archived(false),
        SettingValue::Pinned(true),
        SettingValue::Pinned(false),
        SettingValue::MutedUntil(Some(4_000_000_000_000)),
        SettingValue::MutedUntil(None),
    ])
}

fn event() -> impl Strategy<Value = TestEvent> {
    let (number, ago) = (0..MESSAGES, 0..3_000_i64);
    let (any_lid, mark) = (any::<bool>(), Just(SettingValue::Read(false)));
    let message = || (number.clone(), any_lid).prop_map(|(number, lid)| TestEvent::Message { number, lid });
    let value = Union::new([settings().boxed(), mark.boxed()]);
    Union::new([
        message().boxed(),
        message().boxed(),
        message().boxed(),
        (value, any_lid, ago.clone()).prop_map(|(value, lid, ago)| TestEvent::Setting { value, lid, ago }).boxed(),
        (number.clone(), any_lid, ago.clone())
            .prop_map(|(number, lid, ago)| TestEvent::Read { number, lid, ago })
            .boxed(),
        (any_lid, ago).prop_map(|(lid, ago)| TestEvent::ReadAll { lid, ago }).boxed(),
        number.clone().prop_map(|number| TestEvent::Receipt { number }).boxed(),
        (number, any::<Index>(), any_lid)
            .prop_map(|(number, unread, lid)| TestEvent::History { number, unread, lid })
            .boxed(),
        (settings(), any_lid).prop_map(|(value, lid)| TestEvent::Asked { value, lid }).boxed(),
        Just(TestEvent::Sent).boxed(),
    ])
}

/// A person's story, applied to a store.
struct Story<'a> {
    rig: &'a Rig,
    person: Person,
    /// True for each message that the account itself wrote.
    own: &'a [bool],
    /// Three messages a second instead of one.
    dense: bool,
}

impl Story<'_> {
    fn address(&self, lid: bool) -> &Jid {
        if lid { &self.person.lid } else { &self.person.phone }
    }

    fn wa_id(&self, number: usize) -> String {
        format!("{}-{number}", self.person.phone.user())
    }

    fn at(&self, number: usize) -> i64 {
        let second = if self.dense { number / 3 } else { number };
        (10 + i64::try_from(second).expect("small")) * 1_000
    }

    fn history(&self, number: usize, unread: Index, jid: &Jid) -> HistoryChat {
        let message = |number: usize| IncomingMessage {
            chat: jid.clone(),
            wa_id: self.wa_id(number),
            sender: if self.own[number] { "15550100@s.whatsapp.net".parse().expect("a JID") } else { jid.clone() },
            sender_name: None,
            from_me: self.own[number],
            kind: MessageKind::Text,
            text: Some("Yes!".into()),
            at: self.at(number),
        };
        // The account has read what it answered.
        let others = (0..=number).rev().take_while(|number| !self.own[*number]).count();
        HistoryChat {
            jid: jid.clone(),
            name: None,
            archived: Some(false),
            pinned: None,
            muted_until: None,
            unread_count: u32::try_from(unread.index(others + 1)).ok(),
            marked_unread: None,
            last_message_at: Some(self.at(number)),
            messages: (0..=number).rev().map(message).collect(),
        }
    }

    /// Applies the event at `place`, at a time after the previous one. Returns true if it requests a setting that the
    /// chat with this address already shows.
    async fn apply(&self, place: usize, event: &TestEvent) -> bool {
        let (rig, place) = (self.rig, i64::try_from(place).expect("small"));
        // No two settings have the same time, nor the time of a message.
        let now = 8_000 + place * 400 + 399;
        let as_of = |ago: &i64| ((now - ago) / 400) * 400 + place + 1;
        match event {
            TestEvent::Message { number, lid } => {
                let at = self.at(*number);
                rig.receive_message_from(self.address(*lid), &self.wa_id(*number), self.own[*number], at).await;
            }
            TestEvent::Setting { value, lid, ago } => {
                let (chat, as_of) = (self.address(*lid).clone(), as_of(ago));
                rig.receive(SessionEvent::Setting { chat, value: *value, as_of, up_to: None, replayed: true }).await;
            }
            TestEvent::Read { number, lid, ago } => {
                let up_to = Some(MessageMarker { at: self.at(*number), wa_ids: vec![self.wa_id(*number)] });
                let (chat, value, as_of) = (self.address(*lid).clone(), SettingValue::Read(true), as_of(ago));
                rig.receive(SessionEvent::Setting { chat, value, as_of, up_to, replayed: true }).await;
            }
            TestEvent::ReadAll { lid, ago } => {
                let (chat, value, as_of) = (self.address(*lid).clone(), SettingValue::Read(true), as_of(ago));
                rig.receive(SessionEvent::Setting { chat, value, as_of, up_to: None, replayed: true }).await;
            }
            TestEvent::Receipt { number } if !self.own[*number] => {
                let chat = "15550100@s.whatsapp.net".parse().ok();
                rig.receive(SessionEvent::ReadOnOtherDevice { chat, wa_ids: vec![self.wa_id(*number)], at: now - 398 })
                    .await;
            }
            TestEvent::History { number, unread, lid } => {
                let chats = vec![self.history(*number, *unread, self.address(*lid))];
                rig.receive(SessionEvent::History(HistoryChunk { chats, ..HistoryChunk::default() })).await;
            }
            TestEvent::Asked { value, lid } => {
                let chat = rig.find(self.address(*lid)).await.expect("both have a chat");
                rig.request_setting_of(self.address(*lid), *value, now).await.expect("accepted");
                return chat.setting(value.setting()) == *value;
            }
            TestEvent::Sent => {
                for action in self.waiting().await {
                    let PendingAction { chat, desired, version, .. } = action;
                    rig.receive(SessionEvent::ActionSent { chat, desired, version }).await;
                }
            }
            TestEvent::Receipt { .. } => {}
        }
        false
    }

    async fn waiting(&self) -> Vec<PendingAction> {
        let mut chats = Vec::new();
        for jid in [&self.person.phone, &self.person.lid] {
            chats.extend(self.rig.find(jid).await.map(|chat| chat.id));
        }
        self.rig.waiting().await.into_iter().filter(|action| chats.contains(&action.chat)).collect()
    }

    /// The visible state of the person's chat as text, without random ids and without names, which have no time.
    async fn end(&self) -> String {
        let name = |jid: &Jid| {
            if *jid == self.person.lid {
                "lid"
            } else if *jid == self.person.phone {
                "phone"
            } else {
                "own"
            }
        };
        let Some(chat) = self.rig.find(&self.person.lid).await else { return String::new() };
        assert_eq!(self.rig.find(&self.person.phone).await.map(|chat| chat.id), Some(chat.id));
        let place = |wa_id: &str| wa_id.rsplit('-').next().expect("a number").to_owned();
        let messages = self.rig.messages_of(chat.id).await;
        let messages: Vec<_> = messages.iter().map(|(id, sender, at)| (place(id), name(sender), *at)).collect();
        let address = chat.address.as_ref().map(|address| (name(&address.value), address.as_of));
        let waiting = self.waiting().await;
        let mut waiting: Vec<_> = waiting
            .iter()
            .map(|it| (it.desired.setting(), it.desired, it.base, it.base_as_of, it.requested_at, name(&it.address)))
            .collect();
        waiting.sort_by_key(|(setting, ..)| *setting);
        let aliases: Vec<_> = self.rig.addresses_of(chat.id).await.iter().map(name).collect();
        let named = (name(&chat.jid), aliases, address);
        let settings = chat.settings.clone();
        let counted = (chat.unread_count, chat.last_message.map(|last| last.at), messages);
        format!("{named:?}\n{settings:?}\n{counted:?}\n{:?}", (chat.pending, waiting))
    }
}

#[test]
fn when_two_addresses_are_linked_does_not_change_the_outcome() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rig = runtime.block_on(Rig::new());
    // A session learns its own two addresses when it is paired.
    let own = ["15550100@s.whatsapp.net", "900000000000001@lid"].map(|jid| jid.parse::<Jid>().expect("a JID"));
    runtime.block_on(rig.receive_person(&Person::new(&own[0], &own[1]).expect("a person")));
    let cases = if crate::store::tests::on_postgres() { 10 } else { 25 };
    let own = proptest::collection::vec(proptest::bool::weighted(0.2), MESSAGES);
    let story = (proptest::collection::vec(event(), 1..14), own, any::<Index>());
    let mut people = (1_000..).map(person);
    let people = std::cell::RefCell::new(&mut people);
    let outcome = seeded::runner(cases, 100).run(&story, |(generated, own, learned)| {
        // The phone sends one history, and callers request nothing before a chat exists.
        let has_history = generated.iter().any(|it| matches!(it, TestEvent::History { .. }));
        let mut events = Vec::new();
        if generated.iter().any(|it| matches!(it, TestEvent::Asked { .. })) {
            events.extend([TestEvent::Message { number: 0, lid: false }, TestEvent::Message { number: 1, lid: true }]);
        }
        for it in generated {
            if !(matches!(it, TestEvent::History { .. })
                && events.iter().any(|other| matches!(other, TestEvent::History { .. })))
            {
                events.push(it);
            }
        }
        // A receipt for a message in two chats applies to neither, as ids are chosen by the senders.
        let addresses = |wanted: usize| {
            let lids = events.iter().filter_map(|it| match it {
                TestEvent::Message { number, lid } if *number == wanted => Some(*lid),
                TestEvent::History { number, lid, .. } if *number >= wanted => Some(*lid),
                _ => None,
            });
            lids.collect::<std::collections::BTreeSet<_>>().len()
        };
        let ambiguous: Vec<_> = (0..MESSAGES).filter(|number| addresses(*number) > 1).collect();
        events.retain(|it| !matches!(it, TestEvent::Receipt { number } if ambiguous.contains(number)));
        // Where an own message belongs among others of its second is not known if two chats have it in different orders.
        events.retain(|it| {
            let is_ambiguous = |number: usize| !has_history && own[number] && ambiguous.contains(&number);
            !matches!(it, TestEvent::Message { number, lid: true } if is_ambiguous(*number))
        });
        let (mut ends, mut granted) = (Vec::new(), Vec::new());
        for learned in [0, learned.index(events.len() + 1), events.len()] {
            let person = people.borrow_mut().next().expect("a person");
            let story = Story { rig: &rig, person, own: &own, dense: !has_history };
            runtime.block_on(async {
                let mut wishes = Vec::new();
                for (place, it) in events.iter().enumerate() {
                    if place == learned {
                        story.rig.receive_person(&story.person).await;
                    }
                    wishes.push(story.apply(place, it).await);
                }
                story.rig.receive_person(&story.person).await;
                ends.push(story.end().await);
                granted.push(wishes);
                // No pending action remains for the events that follow.
                story.apply(events.len(), &TestEvent::Sent).await;
            });
        }
        // A request for the current value of one of two chats has no effect. It has one if there is a single chat with
        // the other's newer setting: requests depend on the chats that callers see.
        proptest::prop_assume!(granted.iter().all(|wishes| *wishes == granted[0]));
        proptest::prop_assert_eq!(&ends[0], &ends[1], "learned at {:?} of {:?}", learned, events);
        proptest::prop_assert_eq!(&ends[0], &ends[2], "learned last, of {:?}", events);
        Ok(())
    });
    outcome.expect("the same end");
}
