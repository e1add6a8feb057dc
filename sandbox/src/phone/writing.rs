//! What is written: by others, and by the owner on the phone. A text, its edit, its taking back, a reaction to it.

use whatsapp_rust::{
    buffa::MessageField,
    waproto::whatsapp::{
        self as wa, MessageKey,
        message::{DeviceSentMessage, ProtocolMessage, ReactionMessage, protocol_message},
    },
};

use super::{
    Phone,
    book::{Book, Chat, Message},
    message::{Alternate, Letter},
    view::ChatKind,
};
use crate::{Error, clock, key, locked, wire::node::SERVER};

/// Where a message comes from, and who wrote it.
struct Envelope {
    /// The JID of who wrote it; `None`: the owner.
    writer: Option<String>,
    /// The chat under the address that was asked for.
    chat: String,
    alternate: Option<Alternate>,
    notify: Option<String>,
    business: Option<String>,
}

impl Phone {
    /// Lets somebody write a text, and gives the message's id.
    ///
    /// `from` is the writer's number or JID, the owner's own for a message that is written on the phone; `chat` is a JID
    /// of the direct chat with them, or a group's. Nobody needs to be in the address book to write, but in a group its
    /// members alone may. The message is the chat's latest. One of somebody else raises the unread count by one, and
    /// takes an archived chat out of the archive unless the chat is muted, which the phone tells its companions as if
    /// the owner had done it; one of the owner's reads the chat.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if `from` may not write there, [`Error::UnknownChat`] if `chat` is neither the direct
    /// chat with them nor a group.
    pub async fn receive(&self, from: &str, chat: &str, text: &str) -> Result<String, Error> {
        let (id, at) = (key::random_hex::<10>()?, clock::whole_second(clock::now_ms()));
        let body = wa::Message { conversation: Some(text.to_owned()), ..Default::default() };
        let said = Message { id: id.clone(), text: text.to_owned(), at, ..Message::default() };
        let unarchive = self.say((&id, at), from, chat, None, body, |chat, writer| {
            chat.messages.push(Message { from: writer.clone(), ..said });
            if writer.is_none() {
                chat.read();
                return false;
            }
            chat.unread += 1;
            chat.archived && chat.muted_until.is_none_or(|until| until <= at)
        });
        if unarchive.await? {
            self.archive(chat, false).await?;
        }
        Ok(id)
    }

    /// Lets whoever wrote a message change its text.
    ///
    /// # Errors
    /// [`Error::UnknownMessage`] if there is no such message, or it was taken back.
    pub async fn edit(&self, id: &str, text: &str) -> Result<(), Error> {
        let (chat, said) = self.said(id)?;
        let now = clock::now_ms();
        let edited = wa::Message { conversation: Some(text.to_owned()), ..Default::default() };
        let protocol = ProtocolMessage {
            key: key(&chat, &said, &self.jid()),
            r#type: Some(protocol_message::Type::MESSAGE_EDIT),
            edited_message: MessageField::some(edited),
            timestamp_ms: Some(now),
            ..Default::default()
        };
        self.about(&chat, &said, said.from.as_deref(), "1", protocol, |message, _| text.clone_into(&mut message.text))
            .await
    }

