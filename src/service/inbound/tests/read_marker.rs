//! Compares the rules for unread messages with a simple model that keeps all events.

use std::{cell::Cell, collections::BTreeSet};

use proptest::{
    collection::vec,
    prelude::{Just, Strategy},
    strategy::Union,
};

use super::*;
use crate::domain::message_marker::MessageMarker;

const MESSAGES: usize = 9;

/// Events about a chat, in any order and any number of times.
#[derive(Debug, Clone)]
enum TestEvent {
    /// The message with this number.
    Message(usize),
    /// Another device has read up to this message.
    Read(usize),
    /// Another device has read up to this time.
    ReadUntil(i64),
    /// A receipt names these messages.
    Receipt(usize, usize),
    /// Marked as unread on a device, as of this time.
    Marked(i64),
    /// A caller reads the chat, and WhatsApp accepts it.
    Asked,
}

fn event() -> impl Strategy<Value = TestEvent> {
    let number = 0..MESSAGES;
    let message = || number.clone().prop_map(TestEvent::Message);
    Union::new([
        message().boxed(),
        message().boxed(),
        message().boxed(),
        number.clone().prop_map(TestEvent::Read).boxed(),
        (9_000..14_000_i64).prop_map(TestEvent::ReadUntil).boxed(),
        (number.clone(), number.clone()).prop_map(|(one, other)| TestEvent::Receipt(one, other)).boxed(),
        (9_000..14_000_i64).prop_map(TestEvent::Marked).boxed(),
        Just(TestEvent::Asked).boxed(),
    ])
}

/// Three messages a second.
fn at(number: usize) -> i64 {
    (10 + i64::try_from(number / 3).expect("small")) * 1_000
}

/// All events so far. The unread messages are recomputed from it each time.
#[derive(Debug, Default)]
struct Model {
    own: Vec<bool>,
    /// The present messages in order of arrival. A revoked message is removed.
    arrived: Vec<usize>,
    /// Messages that were read, with all before them.
    read: BTreeSet<usize>,
    /// The same, if only the message implies it: everything before the message is read once it is present.
    receipts: BTreeSet<usize>,
    until: Option<i64>,
    /// The mark and its time.
    marked: (bool, i64),
}

impl Model {
    fn apply(&mut self, event: &TestEvent) {
        match event {
            TestEvent::Message(number) if !self.arrived.contains(number) => {
                self.arrived.push(*number);
                if self.own[*number] {
                    self.read.insert(*number);
                    // In the same second, the message counts as later.
                    let same_second = at(*number) / 1_000 == self.marked.1 / 1_000;
                    self.mark(false, if same_second { self.marked.1 } else { at(*number) });
                }
            }
            TestEvent::Message(_) => {}
            TestEvent::Read(number) => {
                self.read.insert(*number);
                self.mark(false, at(*number) + 1);
            }
            TestEvent::ReadUntil(until) => {
                self.until = self.until.max(Some(*until));
                self.mark(false, *until);
            }
            TestEvent::Receipt(one, other) => {
                let others: Vec<_> = [*one, *other].into_iter().filter(|number| !self.own[*number]).collect();
                // The time of the reading matters only to the mark, and only if one of the messages is known.
                if others.iter().any(|number| self.arrived.contains(number)) {
                    self.mark(false, RECEIVED);
                }
                self.receipts.extend(others);
            }
            TestEvent::Marked(as_of) => self.mark(true, *as_of),
            TestEvent::Asked => {
                let last = self.arrived.iter().enumerate().max_by_key(|(place, number)| (at(**number), *place));
                let last = last.map(|(_, number)| *number);
                // Otherwise there is nothing to request.
                if self.unread() > 0 || self.marked.0 {
                    self.read.extend(last);
                    // There is no message that could be the end of the range.
                    self.until = if last.is_none() { Some(ASKED) } else { self.until };
                    self.mark(false, ASKED);
                }
            }
        }
    }

    fn mark(&mut self, marked: bool, as_of: i64) {
        if as_of >= self.marked.1 {
            self.marked = (marked, as_of);
        }
    }

