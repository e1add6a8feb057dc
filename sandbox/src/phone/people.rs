//! The people and groups around the owner: how they are called, which number they have, who is in a group.

use whatsapp_rust::{
    buffa::Message as _,
    waproto::whatsapp::{VerifiedNameCertificate, verified_name_certificate},
};

use super::{
    Phone,
    account::Account,
    book::{Book, Group, Person},
    change::Change,
    view::ChatKind,
};
use crate::{
    Error, clock, locked,
    server::{
        queue::{Content, Item},
        users,
    },
    wire::node::{Node, SERVER, node},
};

impl Phone {
    /// Saves a person in the address book, or renames them there; without a name takes them out of it.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if `number` is no person's, or nobody's of that name is saved.
    pub async fn save_contact(&self, number: &str, name: Option<&str>) -> Result<(), Error> {
        let jid = self.person(number);
        let change = self.change_person(&jid, |person| {
            let saved = Change::contact(person);
            person.name = name.map(ToOwned::to_owned);
            match name {
                Some(_) => Change::contact(person),
                None => saved.map(Change::removal),
            }
        })?;
        let change = change.ok_or(Error::UnknownContact(jid))?;
        self.set("critical_unblock_low", |_| Ok(vec![change])).await
    }

    /// Somebody calls themselves otherwise. Others hear of it with their next message.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if `number` is no person's.
    pub async fn push_name(&self, number: &str, name: &str) -> Result<(), Error> {
        self.change_person(&self.person(number), |person| person.push_name = Some(name.to_owned()))?;
        self.account.save().await
    }

    /// WhatsApp has verified the name of somebody's business, and says so now and with each of their messages.
    ///
    /// # Errors
    /// As [`Phone::push_name`].
    pub async fn verify_business(&self, number: &str, name: &str) -> Result<(), Error> {
        let jid = self.person(number);
        self.change_person(&jid, |person| person.business = Some(name.to_owned()))?;
        let verified = node("verified_name").attr("jid", jid.as_str()).attr("v", "2").bytes(certificate(name)).build();
        self.announce("business", &jid, None, verified).await
    }

    /// Somebody takes their account to another number.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if `old` or `new` is no number, or somebody has the new one.
    pub async fn change_number(&self, old: &str, new: &str) -> Result<(), Error> {
        let (before, after) = (self.person(old), self.person(new));
        {
            let mut book = locked(&self.account.book);
            let numbers = [&before, &after].map(|jid| jid.strip_suffix("@s.whatsapp.net").map(ToOwned::to_owned));
            let [Some(number), Some(next)] = numbers else { return Err(Error::UnknownContact(before)) };
            if book.person(&after).is_some() || after == self.jid() {
                return Err(Error::UnknownContact(after));
            }
            let person = book.people.iter_mut().find(|person| person.phone.as_ref() == Some(&number));
            person.ok_or_else(|| Error::UnknownContact(before.clone()))?.phone = Some(next.clone());
            for group in book.groups.values_mut() {
                group
                    .members
                    .iter_mut()
                    .filter(|member| **member == number)
                    .for_each(|member| member.clone_from(&next));
            }
            if let Some(chat) = book.chats.remove(&before) {
                book.chats.insert(after.clone(), chat);
            }
        }
        let modify = node("modify").attr("old", before.as_str()).attr("new", after.as_str()).build();
        self.announce("contacts", &before, None, modify).await
    }

    /// `by` makes a group with the owner in it, or takes the owner into one: both are told alike.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if `jid` is no group's or one that is known, [`Error::UnknownContact`] if `by` is no
    /// person.
    pub async fn enter_group(&self, jid: &str, subject: &str, members: &[String], by: &str) -> Result<(), Error> {
        let by = self.member(by)?;
        let created = {
            let mut book = locked(&self.account.book);
            if ChatKind::of(jid) != ChatKind::Group || book.groups.contains_key(jid) {
                return Err(Error::UnknownChat(jid.to_owned()));
            }
            let mut members = members.to_vec();
            for number in [self.account.number.as_str(), user(&by)] {
                if !members.iter().any(|member| member == number) {
                    members.push(number.to_owned());
                }
            }
            for number in &members {
                book.meet(&format!("{number}@{SERVER}"));
            }
            let group = Group { subject: subject.to_owned(), members };
            let now = clock::seconds(clock::now_ms()).to_string();
            let described = users::describe(jid, &group, user(&by), &now);
            book.groups.insert(jid.to_owned(), group);
            book.chat_mut(jid);
            described
        };
        let create = node("create").attr("type", "new").children([created]).build();
        self.announce("w:gp2", jid, Some(&by), create).await
    }

