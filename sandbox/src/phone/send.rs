//! Messages of others, and of the owner on the phone: texts, edits, revocations, reactions, and late or repeated
//! delivery.

mod envelope;

use whatsapp_rust::{
    buffa::MessageField,
    waproto::whatsapp::{
        self as wa, MessageKey,
        message::{ProtocolMessage, ReactionMessage, protocol_message},
    },
};

use super::{
    Phone, address,
    state::{Chat, Message},
};
use crate::{Error, chat::ChatKind, clock, crypto, lock::locked, message_kind::MessageKind, wire::node::SERVER};

/// A message to be sent.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Its kind.
    pub kind: MessageKind,
    /// Its text, caption, name or question.
    pub text: String,
    /// Recipients of a broadcast list of the owner, as numbers or JIDs; if empty, those of the message before.
    pub to: Vec<String>,
    /// True if the companions get it only with [`Phone::deliver_again`].
    pub late: bool,
}

impl Phone {
    /// Sends a text message, and returns its id.
    ///
    /// `from` is the author's number or JID, the owner's own for a message written on the phone. It may also be a
    /// device that WhatsApp hosts (`…:99@hosted`, `…:99@hosted.lid`), an assistant (`…@bot`) or a person on another
    /// messenger (`…@interop`, `…@msgr`). `chat` is a JID of the direct chat with them, or a group's. Authors need not
    /// be in the address book, but a group's authors must be members. The message becomes the chat's latest. A message
    /// of another person increments the unread count; one of the owner marks the chat as read. An archived chat stays
    /// archived, the default of phones, unless [`Phone::unarchive_chats`] is set and another person writes.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if `from` may not write there, [`Error::UnknownChat`] if `chat` is neither the direct
    /// chat with them nor a group.
    pub async fn receive(&self, from: &str, chat: &str, text: &str) -> Result<String, Error> {
        self.write(from, chat, Draft { text: text.to_owned(), ..Draft::default() }).await
    }

    /// Like [`Phone::receive`], but the companions get it only with [`Phone::deliver_again`], as if they could not
    /// decrypt it at first.
    ///
    /// # Errors
    /// As [`Phone::receive`].
    pub async fn receive_late(&self, from: &str, chat: &str, text: &str) -> Result<String, Error> {
        self.write(from, chat, Draft { text: text.to_owned(), late: true, ..Draft::default() }).await
    }

    /// Delivers the original message to the companions again, as WhatsApp does without a receipt.
    ///
    /// # Errors
    /// [`Error::UnknownMessage`] if there is no such message.
    pub async fn deliver_again(&self, id: &str) -> Result<(), Error> {
        let (chat, chat_message) = self.find_any_message(id)?;
        let body = (chat_message.kind, chat_message.kind.message(chat_message.as_sent()));
        let chat = chat_message.list.clone().unwrap_or(chat);
        let from = chat_message.from.clone().unwrap_or_else(|| self.jid());
        self.send_message((id, chat_message.at), &from, &chat, None, Some(body), |_, _| {}).await
    }

    /// Sends any message, and returns its id. Besides the chats of [`Phone::receive`], `chat` may be a broadcast list.
    /// A list of the owner is a chat of its own; a message of another person is in the direct chat with them. `chat`
    /// may also be a channel, which is then the author.
    ///
    /// # Errors
    /// As [`Phone::receive`]; [`Error::UnknownChat`] for a list of the owner without known recipients.
    pub async fn write(&self, from: &str, chat: &str, draft: Draft) -> Result<String, Error> {
        let Draft { kind, text, to, late } = draft;
        let (id, at) = (crypto::random_hex::<10>()?, clock::whole_second(clock::now_ms()));
        if address::is_list(chat) && !to.is_empty() {
            let mut state = locked(&self.account.state);
            let to: Vec<_> = to.iter().map(|name| self.person(name)).collect();
            for jid in &to {
                state.ensure_person(jid);
            }
            state.lists.insert(chat.to_owned(), to);
        }
        let unarchives = locked(&self.account.state).unarchives;
        let body = (kind, kind.message(&text));
        let list = address::is_list(chat).then(|| chat.to_owned());
        let chat_message = Message { id: id.clone(), text, kind, list, at, ..Message::default() };
        let written = self.send_message((&id, at), from, chat, None, (!late).then_some(body), |chat, writer| {
            chat.messages.push(Message { from: writer.clone(), ..chat_message });
            match writer {
                Some(_) => {
                    chat.unread += 1;
                    // Without a patch: each companion does the same.
                    chat.archived &= !unarchives;
                }
                None => chat.read(),
            }
        });
        written.await?;
        Ok(id)
    }

