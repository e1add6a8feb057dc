//! Events are read and stored in batches. The result equals that of single events, for each row and each change.

use chatgraph_entity::{change, chat, message, peer, peer_address, pending_action, tombstone};
use proptest::{
    collection::vec,
    prelude::{Strategy, any},
    sample::select,
    strategy::Union,
};
use sea_orm::{ColumnTrait as _, DatabaseConnection, EntityTrait as _, QueryFilter as _};

use super::*;
use crate::{
    domain::{id::SessionId, message_marker::MessageMarker, person::Person},
    service::{
        chat::delete::DeleteChat,
        inbound::{
            context::InboundContext,
            history::{self, ImportCounts},
        },
    },
    store::tests::add_session,
};

const OWN: &str = "15550100@s.whatsapp.net";
const OWN_LID: &str = "900000000000001@lid";
const NOW: i64 = 1_000_000;

/// One of five people, by number or LID, or one of two groups.
#[derive(Debug, Clone, Copy)]
struct TestPerson {
    number: usize,
    lid: bool,
}

impl TestPerson {
    fn jid(self) -> Jid {
        let text = match self {
            Self { number: 5.., .. } => format!("12036300000000000{}@g.us", self.number),
            Self { lid: true, .. } => format!("20000000000000{}@lid", self.number),
            Self { lid: false, .. } => format!("1556000000{}@s.whatsapp.net", self.number),
        };
        text.parse().expect("a JID")
    }

    /// Both addresses; for a group, those of the first person.
    fn person(self) -> Person {
        let number = if self.number < 5 { self.number } else { 0 };
        let [phone, lid] = [false, true].map(|lid| Self { number, lid }.jid());
        Person { phone, lid }
    }

