//! State of a phone: people, groups, chats. Everything else is derived from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    address,
    kinds::MessageKind,
    pictures::Picture,
    privacy::Privacy,
    view::{ChatKind, ChatView, MAX_PINNED, MessageView},
};
use crate::{
    Error, clock, crypto,
    spec::{AccountSpec, Addressing},
};

/// A person.
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
    /// The verified business name.
    #[serde(default)]
    pub(crate) business: Option<String>,
    /// The JID of an assistant, or of a person on another messenger, who has neither number nor LID.
    #[serde(default)]
    pub(crate) elsewhere: Option<String>,
}

impl Person {
    /// Returns the JID by number, or else by LID; or the JID at another server.
    pub(crate) fn jid(&self) -> String {
        match (&self.phone, &self.lid) {
            _ if self.elsewhere.is_some() => self.elsewhere.clone().unwrap_or_default(),
            (Some(phone), _) => format!("{phone}@s.whatsapp.net"),
            (None, lid) => format!("{}@lid", lid.as_deref().unwrap_or_default()),
        }
    }

    /// Returns the JID by LID.
    pub(crate) fn lid_jid(&self) -> Option<String> {
        self.lid.as_ref().map(|lid| format!("{lid}@lid"))
    }

    /// Returns the sender's name in this person's messages.
    pub(crate) fn shown_name(&self) -> Option<&str> {
        self.push_name.as_deref().or(self.name.as_deref())
    }

    /// Returns the person's name in the list of chats, unless it is the number.
    fn name_in_list(&self) -> Option<&str> {
        [&self.name, &self.push_name, &self.business].into_iter().flatten().next().map(String::as_str)
    }

    /// Returns whether this is one of the person's JIDs.
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
    /// True if its members are addressed by LID.
    #[serde(default)]
    pub(crate) by_lid: bool,
    /// The admins; `None`: the owner only.
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
    /// Id of this text: a client needs it to change the text.
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) mark: Mark,
}

impl Group {
    /// Creates a new group.
    pub(crate) fn new(subject: &str, members: Vec<String>, by_lid: bool, made: Option<Mark>) -> Self {
        let admins = made.as_ref().map(|made| vec![made.by.clone()]);
        Self { subject: subject.to_owned(), members, by_lid, admins, made, named: None, description: None }
    }

    /// Returns the group for another account, without the defaults that depend on this account and its time of
    /// creation.
    pub(crate) fn spelled_out(&self, owner: &str, at: i64) -> Self {
        let made = self.made.clone().unwrap_or_else(|| Mark { by: owner.to_owned(), at });
        let admins = self.admins.clone().unwrap_or_else(|| vec![owner.to_owned()]);
        Self { made: Some(made), admins: Some(admins), ..self.clone() }
    }

    /// Returns whether this person is a member.
    pub(crate) fn has(&self, person: &Person) -> bool {
        let lid = person.lid_jid();
        self.members.iter().any(|member| Some(member) == person.phone.as_ref() || Some(member) == lid.as_ref())
    }

    /// Returns whether this member is an admin, in the group of an account with the number `owner`.
    pub(crate) fn is_admin(&self, member: &str, owner: &str) -> bool {
        let admins = self.admins.as_deref();
        admins.map_or(member == owner, |admins| admins.iter().any(|admin| admin == member))
    }

    /// Makes members admins, or admins members.
    pub(crate) fn appoint(&mut self, members: &[String], admin: bool, owner: &str) {
        let admins = self.admins.get_or_insert_with(|| vec![owner.to_owned()]);
        admins.retain(|admin| !members.contains(admin));
        if admin {
            admins.extend(members.iter().filter(|member| self.members.contains(member)).cloned());
        }
    }

