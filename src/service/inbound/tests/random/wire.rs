//! Translates deliveries to events of the session and applies them to a real store.

use std::sync::Arc;

use super::{
    delivery::{Delivery, Envelope, HistoryPart, Point},
    model::{Address, MUTE_END, Value},
    run::Act,
    *,
};
use crate::{
    domain::{message::MessageUpdate, message_marker::MessageMarker, person::Person, setting::SettingValue},
    service::chat::delete::DeleteChat,
    session::UpdatedMessage,
};

/// A session in a store.
pub(super) struct Stage<'a> {
    pub(super) test: &'a TestStore,
    pub(super) store: Store,
    pub(super) key: SessionKey,
}

impl<'a> Stage<'a> {
    pub(super) async fn new(test: &'a TestStore) -> Self {
        let session = crate::store::tests::add_session(&test.store, &test.organization).await;
        let key = SessionKey { organization: test.organization.clone(), session };
        Self { test, store: test.store.clone(), key }
    }

    /// Executes an action of the story. Fails if the store rejects it.
    pub(super) async fn act(&mut self, now: i64, act: &Act) -> Result<(), String> {
        match act {
            Act::Deliver(delivery) => self.apply(events(delivery), now).await.map_err(|error| format!("{error:?}")),
            Act::DeleteHere(addresses) => {
                for address in addresses {
                    self.delete(*address, now).await?;
                }
                Ok(())
            }
            Act::Restart => {
                self.store = self.test.another().await;
                Ok(())
            }
        }
    }

    async fn apply(&self, events: Vec<SessionEvent>, now: i64) -> Result<(), StoreError> {
        for event in events {
            let SessionKey { organization, session } = &self.key;
            let (session, events) = (*session, Arc::new([event]));
            self.store
                .at(now)
                .write_session(organization, session, move |unit| {
                    let events = Arc::clone(&events);
                    Box::pin(async move { apply_all(unit, session, &*events).await })
                })
                .await?;
        }
        Ok(())
    }

    async fn delete(&self, address: Address, now: i64) -> Result<(), String> {
        let SessionKey { organization, session } = &self.key;
        let order = DeleteChat { session: *session, cid: jid(address) };
        match self.store.at(now).write(organization, move |unit| Box::pin(order.clone().execute(unit))).await {
            Ok(_) | Err(Error::ChatNotFound) => Ok(()),
            Err(error) => Err(format!("deleting the chat {address:?}: {error:?}")),
        }
    }
}

/// An address as a domain value.
pub(super) fn jid(address: Address) -> Jid {
    address.text().parse().expect("a JID")
}

fn person(number: Address, lid: Address) -> Vec<Person> {
    Person::new(&jid(number), &jid(lid)).into_iter().collect()
}

fn marker(point: &Point) -> MessageMarker {
    MessageMarker { at: point.at, wa_ids: point.ids.clone() }
}

fn desired(value: Value) -> SettingValue {
    match value {
        Value::Archived(on) => SettingValue::Archived(on),
        Value::Pinned(on) => SettingValue::Pinned(on),
        Value::Muted(on) => SettingValue::MutedUntil(on.then_some(MUTE_END)),
        Value::MarkedUnread(on) => SettingValue::Read(!on),
    }
}

fn message(envelope: &Envelope) -> IncomingMessage {
    IncomingMessage {
        chat: jid(envelope.chat),
        wa_id: envelope.id.clone(),
        sender: jid(envelope.sender),
        sender_name: None,
        from_me: envelope.from_me,
        kind: MessageKind::Text,
        text: Some(envelope.text.clone()),
        at: envelope.at,
    }
}

fn rewriting(envelope: &Envelope, rewrite: MessageUpdate) -> UpdatedMessage {
    UpdatedMessage {
        chat: jid(envelope.chat),
        wa_id: envelope.id.clone(),
        sender: jid(envelope.sender),
        from_me: envelope.from_me,
        rewrite,
    }
}