    /// Lets whoever wrote a message take it back, or, in a group, `by`: an admin's number or JID.
    ///
    /// # Errors
    /// [`Error::UnknownMessage`] if there is no such message, or it was taken back.
    pub async fn revoke(&self, id: &str, by: Option<&str>) -> Result<(), Error> {
        let (chat, said) = self.said(id)?;
        let by = by.map(|by| self.person(by));
        let own = by.is_none() || by.as_deref() == said.from.as_deref();
        let mut key = key(&chat, &said, &self.jid());
        if !own && let Some(key) = key.as_option_mut() {
            (key.from_me, key.participant) = (Some(false), Some(said.from.clone().unwrap_or_else(|| self.jid())));
        }
        let protocol = ProtocolMessage { key, r#type: Some(protocol_message::Type::REVOKE), ..Default::default() };
        let by = if own { said.from.clone() } else { by };
        let by = by.filter(|by| *by != self.jid());
        let edit = if own { "7" } else { "8" };
        self.about(&chat, &said, by.as_deref(), edit, protocol, |message, unread| {
            message.revoked = true;
            message.text.clear();
            *unread -= u32::from(*unread > 0);
        })
        .await
    }

    /// Lets somebody react to a message; an empty `reaction` takes an earlier one back.
    ///
    /// # Errors
    /// [`Error::UnknownMessage`], and the ones of [`Phone::receive`].
    pub async fn react(&self, id: &str, from: &str, reaction: &str) -> Result<(), Error> {
        let (chat, said) = self.said(id)?;
        let now = clock::now_ms();
        let reaction = ReactionMessage {
            key: key(&chat, &said, &self.jid()),
            text: Some(reaction.to_owned()),
            sender_timestamp_ms: Some(now),
            ..Default::default()
        };
        let body = wa::Message { reaction_message: MessageField::some(reaction), ..Default::default() };
        let stanza = key::random_hex::<10>()?;
        self.say((&stanza, clock::whole_second(now)), from, &chat, None, body, |_, _| false).await.map(drop)
    }

    /// Sends what concerns an earlier message, and does it to that message; it may lower the count, if the message is
    /// among the unread.
    async fn about(
        &self,
        chat: &str,
        said: &Message,
        by: Option<&str>,
        edit: &str,
        protocol: ProtocolMessage,
        change: impl FnOnce(&mut Message, &mut u32),
    ) -> Result<(), Error> {
        let body = wa::Message { protocol_message: MessageField::some(protocol), ..Default::default() };
        let (stanza, at) = (key::random_hex::<10>()?, clock::whole_second(clock::now_ms()));
        let by = by.map_or_else(|| self.jid(), ToOwned::to_owned);
        let applied = self.say((&stanza, at), &by, chat, Some(edit), body, |chat, _| {
            let Some(place) = chat.messages.iter().position(|message| message.id == said.id) else { return false };
            let later = Chat::from_others(&chat.messages[place + 1..]);
            let mut none = 0;
            let is_unread = said.from.is_some() && later < chat.unread;
            change(&mut chat.messages[place], if is_unread { &mut chat.unread } else { &mut none });
            false
        });
        applied.await.map(drop)
    }

    /// Sends a message and does to its chat what it means, in one; gives what `means` gave.
    async fn say(
        &self,
        (id, at): (&str, i64),
        from: &str,
        chat: &str,
        edit: Option<&str>,
        body: wa::Message,
        means: impl FnOnce(&mut Chat, &Option<String>) -> bool,
    ) -> Result<bool, Error> {
        let from = self.person(from);
        let mut parties = self.account.parties.lock().await;
        let (sent, outcome) = {
            let mut book = locked(&self.account.book);
            let envelope = self.envelope(&mut book, &from, chat)?;
            let outcome = means(book.chat_mut(chat), &envelope.writer);
            (self.letter((id, at), envelope, edit, body), outcome)
        };
        self.account.deliver(&mut parties, &sent).await?;
        drop(parties);
        self.account.save().await?;
        Ok(outcome)
    }

    /// The JID of somebody who is named by number or JID; the owner's is the one by number.
    pub(super) fn person(&self, name: &str) -> String {
        let jid = if name.contains('@') { name.to_owned() } else { format!("{name}@{SERVER}") };
        if jid == self.lid() { self.jid() } else { jid }
    }

    /// The chat of a message that was not taken back, and the message.
    fn said(&self, id: &str) -> Result<(String, Message), Error> {
        let book = locked(&self.account.book);
        let mut all = book.chats.iter().flat_map(|(jid, chat)| chat.messages.iter().map(move |said| (jid, said)));
        let found = all.find(|(_, said)| said.id == id && !said.revoked);
        found.map(|(jid, said)| (jid.clone(), said.clone())).ok_or_else(|| Error::UnknownMessage(id.to_owned()))
    }

    fn envelope(&self, book: &mut Book, from: &str, chat: &str) -> Result<Envelope, Error> {
        let own = from == self.jid();
        if ChatKind::of(from) != ChatKind::Dm {
            return Err(Error::UnknownContact(from.to_owned()));
        }
        if !own {
            book.meet(from);
        }
        let person = book.person(from).cloned().filter(|_| !own).unwrap_or_default();
        let alternate = match ChatKind::of(chat) {
            ChatKind::Dm if own => {
                if chat == self.jid() || chat == self.lid() {
                    return Err(Error::UnknownChat(chat.to_owned()));
                }
                book.meet(chat);
                None
            }
            // The address is the one the chat is called by; the other one goes along.
            ChatKind::Dm if person.jid() == chat => person.lid_jid().map(Alternate::Lid),
            ChatKind::Dm if person.lid_jid().as_deref() == Some(chat) => {
                person.phone.is_some().then(|| Alternate::Number(person.jid()))
            }
            ChatKind::Group => {
                let group = book.groups.get(chat).ok_or_else(|| Error::UnknownChat(chat.to_owned()))?;
                let number = from.split('@').next().unwrap_or_default();
                if !group.members.iter().any(|member| member == number) {
                    return Err(Error::UnknownContact(from.to_owned()));
                }
                person.lid_jid().filter(|lid| lid != from).map(Alternate::Lid)
            }
            _ => return Err(Error::UnknownChat(chat.to_owned())),
        };
        let writer = (!own).then(|| person.jid());
        let notify = if own { Some(book.name.clone()) } else { person.shown_name().map(ToOwned::to_owned) };
        Ok(Envelope { writer, chat: chat.to_owned(), alternate, notify, business: person.business })
    }

    fn letter(&self, (id, at): (&str, i64), envelope: Envelope, edit: Option<&str>, body: wa::Message) -> Letter {
        let Envelope { writer, chat, alternate, notify, business } = envelope;
        let sender = writer.clone().unwrap_or_else(|| self.jid());
        let in_group = ChatKind::of(&chat) == ChatKind::Group;
        let (from, recipient, body) = match &writer {
            None if !in_group => (sender.clone(), Some(chat.clone()), sent_on_the_phone(chat, body)),
            _ => (chat, None, body),
        };
        Letter {
            id: id.to_owned(),
            from,
            participant: in_group.then(|| sender.clone()),
            recipient,
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

/// What the phone tells the owner's other devices that it sent.
fn sent_on_the_phone(chat: String, message: wa::Message) -> wa::Message {
    let sent =
        DeviceSentMessage { destination_jid: Some(chat), message: MessageField::some(message), ..Default::default() };
    wa::Message { device_sent_message: MessageField::some(sent), ..Default::default() }
}

/// Names a message as its own writer does.
fn key(chat: &str, said: &Message, own: &str) -> MessageField<MessageKey> {
    let in_group = ChatKind::of(chat) == ChatKind::Group;
    let writer = said.from.clone().unwrap_or_else(|| own.to_owned());
    MessageField::some(MessageKey {
        remote_jid: Some(chat.to_owned()),
        from_me: Some(true),
        id: Some(said.id.clone()),
        participant: in_group.then_some(writer),
    })
}