    /// Changes a member's address.
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
    /// Time of archiving, in milliseconds.
    #[serde(default)]
    pub(crate) archived_at: Option<i64>,
    /// True if it is locked behind a code.
    #[serde(default)]
    pub(crate) locked: bool,
    /// Time of pinning, in milliseconds.
    pub(crate) pinned_at: Option<i64>,
    /// End of the mute, in milliseconds.
    pub(crate) muted_until: Option<i64>,
    pub(crate) unread: u32,
    pub(crate) marked_unread: bool,
    /// The messages, oldest first.
    pub(crate) messages: Vec<Message>,
}

/// A text in a chat.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    /// The sender's JID; `None`: the owner.
    pub(crate) from: Option<String>,
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) kind: MessageKind,
    /// The broadcast list through which it was sent.
    #[serde(default)]
    pub(crate) list: Option<String>,
    /// In milliseconds since the Unix epoch.
    pub(crate) at: i64,
    /// True if its author revoked it.
    #[serde(default)]
    pub(crate) revoked: bool,
    /// Time of its last edit or revocation, in milliseconds.
    #[serde(default)]
    pub(crate) changed_at: Option<i64>,
    /// The original text, if it was edited or revoked.
    #[serde(default)]
    pub(crate) original: Option<String>,
}

impl Message {
    /// Returns the original text.
    pub(crate) fn as_sent(&self) -> &str {
        self.original.as_deref().unwrap_or(&self.text)
    }

    /// Changes the text, or revokes it, at the present time.
    pub(crate) fn change(&mut self, text: &str, revoked: bool) {
        let before = std::mem::replace(&mut self.text, text.to_owned());
        self.original.get_or_insert(before);
        (self.revoked, self.changed_at) = (revoked, Some(clock::now_ms()));
    }
}

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
        let mut book = Self {
            name: spec.name.clone(),
            people: people.collect(),
            groups: groups.collect(),
            chats: BTreeMap::new(),
            unarchives: false,
            lists: BTreeMap::new(),
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
            book.chats.insert(chat.jid.clone(), known);
        }
        Ok(book)
    }

    /// Returns the person with this JID.
    pub(crate) fn person(&self, jid: &str) -> Option<&Person> {
        let jid = address::person(jid);
        self.people.iter().find(|person| person.has_jid(&jid))
    }

    /// Returns the JID of a person in a group's stanzas, given a JID or a number.
    pub(crate) fn member(&self, group: &Group, name: &str) -> String {
        let jid = if name.contains('@') { name.to_owned() } else { format!("{name}@s.whatsapp.net") };
        let lid = self.person(&jid).and_then(Person::lid_jid).filter(|_| group.by_lid);
        lid.unwrap_or(jid)
    }

    /// Adds the person of a JID if they are unknown.
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
        self.meet(jid);
        let name = self.resolve(jid);
        self.chats.entry(name).or_default()
    }

    /// Returns the chats as the phone shows them: pinned chats first, the most recently pinned on top, then the others
    /// by their latest message, and the archived ones last.
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
    pub(crate) fn one_pin_too_many(&self) -> Option<String> {
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

impl Chat {
    /// Returns the time of the latest message, in milliseconds.
    pub(crate) fn last_message_at(&self) -> Option<i64> {
        self.messages.iter().map(|message| message.at).max()
    }

    /// Counts the incoming messages that are not revoked.
    pub(crate) fn from_others(messages: &[Message]) -> u32 {
        let others = messages.iter().filter(|message| message.from.is_some() && !message.revoked);
        u32::try_from(others.count()).unwrap_or(u32::MAX)
    }

    /// Removes a message, which no longer counts as unread.
    pub(crate) fn remove(&mut self, id: &str) {
        let Some(place) = self.messages.iter().position(|message| message.id == id) else { return };
        let message = self.messages.remove(place);
        let is_unread =
            message.from.is_some() && !message.revoked && Self::from_others(&self.messages[place..]) < self.unread;
        self.unread -= u32::from(is_unread);
    }

    /// Marks everything as read.
    pub(crate) fn read(&mut self) {
        self.unread = 0;
        self.marked_unread = false;
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
