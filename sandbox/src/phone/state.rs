//! State of a phone: people, groups, chats. Everything else is derived from it.

mod chat;
mod group;
mod person;
mod picture;
pub(crate) mod privacy;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    address,
    view::{ChatView, MessageView},
};
use crate::{
    Error,
    chat::{ChatKind, MAX_PINNED},
    clock, crypto,
    spec::{AccountSpec, Addressing},
};

pub(crate) use chat::{Chat, Message};
pub(crate) use group::{Description, Group, Mark};
pub(crate) use person::Person;
pub(crate) use picture::Picture;
pub(crate) use privacy::Privacy;

/// All state of a phone.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PhoneState {
    /// The owner's push name.
    pub(crate) name: String,
    pub(crate) people: Vec<Person>,
    /// By JID.
    pub(crate) groups: BTreeMap<String, Group>,
    /// By the JID under which each chat was first known.
    pub(crate) chats: BTreeMap<String, Chat>,
    /// True if a new message unarchives its chat.
    #[serde(default)]
    pub(crate) unarchives: bool,
    /// The recipients' JIDs of the owner's broadcast lists, by the list's JID.
    #[serde(default)]
    pub(crate) lists: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) privacy: Privacy,
    /// Pictures of people and groups, including the owner, by JID.
    #[serde(default)]
    pub(crate) pictures: BTreeMap<String, Picture>,
}

impl PhoneState {
    /// Creates it from a description. `now` is the time of the pins, in milliseconds.
    pub(crate) fn new(spec: &AccountSpec, now: i64) -> Result<Self, Error> {
        let people = spec.contacts.iter().map(|contact| Person {
            phone: Some(contact.phone.clone()),
            lid: contact.lid.clone(),
            name: contact.name.clone(),
            push_name: contact.push_name.clone(),
            ..Person::default()
        });
        let groups = spec.groups.iter().map(|group| {
            let mut members = group.participants.clone();
            if !members.contains(&spec.phone) {
                members.push(spec.phone.clone());
            }
            let by_lid = group.addressing_mode == Addressing::Lid;
            (group.jid.clone(), Group::new(&group.subject, members, by_lid, None))
        });
        let mut state = Self {
            name: spec.name.clone(),
            people: people.collect(),
            groups: groups.collect(),
            chats: BTreeMap::new(),
            unarchives: false,
            lists: BTreeMap::new(),
            privacy: Privacy::default(),
            pictures: BTreeMap::new(),
        };
        for group in state.groups.keys() {
            state.chats.insert(group.clone(), Chat::default());
        }
        // The first of them was pinned last.
        let pinned = spec.history.iter().filter(|chat| chat.pinned).map(|chat| &chat.jid);
        let pinned_at = (0..).map(|rank: i64| now - rank * 1000);
        let pinned: BTreeMap<_, _> = pinned.zip(pinned_at).collect();
        for chat in &spec.history {
            state.ensure_person(&chat.jid);
            let mut messages = Vec::with_capacity(chat.messages.len());
            for message in &chat.messages {
                let from = message.from.as_ref().filter(|from| **from != spec.phone);
                let from = from.map(|from| writer(from, &chat.jid));
                let id = crypto::random_hex::<10>()?;
                let (text, at) = (message.text.clone(), clock::whole_second(message.at));
                messages.push(Message { id, from, text, at, ..Message::default() });
            }
            let known = Chat {
                archived: chat.archived,
                archived_at: chat.archived.then_some(now),
                locked: false,
                pinned_at: pinned.get(&chat.jid).copied(),
                muted_until: chat.muted_until,
                unread: chat.unread_count,
                marked_unread: chat.marked_unread,
                messages,
            };
            state.chats.insert(chat.jid.clone(), known);
        }
        Ok(state)
    }

    /// Returns the person with this JID.
    pub(crate) fn person(&self, jid: &str) -> Option<&Person> {
        let jid = address::person(jid);
        self.people.iter().find(|person| person.has_jid(&jid))
    }

    /// Returns the person with this JID, for changes.
    pub(crate) fn person_mut(&mut self, jid: &str) -> Option<&mut Person> {
        let index = self.people.iter().position(|person| person.has_jid(jid))?;
        self.people.get_mut(index)
    }

    /// Returns the JID of a person in a group's stanzas, given a JID or a number.
    pub(crate) fn member(&self, group: &Group, name: &str) -> String {
        let jid = if name.contains('@') { name.to_owned() } else { format!("{name}@s.whatsapp.net") };
        let lid = self.person(&jid).and_then(Person::lid_jid).filter(|_| group.by_lid);
        lid.unwrap_or(jid)
    }

