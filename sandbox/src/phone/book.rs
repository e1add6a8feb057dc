//! What a phone knows: people, groups, chats. The truth that everything else is made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::view::{ChatKind, ChatView};
use crate::{Error, clock, key, spec::AccountSpec};

/// A person somebody can write to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Person {
    /// The number, unless only the LID is known.
    pub(crate) phone: Option<String>,
    /// The user part of the LID, if one is known.
    pub(crate) lid: Option<String>,
    /// The name in the address book.
    pub(crate) name: Option<String>,
    /// The name the person chose.
    pub(crate) push_name: Option<String>,
}

impl Person {
    /// The JID by number, or else by LID.
    pub(crate) fn jid(&self) -> String {
        match (&self.phone, &self.lid) {
            (Some(phone), _) => format!("{phone}@s.whatsapp.net"),
            (None, lid) => format!("{}@lid", lid.as_deref().unwrap_or_default()),
        }
    }

    /// The JID by LID.
    pub(crate) fn lid_jid(&self) -> Option<String> {
        self.lid.as_ref().map(|lid| format!("{lid}@lid"))
    }

    /// What this person's messages carry as the sender's name.
    pub(crate) fn shown_name(&self) -> Option<&str> {
        self.push_name.as_deref().or(self.name.as_deref())
    }

    /// Whether this is one of the person's JIDs.
    pub(crate) fn has_jid(&self, jid: &str) -> bool {
        match jid.split_once('@') {
            Some((user, "s.whatsapp.net")) => self.phone.as_deref() == Some(user),
            Some((user, "lid")) => self.lid.as_deref() == Some(user),
            _ => false,
        }
    }
}

/// A group the account is in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) subject: String,
    /// The members' numbers, the owner's among them.
    pub(crate) members: Vec<String>,
}

/// A chat on the phone.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Chat {
    pub(crate) archived: bool,
    /// When it was pinned, in milliseconds.
    pub(crate) pinned_at: Option<i64>,
    /// When the mute ends, in milliseconds.
    pub(crate) muted_until: Option<i64>,
    pub(crate) unread: u32,
    pub(crate) marked_unread: bool,
    /// What was said, oldest first.
    pub(crate) messages: Vec<Message>,
}

/// A text in a chat.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    /// The sender's JID; `None`: the owner.
    pub(crate) from: Option<String>,
    pub(crate) text: String,
    /// In milliseconds since the Unix epoch.
    pub(crate) at: i64,
}

/// Everything a phone knows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Book {
    /// The owner's name for themselves.
    pub(crate) name: String,
    pub(crate) people: Vec<Person>,
    /// By JID.
    pub(crate) groups: BTreeMap<String, Group>,
    /// By the JID each chat was first known by.
    pub(crate) chats: BTreeMap<String, Chat>,
}

impl Book {
    /// Reads a description. `now` is the instant the pins were set, in milliseconds.
    pub(crate) fn new(spec: &AccountSpec, now: i64) -> Result<Self, Error> {
        let people = spec.contacts.iter().map(|contact| Person {
            phone: Some(contact.phone.clone()),
            lid: contact.lid.clone(),
            name: contact.name.clone(),
            push_name: contact.push_name.clone(),
        });
        let groups = spec.groups.iter().map(|group| {
            let mut members = group.participants.clone();
            if !members.contains(&spec.phone) {
                members.push(spec.phone.clone());
            }
            (group.jid.clone(), Group { subject: group.subject.clone(), members })
        });
        let mut book = Self {
            name: spec.name.clone(),
            people: people.collect(),
            groups: groups.collect(),
            chats: BTreeMap::new(),
        };
        for group in book.groups.keys() {
            book.chats.insert(group.clone(), Chat::default());
        }
        for chat in &spec.history {
            book.meet(&chat.jid);
            let mut messages = Vec::with_capacity(chat.messages.len());
            for message in &chat.messages {
                let from = message.from.as_ref().filter(|from| **from != spec.phone);
                let from = from.map(|from| writer(from, &chat.jid));
                let id = key::random_hex::<10>()?;
                messages.push(Message { id, from, text: message.text.clone(), at: clock::whole_second(message.at) });
            }
            let known = Chat {
                archived: chat.archived,
                pinned_at: chat.pinned.then_some(now),
                muted_until: chat.muted_until,
                unread: chat.unread_count,
                marked_unread: chat.marked_unread,
                messages,
            };
            book.chats.insert(chat.jid.clone(), known);
        }
        Ok(book)
    }

    /// The person with this JID.
    pub(crate) fn person(&self, jid: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.has_jid(jid))
    }

    /// Makes sure the person behind a JID is known, if it is a person's.
    pub(crate) fn meet(&mut self, jid: &str) {
        if self.person(jid).is_some() {
            return;
        }
        let person = match jid.split_once('@') {
            Some((user, "s.whatsapp.net")) => Person { phone: Some(user.to_owned()), ..Person::default() },
            Some((user, "lid")) => Person { lid: Some(user.to_owned()), ..Person::default() },
            _ => return,
        };
        self.people.push(person);
    }

    /// The JID under which the phone keeps the chat that somebody calls `jid`.
    pub(crate) fn resolve(&self, jid: &str) -> String {
        if self.chats.contains_key(jid) {
            return jid.to_owned();
        }
        let names = self.person(jid).map(|person| [Some(person.jid()), person.lid_jid()]);
        let names = names.into_iter().flatten().flatten();
        names.into_iter().find(|name| self.chats.contains_key(name)).unwrap_or_else(|| jid.to_owned())
    }

    /// The chat that somebody calls `jid`.
    pub(crate) fn chat(&self, jid: &str) -> Option<&Chat> {
        self.chats.get(&self.resolve(jid))
    }

    /// The same to change it; it is opened if there is none yet.
    pub(crate) fn chat_mut(&mut self, jid: &str) -> &mut Chat {
        self.meet(jid);
        let name = self.resolve(jid);
        self.chats.entry(name).or_default()
    }

    /// What the phone shows, by JID.
    pub(crate) fn views(&self) -> Vec<ChatView> {
        self.chats.iter().map(|(jid, chat)| self.view(jid, chat)).collect()
    }

    fn view(&self, jid: &str, chat: &Chat) -> ChatView {
        let person = self.person(jid);
        let aliases = person.map(|person| [Some(person.jid()), person.lid_jid()]);
        let group = self.groups.get(jid).map(|group| group.subject.clone());
        let name = person.and_then(|person| person.name.as_deref().or(person.push_name.as_deref()));
        ChatView {
            jid: jid.to_owned(),
            aliases: aliases.into_iter().flatten().flatten().filter(|alias| alias != jid).collect(),
            name: group.or_else(|| name.map(ToOwned::to_owned)),
            kind: ChatKind::of(jid),
            archived: chat.archived,
            pinned: chat.pinned_at.is_some(),
            muted_until: chat.muted_until,
            unread_count: chat.unread,
            marked_unread: chat.marked_unread,
            last_message_at: chat.last_message_at(),
        }
    }
}

impl Chat {
    /// When the latest message was written, in milliseconds.
    pub(crate) fn last_message_at(&self) -> Option<i64> {
        self.messages.iter().map(|message| message.at).max()
    }

    /// Everything has been read.
    pub(crate) fn read(&mut self) {
        self.unread = 0;
        self.marked_unread = false;
    }
}

/// The JID of a writer in a chat: in a direct chat the chat's own.
fn writer(from: &str, chat: &str) -> String {
    if ChatKind::of(chat) == ChatKind::Dm { chat.to_owned() } else { format!("{from}@s.whatsapp.net") }
}
