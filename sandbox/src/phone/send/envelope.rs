//! Addresses of a message: the author's in each kind of chat, and those in its stanza.

use whatsapp_rust::{
    buffa::MessageField,
    waproto::whatsapp::{self as wa, message::DeviceSentMessage},
};

use crate::{
    Error,
    chat::ChatKind,
    companion::message::{Alternate, OutgoingMessage},
    message_kind::MessageKind,
    phone::{Phone, address, state::PhoneState},
    wire::node::SERVER,
};

/// Sender information of a message.
pub(super) struct Envelope {
    /// The author's JID; `None`: the owner.
    pub(super) writer: Option<String>,
    /// The device, if the author's JID does not determine it.
    device: Option<String>,
    /// The chat, by the requested address.
    chat: String,
    /// The chat in which the phone shows the message.
    pub(super) place: String,
    /// Recipients of a broadcast list of the owner.
    listed: Vec<String>,
    /// The author's address in a group's stanza.
    participant: Option<String>,
    alternate: Option<Alternate>,
    notify: Option<String>,
    business: Option<String>,
}

impl Phone {
    /// Returns the addresses of a message from `name` in `chat`.
    pub(super) fn envelope(&self, state: &mut PhoneState, name: &str, chat: &str) -> Result<Envelope, Error> {
        let from = &*self.person(name);
        let own = from == self.jid();
        let device = (!own && address::is_special(name)).then(|| name.to_owned());
        let (mut participant, mut place, mut listed) = (None, chat.to_owned(), Vec::new());
        if address::is_channel(from) && from == chat {
            let (writer, chat, place) = (Some(from.to_owned()), chat.to_owned(), chat.to_owned());
            let (alternate, notify, business, listed) = (None, None, None, Vec::new());
            return Ok(Envelope { writer, device, chat, place, listed, participant, alternate, notify, business });
        }
        if ChatKind::of(from) != ChatKind::Dm {
            return Err(Error::UnknownContact(from.to_owned()));
        }
        if !own {
            state.ensure_person(from);
        }
        let person = state.person(from).cloned().filter(|_| !own).unwrap_or_default();
        let alternate = match ChatKind::of(chat) {
            ChatKind::Dm if own => {
                if [self.jid(), self.lid()].contains(&address::person(chat)) {
                    return Err(Error::UnknownChat(chat.to_owned()));
                }
                state.ensure_person(chat);
                let partner = state.person(chat).cloned().unwrap_or_default();
                if partner.lid_jid().as_deref() == Some(chat) {
                    partner.phone.is_some().then(|| Alternate::Number(partner.jid()))
                } else {
                    partner.lid_jid().filter(|_| partner.jid() == chat).map(Alternate::Lid)
                }
            }
            // The device's address identifies the person.
            ChatKind::Dm if device.is_some() && person.has_jid(&address::person(chat)) => None,
            // The chat's own address is used, with the other one as an attribute.
            ChatKind::Dm if person.jid() == chat => person.lid_jid().filter(|lid| lid != chat).map(Alternate::Lid),
            ChatKind::Dm if person.lid_jid().as_deref() == Some(chat) => {
                person.phone.is_some().then(|| Alternate::Number(person.jid()))
            }
            ChatKind::Group => {
                let group = state.groups.get(chat).ok_or_else(|| Error::UnknownChat(chat.to_owned()))?;
                if !own && !group.has(&person) {
                    return Err(Error::UnknownContact(from.to_owned()));
                }
                let named = if own && group.by_lid { self.lid() } else { state.member(group, from) };
                participant = Some(device.clone().unwrap_or_else(|| named.clone()));
                let number = if own { Some(&self.account.number) } else { person.phone.as_ref() };
                match number {
                    _ if device.is_some() => None,
                    Some(number) if group.by_lid => Some(Alternate::Number(format!("{number}@{SERVER}"))),
                    _ => person.lid_jid().filter(|lid| *lid != named).map(Alternate::Lid),
                }
            }
            ChatKind::Broadcast if own => {
                listed = state.lists.get(chat).cloned().ok_or_else(|| Error::UnknownChat(chat.to_owned()))?;
                participant = Some(self.jid());
                Some(Alternate::Lid(self.lid()))
            }
            ChatKind::Broadcast => {
                place = person.jid();
                participant = Some(device.clone().unwrap_or_else(|| person.jid()));
                person.lid_jid().filter(|lid| device.is_none() && *lid != place).map(Alternate::Lid)
            }
            _ => return Err(Error::UnknownChat(chat.to_owned())),
        };
        let writer = (!own).then(|| person.jid());
        let notify = if own { Some(state.name.clone()) } else { person.shown_name().map(ToOwned::to_owned) };
        let (chat, business) = (chat.to_owned(), person.business);
        Ok(Envelope { writer, device, chat, place, listed, participant, alternate, notify, business })
    }

    /// Creates the message to be encrypted.
    pub(super) fn outgoing(
        &self,
        (id, at): (&str, i64),
        envelope: Envelope,
        edit: Option<&str>,
        (kind, body): (MessageKind, wa::Message),
    ) -> OutgoingMessage {
        let Envelope { writer, device, chat, place: _, listed, participant, alternate, notify, business } = envelope;
        // Each device encrypts for itself.
        let sender = device.clone().or_else(|| writer.clone()).unwrap_or_else(|| self.jid());
        let (from, recipient, body) = match (&writer, device) {
            (None, _) if address::is_list(&chat) => (chat.clone(), None, sent_on_the_phone(chat, body)),
            _ if participant.is_some() => (chat, None, body),
            (None, _) => (sender.clone(), Some(chat.clone()), sent_on_the_phone(chat, body)),
            (Some(_), Some(device)) => (device, None, body),
            (Some(_), None) => (chat, None, body),
        };
        OutgoingMessage {
            id: id.to_owned(),
            from,
            participant,
            recipient,
            listed,
            kind,
            edit: edit.map(ToOwned::to_owned),
            sender,
            alternate,
            at,
            peer: false,
            notify,
            business,
            body,
        }
    }
}

/// Wraps a message that was sent on the phone, for the owner's other devices.
fn sent_on_the_phone(chat: String, message: wa::Message) -> wa::Message {
    let sent =
        DeviceSentMessage { destination_jid: Some(chat), message: MessageField::some(message), ..Default::default() };
    wa::Message { device_sent_message: MessageField::some(sent), ..Default::default() }
}