    /// Adds the person of a JID if they are unknown.
    pub(crate) fn ensure_person(&mut self, jid: &str) {
        if self.person(jid).is_some() {
            return;
        }
        let jid = address::person(jid);
        let person = match jid.split_once('@') {
            Some((user, "s.whatsapp.net")) => Person { phone: Some(user.to_owned()), ..Person::default() },
            Some((user, "lid")) => Person { lid: Some(user.to_owned()), ..Person::default() },
            Some((_, server)) if address::is_elsewhere(server) => {
                Person { elsewhere: Some(jid.clone()), ..Person::default() }
            }
            _ => return,
        };
        self.people.push(person);
    }

    /// Returns the JID under which the phone stores the chat with the alias `jid`.
    pub(crate) fn resolve(&self, jid: &str) -> String {
        let jid = &address::person(jid);
        if self.chats.contains_key(jid) {
            return jid.to_owned();
        }
        let names = self.person(jid).map(|person| [Some(person.jid()), person.lid_jid()]);
        let names = names.into_iter().flatten().flatten();
        names.into_iter().find(|name| self.chats.contains_key(name)).unwrap_or_else(|| jid.clone())
    }

    /// Returns the chat with the alias `jid`.
    pub(crate) fn chat(&self, jid: &str) -> Option<&Chat> {
        self.chats.get(&self.resolve(jid))
    }

    /// Returns the chat with the alias `jid` for changes, and creates it if needed.
    pub(crate) fn chat_mut(&mut self, jid: &str) -> &mut Chat {
        self.ensure_person(jid);
        let name = self.resolve(jid);
        self.chats.entry(name).or_default()
    }

    /// Returns the chats as the phone shows them. Pinned chats are first, the most recently pinned on top. The others
    /// follow by their latest message, and archived chats are last.
    pub(crate) fn views(&self) -> Vec<ChatView> {
        let mut chats: Vec<_> = self.chats.iter().collect();
        chats.sort_by_key(|(_, chat)| {
            std::cmp::Reverse((!chat.archived, chat.pinned_at.filter(|_| !chat.archived), chat.last_message_at()))
        });
        chats.into_iter().map(|(jid, chat)| self.view(jid, chat)).collect()
    }

    /// Returns the messages of the chat with the alias `jid`, oldest first; `None` if there is no such chat.
    pub(crate) fn messages(&self, jid: &str) -> Option<Vec<MessageView>> {
        let jid = self.resolve(jid);
        let view = |message: &Message| MessageView {
            id: message.id.clone(),
            from: message.from.clone(),
            kind: message.kind,
            text: (!message.revoked).then(|| message.text.clone()),
            at: message.at,
            edited: message.changed_at.is_some() && !message.revoked,
            revoked: message.revoked,
        };
        Some(self.chats.get(&jid)?.messages.iter().map(view).collect())
    }

    /// Returns the chat that was pinned first, if more are pinned than the maximum.
    pub(crate) fn excess_pin(&self) -> Option<String> {
        let pinned = || self.chats.iter().filter_map(|(jid, chat)| Some((chat.pinned_at?, jid)));
        let (_, oldest) = pinned().min()?;
        (pinned().count() > MAX_PINNED).then(|| oldest.clone())
    }

    /// Returns the number of pinned chats, except this one.
    pub(crate) fn other_pins(&self, jid: &str) -> usize {
        self.chats.iter().filter(|(other, chat)| *other != jid && chat.pinned_at.is_some()).count()
    }

    fn view(&self, jid: &str, chat: &Chat) -> ChatView {
        let person = self.person(jid);
        let aliases = person.map(|person| [Some(person.jid()), person.lid_jid()]);
        let group = self.groups.get(jid).map(|group| group.subject.clone());
        let name = person.and_then(Person::name_in_list);
        ChatView {
            jid: jid.to_owned(),
            aliases: aliases.into_iter().flatten().flatten().filter(|alias| alias != jid).collect(),
            name: group.or_else(|| name.map(ToOwned::to_owned)),
            kind: ChatKind::of(jid),
            archived: chat.archived,
            locked: chat.locked,
            pinned: chat.pinned_at.is_some(),
            muted_until: chat.muted_until,
            unread_count: chat.unread,
            marked_unread: chat.marked_unread,
            last_message_at: chat.last_message_at(),
        }
    }
}

/// Returns the author's JID in a chat: in a direct chat the chat's own.
fn writer(from: &str, chat: &str) -> String {
    match ChatKind::of(chat) {
        ChatKind::Dm => chat.to_owned(),
        _ if from.contains('@') => from.to_owned(),
        _ => format!("{from}@s.whatsapp.net"),
    }
}