/// A message as a history has it. A revoked one has no content.
fn recorded(envelope: &Envelope) -> IncomingMessage {
    let message = message(envelope);
    if !envelope.revoked {
        return message;
    }
    IncomingMessage { kind: MessageKind::Other, text: None, ..message }
}

/// The rewriting of a message that a history reports.
fn history_rewriting(envelope: &Envelope) -> Option<UpdatedMessage> {
    if envelope.revoked {
        return Some(rewriting(envelope, MessageUpdate::Revocation));
    }
    let as_of = envelope.edited?;
    Some(rewriting(envelope, MessageUpdate::Edit { text: Some(envelope.text.clone()), as_of }))
}

fn history_chat(part: &HistoryPart) -> HistoryChat {
    HistoryChat {
        jid: jid(part.chat),
        name: None,
        archived: Some(part.archived),
        pinned: Some(part.pinned),
        muted_until: Some(part.muted.then_some(MUTE_END)),
        unread_count: u32::try_from(part.unread).ok(),
        marked_unread: Some(part.marked),
        last_message_at: part.last_at,
        messages: part.messages.iter().map(recorded).collect(),
    }
}

/// The session events for a delivery.
fn events(delivery: &Delivery) -> Vec<SessionEvent> {
    let event = match delivery {
        Delivery::Paired => {
            let (number, lid) = (Address::OwnNumber, Address::OwnLid);
            let paired = SessionEvent::Paired { jid: jid(number), lid: Some(jid(lid)) };
            return vec![paired, SessionEvent::SamePerson { people: person(number, lid), at: 0 }];
        }
        Delivery::LoggedOut => SessionEvent::Status { status: SessionStatus::LoggedOut, reason: None },
        Delivery::Message(envelope) => SessionEvent::Message(message(envelope)),
        Delivery::Edit { envelope, text, as_of } => SessionEvent::MessageUpdated(rewriting(
            envelope,
            MessageUpdate::Edit { text: Some(text.clone()), as_of: *as_of },
        )),
        Delivery::Revocation { envelope } => {
            SessionEvent::MessageUpdated(rewriting(envelope, MessageUpdate::Revocation))
        }
        Delivery::Receipt { chat, id, at } => {
            SessionEvent::ReadOnOtherDevice { chat: chat.map(jid), wa_ids: vec![id.clone()], at: *at }
        }
        Delivery::Setting { chat, value, as_of, up_to, replayed } => SessionEvent::Setting {
            chat: jid(*chat),
            value: desired(*value),
            as_of: *as_of,
            up_to: up_to.as_ref().map(marker),
            replayed: *replayed,
        },
        Delivery::Read { chat, as_of, up_to } => SessionEvent::Setting {
            chat: jid(*chat),
            value: SettingValue::Read(true),
            as_of: *as_of,
            up_to: Some(marker(up_to)),
            replayed: false,
        },
        Delivery::Emptied { chat, up_to, as_of, deleted } => {
            SessionEvent::ChatCleared { chat: jid(*chat), up_to: marker(up_to), as_of: *as_of, deleted: *deleted }
        }
        Delivery::SamePerson { number, lid, at } => SessionEvent::SamePerson { people: person(*number, *lid), at: *at },
        Delivery::NumberChanged { old, new, at } => {
            SessionEvent::NumberChanged { old: old.iter().map(|old| jid(*old)).collect(), new: jid(*new), at: *at }
        }
        Delivery::History { people, chats } => SessionEvent::History(HistoryChunk {
            people: people.iter().flat_map(|(number, lid)| person(*number, *lid)).collect(),
            chats: chats.iter().map(history_chat).collect(),
            rewritings: chats.iter().flat_map(|chat| &chat.messages).filter_map(history_rewriting).collect(),
            ..HistoryChunk::default()
        }),
    };
    vec![event]
}