    /// Edits a message on behalf of its author.
    ///
    /// # Errors
    /// [`Error::UnknownMessage`] if there is no such message, or it was revoked; [`Error::Unsupported`] in a
    /// channel.
    pub async fn edit(&self, id: &str, text: &str) -> Result<(), Error> {
        let (chat, chat_message) = self.changeable(id)?;
        let now = clock::now_ms();
        let edited = chat_message.kind.message(text);
        let protocol = ProtocolMessage {
            key: self.key(&chat, &chat_message),
            r#type: Some(protocol_message::Type::MESSAGE_EDIT),
            edited_message: MessageField::some(edited),
            timestamp_ms: Some(now),
            ..Default::default()
        };
        self.send_change(&chat, &chat_message, chat_message.from.as_deref(), "1", protocol, |message, _| {
            message.change(text, false);
        })
        .await
    }

    /// Revokes a message on behalf of its author or, in a group, of `by`: an admin's number or JID.
    ///
    /// # Errors
    /// As [`Phone::edit`].
    pub async fn revoke(&self, id: &str, by: Option<&str>) -> Result<(), Error> {
        let (chat, chat_message) = self.changeable(id)?;
        let by = by.map(|by| self.person(by));
        let own = by.is_none() || by.as_deref() == chat_message.from.as_deref();
        let mut key = self.key(&chat, &chat_message);
        if !own && let Some(key) = key.as_option_mut() {
            key.from_me = Some(false);
        }
        let protocol = ProtocolMessage { key, r#type: Some(protocol_message::Type::REVOKE), ..Default::default() };
        let by = if own { chat_message.from.clone() } else { by };
        let by = by.filter(|by| *by != self.jid());
        let edit = if own { "7" } else { "8" };
        self.send_change(&chat, &chat_message, by.as_deref(), edit, protocol, |message, unread| {
            message.change("", true);
            *unread -= u32::from(*unread > 0);
        })
        .await
    }

    /// Reacts to a message; an empty `reaction` removes an earlier one.
    ///
    /// # Errors
    /// [`Error::UnknownMessage`], and the errors of [`Phone::receive`].
    pub async fn react(&self, id: &str, from: &str, reaction: &str) -> Result<(), Error> {
        let (chat, chat_message) = self.find_message(id)?;
        let now = clock::now_ms();
        let reaction = ReactionMessage {
            key: self.key_seen_by(&chat, &chat_message, &self.person(from)),
            text: Some(reaction.to_owned()),
            sender_timestamp_ms: Some(now),
            ..Default::default()
        };
        let body = wa::Message { reaction_message: MessageField::some(reaction), ..Default::default() };
        let stanza = crypto::random_hex::<10>()?;
        let body = (MessageKind::Text, body);
        self.send_message((&stanza, clock::whole_second(now)), from, &chat, None, Some(body), |_, _| {}).await
    }

    /// Sends a message that concerns an earlier one, and applies it; this may lower the unread count.
    async fn send_change(
        &self,
        chat: &str,
        chat_message: &Message,
        by: Option<&str>,
        edit: &str,
        protocol: ProtocolMessage,
        change: impl FnOnce(&mut Message, &mut u32),
    ) -> Result<(), Error> {
        let body = wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() };
        let (stanza, at) = (crypto::random_hex::<10>()?, clock::whole_second(clock::now_ms()));
        let by = by.map_or_else(|| self.jid(), ToOwned::to_owned);
        let chat = chat_message.list.as_deref().unwrap_or(chat);
        let body = (MessageKind::Text, body);
        let applied = self.send_message((&stanza, at), &by, chat, Some(edit), Some(body), |chat, _| {
            let Some(place) = chat.messages.iter().position(|message| message.id == chat_message.id) else { return };
            let later = Chat::from_others(&chat.messages[place + 1..]);
            let mut none = 0;
            let is_unread = chat_message.from.is_some() && later < chat.unread;
            change(&mut chat.messages[place], if is_unread { &mut chat.unread } else { &mut none });
        });
        applied.await
    }

