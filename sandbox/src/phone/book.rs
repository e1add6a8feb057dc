//! What a phone knows: people, groups, chats. The truth that everything else is made from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    address,
    pictures::Picture,
    privacy::Privacy,
    view::{ChatKind, ChatView, MAX_PINNED, MessageView},
};
use crate::{
    Error, clock, key,
    spec::{AccountSpec, Addressing},
};

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
    /// The name that WhatsApp has verified, of a business.
    #[serde(default)]
    pub(crate) business: Option<String>,
    /// The JID of an assistant, or of a person on another messenger, who has neither number nor LID.
    #[serde(default)]
    pub(crate) elsewhere: Option<String>,
}

impl Person {
    /// The JID by number, or else by LID; that of somebody elsewhere.
    pub(crate) fn jid(&self) -> String {
        match (&self.phone, &self.lid) {
            _ if self.elsewhere.is_some() => self.elsewhere.clone().unwrap_or_default(),
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

    /// What a list of chats calls the person, unless by number.
    fn name_in_list(&self) -> Option<&str> {
        [&self.name, &self.push_name, &self.business].into_iter().flatten().next().map(String::as_str)
    }

    /// Whether this is one of the person's JIDs.
    pub(crate) fn has_jid(&self, jid: &str) -> bool {
        match jid.split_once('@') {
            Some((user, "s.whatsapp.net")) => self.phone.as_deref() == Some(user),
            Some((user, "lid")) => self.lid.as_deref() == Some(user),
            Some(_) => self.elsewhere.as_deref() == Some(jid),
            None => false,
        }
    }
}

/// A group the account is in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) subject: String,
    /// The members' numbers, the owner's among them; the JID by LID of one whose number is not known.
    pub(crate) members: Vec<String>,
    /// Whether its members are addressed by LID.
    #[serde(default)]
    pub(crate) by_lid: bool,
    /// Those of the members who are admins; `None`: the owner alone.
    #[serde(default)]
    pub(crate) admins: Option<Vec<String>>,
    /// Its creator, and the time; `None`: the owner, when the account was created.
    #[serde(default)]
    pub(crate) made: Option<Mark>,
    /// The author of the subject, and the time; `None`: the creator.
    #[serde(default)]
    pub(crate) named: Option<Mark>,
    #[serde(default)]
    pub(crate) description: Option<Description>,
}

/// The author of a change to a group, under their address in the group, and its time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) by: String,
    /// In milliseconds.
    pub(crate) at: i64,
}

/// A group's description.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Description {
    /// Names this text: who changes it must know it.
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) mark: Mark,
}

impl Group {
    /// A group as it is made or entered.
    pub(crate) fn new(subject: &str, members: Vec<String>, by_lid: bool, made: Option<Mark>) -> Self {
        let admins = made.as_ref().map(|made| vec![made.by.clone()]);
        Self { subject: subject.to_owned(), members, by_lid, admins, made, named: None, description: None }
    }

    /// The same for another account: what is left out here for an account with this number, made at this instant, is
    /// said.
    pub(crate) fn spelled_out(&self, owner: &str, at: i64) -> Self {
        let made = self.made.clone().unwrap_or_else(|| Mark { by: owner.to_owned(), at });
        let admins = self.admins.clone().unwrap_or_else(|| vec![owner.to_owned()]);
        Self { made: Some(made), admins: Some(admins), ..self.clone() }
    }

    /// Whether this person is a member.
    pub(crate) fn has(&self, person: &Person) -> bool {
        let lid = person.lid_jid();
        self.members.iter().any(|member| Some(member) == person.phone.as_ref() || Some(member) == lid.as_ref())
    }

    /// Whether this member is an admin, in the group of an account with the number `owner`.
    pub(crate) fn is_admin(&self, member: &str, owner: &str) -> bool {
        let admins = self.admins.as_deref();
        admins.map_or(member == owner, |admins| admins.iter().any(|admin| admin == member))
    }

    /// Makes members admins, or admins mere members.
    pub(crate) fn appoint(&mut self, members: &[String], admin: bool, owner: &str) {
        let admins = self.admins.get_or_insert_with(|| vec![owner.to_owned()]);
        admins.retain(|admin| !members.contains(admin));
        if admin {
            admins.extend(members.iter().filter(|member| self.members.contains(member)).cloned());
        }
    }

    /// A member is called otherwise from now on.
    pub(crate) fn rename(&mut self, before: &str, after: &str) {
        let described = self.description.as_mut().map(|description| &mut description.mark);
        let marks = [self.made.as_mut(), self.named.as_mut(), described].into_iter().flatten().map(|mark| &mut mark.by);
        let names = self.members.iter_mut().chain(self.admins.iter_mut().flatten()).chain(marks);
        for name in names.filter(|name| name.as_str() == before) {
            after.clone_into(name);
        }
    }
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
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    /// The sender's JID; `None`: the owner.
    pub(crate) from: Option<String>,
    pub(crate) text: String,
    /// In milliseconds since the Unix epoch.
    pub(crate) at: i64,
    /// Taken back by its writer: nobody sees what it said.
    #[serde(default)]
    pub(crate) revoked: bool,
    /// When it was taken back or last edited, in milliseconds.
    #[serde(default)]
    pub(crate) changed_at: Option<i64>,
    /// What it said first, if that was edited or taken back.
    #[serde(default)]
    pub(crate) original: Option<String>,
}

impl Message {
    /// What it said when it was sent.
    pub(crate) fn as_sent(&self) -> &str {
        self.original.as_deref().unwrap_or(&self.text)
    }