    /// The message with this number in the chat. Pairs of an even and an odd number are in the same second.
    fn message(self, number: usize) -> IncomingMessage {
        let (chat, from_me) = (self.jid(), number % 5 == 3);
        // In a group, senders are always named by number: the same message under another address would be another
        // message.
        let own = if self.lid && self.number < 5 { OWN_LID } else { OWN };
        let other = Self { number: number % 5, lid: false };
        IncomingMessage {
            wa_id: format!("{}-{number}", self.number),
            sender: match (from_me, self.number) {
                (true, _) => own.parse().expect("a JID"),
                (false, 5..) => other.jid(),
                (false, _) => chat.clone(),
            },
            sender_name: (!from_me).then(|| format!("P{number}")),
            chat,
            from_me,
            kind: MessageKind::Text,
            text: Some(format!("Message {number}")),
            at: i64::try_from(number / 2).expect("small") * 1_000,
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// A part of a history.
    History(HistoryChunk),
    /// Events that were queued together.
    Events(Vec<SessionEvent>),
    /// A caller deletes a chat.
    Deleted(Jid),
    /// A caller requests a setting.
    Asked(Jid, SettingValue),
}

fn test_person() -> impl Strategy<Value = TestPerson> {
    (0..7_usize, any::<bool>()).prop_map(|(number, lid)| TestPerson { number, lid })
}

fn setting() -> impl Strategy<Value = SettingValue> {
    select(vec![
        SettingValue::Archived(true),
        SettingValue::Archived(false),
        SettingValue::Pinned(true),
        SettingValue::MutedUntil(Some(4_000_000_000_000)),
        SettingValue::Read(true),
        SettingValue::Read(false),
    ])
}

fn event() -> impl Strategy<Value = SessionEvent> {
    Union::new([
        (test_person(), 0..4_u8)
            .prop_map(|(who, name)| SessionEvent::ContactNamed { jid: who.jid(), name: format!("Name {name}") })
            .boxed(),
        test_person().prop_map(|who| SessionEvent::SamePerson { people: vec![who.person()], at: 0 }).boxed(),
    ])
}

fn setting_event() -> impl Strategy<Value = SessionEvent> {
    let place = (0..2_i64).prop_map(|second| MessageMarker { at: second * 1_000, wa_ids: Vec::new() });
    let place = proptest::option::of(place);
    (test_person(), setting(), 0..9_i64, any::<bool>(), place).prop_map(|(who, value, as_of, replayed, up_to)| {
        let up_to = up_to.filter(|_| value.setting() == Setting::Read);
        SessionEvent::Setting { chat: who.jid(), value, as_of, up_to, replayed }
    })
}

fn history_chat() -> impl Strategy<Value = HistoryChat> {
    let (flag, count) = (|| proptest::option::of(any::<bool>()), proptest::option::of(0..8_u32));
    let messages = proptest::option::weighted(0.8, 0..4_usize);
    (test_person(), messages, count, flag(), flag(), proptest::option::of(0..9_i64), flag()).prop_map(
        |(who, last, unread_count, archived, marked_unread, at, named)| HistoryChat {
            jid: who.jid(),
            name: named.filter(|named| *named).map(|_| format!("Chat {}", who.number)),
            archived,
            pinned: archived.map(|archived| (!archived).then_some(7_000)),
            muted_until: marked_unread.map(|marked| marked.then_some(3_000_000)),
            unread_count,
            marked_unread,
            last_message_at: at.map(|second| second * 1_000),
            // The newest first; sometimes with a duplicate.
            messages: last.map_or(Vec::new(), |last| {
                let all = (0..2 * last + 2).rev().map(|number| who.message(number));
                all.chain(at.map(|_| who.message(0))).collect()
            }),
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let history = (vec(test_person(), 0..4), vec(history_chat(), 0..8), vec((test_person(), 0..3_u8), 0..3));
    let history = history.prop_map(|(people, chats, names)| {
        Step::History(HistoryChunk {
            people: people.into_iter().map(TestPerson::person).collect(),
            chats,
            push_names: names.into_iter().map(|(who, name)| (who.jid(), format!("Push {name}"))).collect(),
            ..HistoryChunk::default()
        })
    });
    let message = (test_person(), 0..8_usize).prop_map(|(who, number)| who.message(number));
    Union::new_weighted(vec![
        (4, history.boxed()),
        (4, vec(event(), 1..12).prop_map(Step::Events).boxed()),
        (2, setting_event().prop_map(|event| Step::Events(vec![event])).boxed()),
        (4, message.prop_map(|message| Step::Events(vec![SessionEvent::Message(message)])).boxed()),
        (1, test_person().prop_map(|who| Step::Deleted(who.jid())).boxed()),
        (1, (test_person(), setting()).prop_map(|(who, value)| Step::Asked(who.jid(), value)).boxed()),
    ])
}

impl Rig {
    /// Executes one step in a session, with its events in one batch or one by one.
    async fn execute_step(&self, session: SessionId, step: &Step, together: bool) -> ImportCounts {
        let (store, organization) = (self.test.store.at(NOW), &self.test.organization);
        match step.clone() {
            Step::History(chunk) => {
                let imported: Result<ImportCounts, StoreError> = store
                    .write_session(organization, session, move |unit| {
                        Box::pin(async move {
                            let cx = &mut InboundContext { unit, session, origin: Origin::Import };
                            if together {
                                return history::chunk(cx, &chunk, None).await;
                            }
                            history::one_by_one(cx, &chunk, None).await
                        })
                    })
                    .await;
                return imported.expect("imported");
            }
            Step::Events(events) => {
                let parts: Vec<_> =
                    if together { vec![events] } else { events.into_iter().map(|it| vec![it]).collect() };
                for events in parts {
                    let applied: Result<(), StoreError> = store
                        .write_session(organization, session, move |unit| {
                            Box::pin(async move { apply_all(unit, session, &events).await })
                        })
                        .await;
                    applied.expect("applied");
                }
            }
            Step::Deleted(cid) => {
                let order = DeleteChat { session, cid };
                // The chat may not exist.
                let _: Result<_, Error> = store.write(organization, move |unit| Box::pin(order.execute(unit))).await;
            }
            Step::Asked(cid, desired) => {
                let (settings, range_hint) = (vec![desired], None);
                let order = UpdateChat { session, cid, settings, range_hint, max_pinned: 99 };
                let _: Result<_, Error> = store.write(organization, move |unit| Box::pin(order.execute(unit))).await;
            }
        }
        ImportCounts::default()
    }
}

/// All rows of a session, without random ids: chats are numbered in the order of their changes, messages by WhatsApp's
/// ids.
async fn rows(database: &DatabaseConnection, session: SessionId) -> String {
    let own = session.to_bytes();
    let mut changes =
        change::Entity::find().filter(change::Column::SessionId.eq(own.clone())).all(database).await.expect("changes");
    changes.sort_by_key(|change| change.number);
    let mut told: Vec<Vec<u8>> = Vec::new();
    for change in &changes {
        if !told.contains(&change.chat_id) {
            told.push(change.chat_id.clone());
        }
    }
    let chat = |id: &Vec<u8>| {
        vec![told.iter().position(|other| other == id).map_or(255, |place| u8::try_from(place).expect("few"))]
    };
    let messages = message::Entity::find().filter(message::Column::SessionId.eq(own.clone())).all(database).await;
    let mut messages = messages.expect("messages");
    messages.sort_by_key(|row| (chat(&row.chat_id), row.at, row.id.clone()));
    let names: Vec<_> = messages.iter().map(|row| (row.id.clone(), row.wa_id.clone())).collect();
    let wa_id = |id: &Option<Vec<u8>>| {
        let name = |id: &Vec<u8>| names.iter().find(|(known, _)| known == id).map_or("gone", |(_, name)| name).into();
        id.as_ref().map(name)
    };
    let writers = peer::Entity::find().filter(peer::Column::SessionId.eq(own.clone())).all(database).await;
    let writers: Vec<_> = writers.expect("peers").into_iter().map(|row| (row.id, row.jid)).collect();
    let writer = |id: &[u8]| {
        let found = writers.iter().find(|(known, _)| known == id);
        found.map_or("nobody", |(_, jid)| jid).as_bytes().to_vec()
    };
    let mut lines = Vec::new();
    for row in &messages {
        let row = message::Model {
            sender_id: writer(&row.sender_id),
            id: Vec::new(),
            session_id: Vec::new(),
            chat_id: chat(&row.chat_id),
            arrival: i64::from(row.arrival > 0),
            ..row.clone()
        };
        lines.push(format!("{row:?}"));
    }
    // Rows without an organization are still to be deleted.
    let chats = chat::Entity::find().filter(chat::Column::SessionId.eq(own.clone()));
    let chats = chats.filter(chat::Column::Organization.ne("")).all(database).await;
    let mut rest: Vec<_> = chats
        .expect("chats")
        .into_iter()
        .map(|row| chat::Model {
            id: chat(&row.id),
            session_id: Vec::new(),
            last_message_id: wa_id(&row.last_message_id),
            arrivals: i64::from(row.arrivals > 0),
            ..row
        })
        .map(|row| format!("{row:?}"))
        .collect();
    let peers =
        peer::Entity::find().filter(peer::Column::SessionId.eq(own.clone())).all(database).await.expect("peers");
    let periods = peer_address::Entity::find().filter(peer_address::Column::SessionId.eq(own.clone()));
    let mut periods = periods.all(database).await.expect("addresses");
    periods.sort_by_key(|row| (row.jid.clone(), row.from_at));
    for row in &peers {
        let own = periods.iter().filter(|period| period.peer_id == row.id);
        let own: Vec<_> = own.map(|period| (&period.jid, period.from_at == 0, period.until_at.is_some())).collect();
        rest.push(format!("peer {} {:?} {own:?}", row.jid, row.chat_id.as_ref().map(chat)));
    }
    let gone = tombstone::Entity::find().filter(tombstone::Column::SessionId.eq(own.clone())).all(database).await;
    let gone = gone.expect("tombstones").into_iter();
    rest.extend(
        gone.map(|row| tombstone::Model { chat_id: chat(&row.chat_id), session_id: Vec::new(), ..row })
            .map(|row| format!("{row:?}")),
    );
    let waiting = pending_action::Entity::find().filter(pending_action::Column::SessionId.eq(own)).all(database).await;
    rest.extend(
        waiting
            .expect("actions")
            .into_iter()
            .map(|row| pending_action::Model { chat_id: chat(&row.chat_id), session_id: Vec::new(), version: 0, ..row })
            .map(|row| format!("{row:?}")),
    );
    rest.sort();
    lines.extend(rest);
    lines.extend(changes.iter().map(|row| {
        let row = change::Model {
            number: 0,
            session_id: Vec::new(),
            chat_id: chat(&row.chat_id),
            // If a message arrived under both addresses, one copy is deleted when the chats are merged.
            last_message_id: row.last_message_id.as_ref().map(|_| Vec::new()),
            merged_into: row.merged_into.as_ref().map(chat),
            replaces: row.replaces.as_ref().map(chat),
            ..row.clone()
        };
        format!("{row:?}")
    }));
    lines.join("\n")
}

#[test]
fn a_batch_ends_in_the_same_rows_and_changes_as_single_events() {
    check(vec(step(), 1..12));
}

#[test]
fn messages_that_wait_together_end_in_the_same_rows_and_changes_as_single_ones() {
    let message = (test_person(), 0..8_usize).prop_map(|(who, number)| SessionEvent::Message(who.message(number)));
    let event = Union::new_weighted(vec![(3, message.boxed()), (1, event().boxed())]);
    check(vec(vec(event, 1..12).prop_map(Step::Events), 1..8));
}

/// Executes steps in one session with their events in batches, and in another one by one, and compares the two.
fn check(steps: impl Strategy<Value = Vec<Step>>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rig = runtime.block_on(Rig::new());
    let database = runtime.block_on(sea_orm::Database::connect(rig.test.database.url())).expect("a connection");
    let cases = if crate::store::tests::on_postgres() { 20 } else { 40 };
    let done = seeded::runner(cases, 200).run(&steps, |steps| {
        let (rows, brought) = runtime.block_on(async {
            let (mut all, mut brought) = (Vec::new(), Vec::new());
            for together in [true, false] {
                let session = add_session(&rig.test.store, &rig.test.organization).await;
                let mut imports = Vec::new();
                // A session learns its own two addresses when it is paired.
                let [own, lid] = [OWN, OWN_LID].map(|jid| jid.parse().expect("a JID"));
                let own = SessionEvent::SamePerson { people: Person::new(&own, &lid).into_iter().collect(), at: 0 };
                rig.execute_step(session, &Step::Events(vec![own]), together).await;
                for step in &steps {
                    let ImportCounts { chats, messages } = rig.execute_step(session, step, together).await;
                    imports.push((chats, messages));
                }
                all.push(rows(&database, session).await);
                brought.push(imports);
            }
            (all, brought)
        });
        proptest::prop_assert_eq!(&rows[0], &rows[1], "{:#?}", steps);
        proptest::prop_assert_eq!(&brought[0], &brought[1], "{:#?}", steps);
        Ok(())
    });
    done.expect("the same end");
}