    /// Sends a message and applies it to its chat. Nothing is sent without `body`.
    async fn send_message(
        &self,
        (id, at): (&str, i64),
        from: &str,
        chat: &str,
        edit: Option<&str>,
        body: Option<(MessageKind, wa::Message)>,
        means: impl FnOnce(&mut Chat, &Option<String>),
    ) -> Result<(), Error> {
        let mut peers = self.account.peers.lock().await;
        let sent = {
            let mut state = locked(&self.account.state);
            let envelope = self.envelope(&mut state, from, chat)?;
            means(state.chat_mut(&envelope.place), &envelope.writer);
            body.map(|body| self.outgoing((id, at), envelope, edit, body))
        };
        if let Some(sent) = sent {
            self.account.deliver(&mut peers, &sent).await?;
        }
        drop(peers);
        self.account.save().await
    }

    /// Returns the JID of a person, given a number, a JID or a device; the owner's is the one by number.
    pub(super) fn person(&self, name: &str) -> String {
        let jid = if name.contains('@') { address::person(name) } else { format!("{name}@{SERVER}") };
        if jid == self.lid() { self.jid() } else { jid }
    }

    /// Returns the message with this id and its chat, unless it was revoked.
    pub(super) fn find_message(&self, id: &str) -> Result<(String, Message), Error> {
        let found = self.find_any_message(id)?;
        if found.1.revoked { Err(Error::UnknownMessage(id.to_owned())) } else { Ok(found) }
    }

    /// Like [`Phone::find_message`], for a message that the sandbox can edit and revoke.
    fn changeable(&self, id: &str) -> Result<(String, Message), Error> {
        let (chat, chat_message) = self.find_message(id)?;
        if address::is_channel(&chat) {
            Err(Error::Unsupported("changes in a channel"))
        } else {
            Ok((chat, chat_message))
        }
    }

    /// Returns the message with this id and its chat.
    pub(super) fn find_any_message(&self, id: &str) -> Result<(String, Message), Error> {
        let state = locked(&self.account.state);
        let mut all = state
            .chats
            .iter()
            .flat_map(|(jid, chat)| chat.messages.iter().map(move |chat_message| (jid, chat_message)));
        let found = all.find(|(_, chat_message)| chat_message.id == id);
        found
            .map(|(jid, chat_message)| (jid.clone(), chat_message.clone()))
            .ok_or_else(|| Error::UnknownMessage(id.to_owned()))
    }

    /// Returns the key of a message as seen by the person with the JID `reader`. Their own messages are from
    /// themselves, and their direct chat with the owner has the owner's address.
    fn key_seen_by(&self, chat: &str, chat_message: &Message, reader: &str) -> MessageField<MessageKey> {
        let own_reader = reader == self.jid();
        let from_me = match &chat_message.from {
            None => own_reader,
            Some(writer) => {
                let state = locked(&self.account.state);
                state.person(writer).is_some_and(|writer| writer.has_jid(reader))
            }
        };
        let mut key = self.key(chat, chat_message);
        if let Some(key) = key.as_option_mut() {
            key.from_me = Some(from_me);
            if !own_reader && ChatKind::of(chat) == ChatKind::Dm {
                key.remote_jid = Some(if address::is_lid(chat) { self.lid() } else { self.jid() });
            }
        }
        key
    }

    /// Returns the key of a message as seen by its author.
    fn key(&self, chat: &str, chat_message: &Message) -> MessageField<MessageKey> {
        let state = locked(&self.account.state);
        let participant = state.groups.get(chat).map(|group| match &chat_message.from {
            Some(from) => state.member(group, from),
            None if group.by_lid => self.lid(),
            None => self.jid(),
        });
        MessageField::some(MessageKey {
            remote_jid: Some(chat.to_owned()),
            from_me: Some(true),
            id: Some(chat_message.id.clone()),
            participant,
        })
    }
}