    /// Takes another text, or none at all, as of now.
    pub(crate) fn change(&mut self, text: &str, revoked: bool) {
        let before = std::mem::replace(&mut self.text, text.to_owned());
        self.original.get_or_insert(before);
        (self.revoked, self.changed_at) = (revoked, Some(clock::now_ms()));
    }
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
    #[serde(default)]
    pub(crate) privacy: Privacy,
    /// Of people and groups, the owner among them, by JID.
    #[serde(default)]
    pub(crate) pictures: BTreeMap<String, Picture>,
}

impl Book {
    /// Reads a description. `now` is the instant the pins were set, in milliseconds.
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
        let mut book = Self {
            name: spec.name.clone(),
            people: people.collect(),
            groups: groups.collect(),
            chats: BTreeMap::new(),
            privacy: Privacy::default(),
            pictures: BTreeMap::new(),
        };
        for group in book.groups.keys() {
            book.chats.insert(group.clone(), Chat::default());
        }
        // The first of them was pinned last.
        let pinned = spec.history.iter().filter(|chat| chat.pinned).map(|chat| &chat.jid);
        let pinned_at = (0..).map(|rank: i64| now - rank * 1000);
        let pinned: BTreeMap<_, _> = pinned.zip(pinned_at).collect();
        for chat in &spec.history {
            book.meet(&chat.jid);
            let mut messages = Vec::with_capacity(chat.messages.len());
            for message in &chat.messages {
                let from = message.from.as_ref().filter(|from| **from != spec.phone);
                let from = from.map(|from| writer(from, &chat.jid));
                let id = key::random_hex::<10>()?;
                let (text, at) = (message.text.clone(), clock::whole_second(message.at));
                messages.push(Message { id, from, text, at, ..Message::default() });
            }
            let known = Chat {
                archived: chat.archived,
                pinned_at: pinned.get(&chat.jid).copied(),
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
        let jid = address::person(jid);
        self.people.iter().find(|person| person.has_jid(&jid))
    }

    /// How a group's stanzas name a person, who has this JID, or this number.
    pub(crate) fn member(&self, group: &Group, name: &str) -> String {
        let jid = if name.contains('@') { name.to_owned() } else { format!("{name}@s.whatsapp.net") };
        let lid = self.person(&jid).and_then(Person::lid_jid).filter(|_| group.by_lid);
        lid.unwrap_or(jid)
    }

    /// Makes sure the person behind a JID is known, if it is a person's.
    pub(crate) fn meet(&mut self, jid: &str) {
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

    /// The JID under which the phone keeps the chat that somebody calls `jid`.
    pub(crate) fn resolve(&self, jid: &str) -> String {
        let jid = &address::person(jid);
        if self.chats.contains_key(jid) {
            return jid.to_owned();
        }
        let names = self.person(jid).map(|person| [Some(person.jid()), person.lid_jid()]);
        let names = names.into_iter().flatten().flatten();
        names.into_iter().find(|name| self.chats.contains_key(name)).unwrap_or_else(|| jid.clone())
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

    /// What the phone shows, in the order in which it shows it: the pinned chats first, the one that was pinned last on
    /// top, then the others by their latest message, and the archived ones, which are in a list of their own, behind.
    pub(crate) fn views(&self) -> Vec<ChatView> {
        let mut chats: Vec<_> = self.chats.iter().collect();
        chats.sort_by_key(|(_, chat)| {
            std::cmp::Reverse((!chat.archived, chat.pinned_at.filter(|_| !chat.archived), chat.last_message_at()))
        });
        chats.into_iter().map(|(jid, chat)| self.view(jid, chat)).collect()
    }

    /// What the phone shows in the chat that somebody calls `jid`, the oldest first; `None` if there is no such chat.
    pub(crate) fn messages(&self, jid: &str) -> Option<Vec<MessageView>> {
        let jid = self.resolve(jid);
        let view = |message: &Message| MessageView {
            id: message.id.clone(),
            from: message.from.clone(),
            text: (!message.revoked).then(|| message.text.clone()),
            at: message.at,
            edited: message.changed_at.is_some() && !message.revoked,
            revoked: message.revoked,
        };
        Some(self.chats.get(&jid)?.messages.iter().map(view).collect())
    }

    /// The chat that was pinned first, if more are pinned than a phone pins.
    pub(crate) fn one_pin_too_many(&self) -> Option<String> {
        let pinned = || self.chats.iter().filter_map(|(jid, chat)| Some((chat.pinned_at?, jid)));
        let (_, oldest) = pinned().min()?;
        (pinned().count() > MAX_PINNED).then(|| oldest.clone())
    }

    /// How many chats are pinned, besides this one.
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

    /// How many of the messages others wrote, and have not taken back.
    pub(crate) fn from_others(messages: &[Message]) -> u32 {
        let others = messages.iter().filter(|message| message.from.is_some() && !message.revoked);
        u32::try_from(others.count()).unwrap_or(u32::MAX)
    }

    /// Everything has been read.
    pub(crate) fn read(&mut self) {
        self.unread = 0;
        self.marked_unread = false;
    }
}

/// The JID of a writer in a chat: in a direct chat the chat's own.
fn writer(from: &str, chat: &str) -> String {
    match ChatKind::of(chat) {
        ChatKind::Dm => chat.to_owned(),
        _ if from.contains('@') => from.to_owned(),
        _ => format!("{from}@s.whatsapp.net"),
    }
}
