//! The demo account: the owner of a small bakery-café, with family, team, suppliers, customers, school and football, in
//! a dozen scripts and languages.
//!
//! [`account`] describes it, and [`activity`](fn@activity) runs its activity. `people` and `chats` are its data,
//! `timeline` converts relative times, and `script` selects the next step.

mod activity;
mod chat;
mod chats;
mod groups;
mod people;
mod script;
mod timeline;

use std::collections::BTreeMap;

use crate::{
    FOREVER,
    spec::{AccountSpec, ChatSpec, ContactSpec, GroupSpec, MessageSpec},
};
use chat::{Chat, Group, Mute, With};
use people::{ME, Person};
use timeline::{MINUTE_MS, SECOND_MS};

pub use activity::activity;

/// Default number of the demo account.
pub const PHONE: &str = "447700900100";

const OWNER: &str = "Marta Oliveira";

/// Describes the demo account, under its own number or under `phone`.
///
/// `now_ms` is the present, in milliseconds since the Unix epoch; the same time gives the same account.
#[must_use]
pub fn account(phone: Option<&str>, now_ms: i64) -> AccountSpec {
    let numbers = Numbers { owner: phone.unwrap_or(PHONE) };
    let chats = chats::all();
    let mut people = BTreeMap::new();
    let mut groups = Vec::new();
    for chat in &chats {
        match chat.with {
            With::Person(person) => drop(people.insert(person.phone, person)),
            With::Group(group) => {
                people.extend(group.members.iter().map(|person| (person.phone, *person)));
                groups.push(numbers.group(group));
            }
        }
    }
    AccountSpec {
        phone: numbers.owner.to_owned(),
        name: OWNER.to_owned(),
        contacts: people.into_values().map(|person| numbers.contact(person)).collect(),
        groups,
        history: chats.iter().zip(0..).map(|(chat, place)| numbers.chat(chat, place, now_ms)).collect(),
    }
}

/// Numbers of the people: if the account takes the number of one of its contacts, they swap.
struct Numbers<'a> {
    owner: &'a str,
}

impl Numbers<'_> {
    fn of(&self, person: Person) -> Person {
        if person.phone == self.owner { Person { phone: PHONE, ..person } } else { person }
    }

    fn contact(&self, person: Person) -> ContactSpec {
        let person = self.of(person);
        ContactSpec {
            phone: person.phone.to_owned(),
            name: person.name.map(str::to_owned),
            lid: Some(person.lid()),
            push_name: person.push_name.map(str::to_owned),
        }
    }

    fn group(&self, group: Group) -> GroupSpec {
        let members = group.members.iter().map(|person| self.of(*person).phone);
        GroupSpec {
            jid: group.jid.to_owned(),
            subject: group.subject.to_owned(),
            participants: std::iter::once(self.owner).chain(members).map(str::to_owned).collect(),
            ..GroupSpec::default()
        }
    }

    /// `place` is the chat's index in the table. It shifts the times by as many seconds, so that no two chats have
    /// their last message at the same time.
    fn chat(&self, chat: &Chat, place: i64, now_ms: i64) -> ChatSpec {
        let jid = match chat.with {
            With::Person(person) => self.of(person).jid(),
            With::Group(group) => group.jid.to_owned(),
        };
        let times = timeline::times(now_ms - place * SECOND_MS, chat.last, chat.span, chat.lines.len());
        let messages = chat.lines.iter().zip(times).map(|((who, text), at)| MessageSpec {
            from: (*who != ME).then(|| self.of(*who).phone.to_owned()),
            text: (*text).to_owned(),
            at,
        });
        ChatSpec {
            jid,
            archived: chat.archived,
            pinned: chat.pinned,
            muted_until: chat.mute.map(|mute| match mute {
                Mute::Forever => FOREVER,
                Mute::Minutes(minutes) => now_ms + minutes * MINUTE_MS,
            }),
            unread_count: chat.unread,
            marked_unread: chat.marked_unread,
            messages: messages.collect(),
        }
    }
}

#[cfg(test)]
mod tests;