    /// `by` gives a group another subject.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the owner is in no such group, [`Error::UnknownContact`] if `by` is no person.
    pub async fn rename_group(&self, jid: &str, subject: &str, by: &str) -> Result<(), Error> {
        let by = self.member(by)?;
        self.change_group(jid, |group| subject.clone_into(&mut group.subject))?;
        let now = clock::seconds(clock::now_ms()).to_string();
        let renamed = node("subject").attr("subject", subject).attr("s_o", by.as_str()).attr("s_t", now).build();
        self.announce("w:gp2", jid, Some(&by), renamed).await
    }

    /// `by` takes people into a group, or out of it: who takes out only themselves leaves.
    ///
    /// # Errors
    /// As [`Phone::rename_group`].
    pub async fn change_members(&self, jid: &str, numbers: &[String], joined: bool, by: &str) -> Result<(), Error> {
        let by = self.member(by)?;
        self.change_group(jid, |group| {
            group.members.retain(|member| !numbers.contains(member));
            if joined {
                group.members.extend(numbers.iter().cloned());
            }
        })?;
        let participants = numbers.iter().map(|number| {
            let jid = format!("{number}@{SERVER}");
            node("participant").attr("jid", jid).build()
        });
        let change = node(if joined { "add" } else { "remove" }).children(participants).build();
        self.announce("w:gp2", jid, Some(&by), change).await
    }

    fn member(&self, name: &str) -> Result<String, Error> {
        let jid = self.person(name);
        if ChatKind::of(&jid) == ChatKind::Dm { Ok(jid) } else { Err(Error::UnknownContact(jid)) }
    }

    fn change_person<T>(&self, jid: &str, change: impl FnOnce(&mut Person) -> T) -> Result<T, Error> {
        let mut book = locked(&self.account.book);
        let no_other = || Error::UnknownContact(jid.to_owned());
        if jid == self.jid() || ChatKind::of(jid) != ChatKind::Dm {
            return Err(no_other());
        }
        book.meet(jid);
        book.person_mut(jid).map(change).ok_or_else(no_other)
    }

    fn change_group(&self, jid: &str, change: impl FnOnce(&mut Group)) -> Result<(), Error> {
        let mut book = locked(&self.account.book);
        book.groups.get_mut(jid).map(change).ok_or_else(|| Error::UnknownChat(jid.to_owned()))
    }

    /// Tells the companions of something about `from`, and keeps it.
    async fn announce(&self, kind: &str, from: &str, by: Option<&str>, content: Node) -> Result<(), Error> {
        // As with messages: whoever is being told the history finds it there, or hears of it afterwards.
        let parties = self.account.parties.lock().await;
        self.account.notify_all(kind, from, by, &content);
        drop(parties);
        self.account.save().await
    }
}

impl Account {
    fn notify_all(&self, kind: &str, from: &str, by: Option<&str>, content: &Node) {
        let mut companions = locked(&self.companions);
        for (_, companion) in companions.all_mut().filter(|(_, companion)| companion.settled) {
            let id = self.stanza_id();
            let mut notice = node("notification")
                .attr("from", from)
                .attr("type", kind)
                .attr("id", id.as_str())
                .attr("t", clock::seconds(clock::now_ms()).to_string());
            if let Some(by) = by {
                notice = notice.attr("participant", by);
            }
            let node = notice.children([content.clone()]).build();
            companion.push(Item { id, node, content: Content::Notice });
        }
    }
}

impl Book {
    fn person_mut(&mut self, jid: &str) -> Option<&mut Person> {
        let place = self.people.iter().position(|person| person.has_jid(jid))?;
        self.people.get_mut(place)
    }
}

/// What goes along with the messages of a business.
pub(super) fn verified_name(name: &str) -> Node {
    node("verified_name").attr("v", "2").bytes(certificate(name)).build()
}

/// The name as WhatsApp vouches for it; nobody here checks the signature.
fn certificate(name: &str) -> Vec<u8> {
    let details = verified_name_certificate::Details { verified_name: Some(name.to_owned()), ..Default::default() };
    let details = Some(details.encode_to_vec());
    VerifiedNameCertificate { details, ..Default::default() }.encode_to_vec()
}

fn user(jid: &str) -> &str {
    jid.split('@').next().unwrap_or_default()
}