    fn unread(&self) -> usize {
        let place = |number: usize| self.arrived.iter().position(|other| *other == number);
        let here = |number: &&usize| place(**number).is_some();
        let is_read = |number: usize| {
            let with = |last: usize| last == number || at(last) == at(number) && place(last) > place(number);
            let before = |last: usize| at(number) < at(last) || with(last);
            self.until.is_some_and(|until| at(number) <= until)
                || self.read.iter().any(|last| before(*last))
                || self.receipts.iter().filter(here).any(|last| before(*last))
        };
        self.arrived.iter().filter(|number| !self.own[**number] && !is_read(**number)).count()
    }
}

/// The times of receipts and of callers' requests: after all other events, so that the mark is then removed.
const RECEIVED: i64 = 20_000;
const ASKED: i64 = 20_001;

/// Sends the same event to the store.
async fn deliver(rig: &Rig, own: &[bool], whose: usize, event: &TestEvent) {
    let wa_id = |number: usize| format!("{whose}-{number}");
    let read = async |as_of, up_to| {
        let (chat, value) = (rig.jid.clone(), SettingValue::Read(true));
        rig.receive(SessionEvent::Setting { chat, value, as_of, up_to, replayed: false }).await;
    };
    match event {
        TestEvent::Message(number) => rig.receive_message(&wa_id(*number), own[*number], at(*number)).await,
        TestEvent::Read(number) => {
            let up_to = MessageMarker { at: at(*number), wa_ids: vec![wa_id(*number)] };
            read(at(*number) + 1, Some(up_to)).await;
        }
        TestEvent::ReadUntil(until) => read(*until, None).await,
        TestEvent::Receipt(one, other) => {
            let numbers = [*one, *other].into_iter().filter(|number| !own[*number]);
            let wa_ids: Vec<_> = numbers.map(wa_id).collect();
            if !wa_ids.is_empty() {
                let chat = "15550100@s.whatsapp.net".parse().ok();
                rig.receive(SessionEvent::ReadOnOtherDevice { chat, wa_ids, at: RECEIVED }).await;
            }
        }
        TestEvent::Marked(as_of) => rig.receive_setting(SettingValue::Read(false), *as_of).await,
        TestEvent::Asked => {
            if rig.chat().await.setting(Setting::Read) == SettingValue::Read(true) {
                return;
            }
            rig.request_setting(SettingValue::Read(true), ASKED).await;
            let waiting = rig.waiting().await;
            let action = waiting.iter().find(|action| action.chat == rig.chat).expect("an action");
            let up_to = action.range.as_ref();
            let up_to = up_to.map(|last| MessageMarker { at: last.at, wa_ids: vec![last.wa_id.clone()] });
            read(ASKED, up_to).await;
            rig.receive_action_sent(SettingValue::Read(true), action.version).await;
        }
    }
}

#[test]
fn the_unread_count_follows_the_model_for_events_in_any_order() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rig = tokio::sync::Mutex::new(runtime.block_on(Rig::new()));
    let cases = if crate::store::tests::on_postgres() { 15 } else { 50 };
    let own = vec(proptest::bool::weighted(0.2), MESSAGES);
    let whose = Cell::new(10_usize);
    let followed = seeded::runner(cases, 100).run(&(vec(event(), 1..20), own), |(events, own)| {
        whose.set(whose.get() + 1);
        runtime.block_on(async {
            let mut rig = rig.lock().await;
            // A separate chat without messages.
            let made = rig.test.add_chat(whose.get(), 1).await;
            (rig.chat, rig.jid) = (made.id, made.jid);
            let mut model = Model { own: own.clone(), ..Model::default() };
            for (place, it) in events.iter().enumerate() {
                model.apply(it);
                deliver(&rig, &own, whose.get(), it).await;
                let chat = rig.chat().await;
                let shown = (usize::try_from(chat.unread_count).expect("small"), chat.settings.marked_unread.value);
                proptest::prop_assert_eq!(shown, (model.unread(), model.marked.0), "after {} of {:?}", place, events);
            }
            Ok(())
        })
    });
    followed.expect("matches the model");
}
