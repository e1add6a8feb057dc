//! The people and groups around the owner: how they are called, and who is in a group.

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
    Error, clock, key, locked,
    server::{
        queue::{Content, Item},
        users,
    },
    spec::Addressing,
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

    /// `by` makes a group with the owner in it, or takes the owner into one: both are told alike.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if `jid` is no group's or one that is known, [`Error::UnknownContact`] if `by` is no
    /// person.
    pub async fn enter_group(&self, jid: &str, subject: &str, members: &[String], by: &str) -> Result<(), Error> {
        self.enter_group_by(jid, subject, members, Addressing::Pn, by).await
    }

    /// The same for a group that addresses its members so. By LID each has one; a member whose number is not known is
    /// named by the JID.
    ///
    /// # Errors
    /// As [`Phone::enter_group`].
    pub async fn enter_group_by(
        &self,
        jid: &str,
        subject: &str,
        members: &[String],
        addressing: Addressing,
        by: &str,
    ) -> Result<(), Error> {
        let by = self.member(by)?;
        let by_lid = addressing == Addressing::Lid;
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
            for name in &members {
                book.admit(name, by_lid, &self.account.number);
            }
            let group = Group { subject: subject.to_owned(), members, by_lid };
            let now = clock::seconds(clock::now_ms()).to_string();
            let described = users::describe(&book, &self.account, (jid, &group), user(&by), &now);
            book.groups.insert(jid.to_owned(), group);
            book.chat_mut(jid);
            described
        };
        let create = node("create").attr("type", "new").children([created]).build();
        self.announce("w:gp2", jid, Some(&self.named_in(jid, &by)), create).await
    }

    /// `by` gives a group another subject.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the owner is in no such group, [`Error::UnknownContact`] if `by` is no person.
    pub async fn rename_group(&self, jid: &str, subject: &str, by: &str) -> Result<(), Error> {
        let by = self.member(by)?;
        self.change_group(jid, |group| subject.clone_into(&mut group.subject))?;
        let (now, by) = (clock::seconds(clock::now_ms()).to_string(), self.named_in(jid, &by));
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
        let participants = {
            let mut book = locked(&self.account.book);
            let by_lid = book.groups.get(jid).is_some_and(|group| group.by_lid);
            numbers.iter().filter(|_| joined).for_each(|name| book.admit(name, by_lid, &self.account.number));
            let group = book.groups.get(jid).cloned().ok_or_else(|| Error::UnknownChat(jid.to_owned()))?;
            let participant = |name: &String| users::participant(&book, &self.account, &group, name).build();
            numbers.iter().map(participant).collect::<Vec<_>>()
        };
        let change = node(if joined { "add" } else { "remove" }).children(participants).build();
        self.announce("w:gp2", jid, Some(&self.named_in(jid, &by)), change).await
    }

    /// How the stanzas of a group name the person with this JID.
    fn named_in(&self, group: &str, jid: &str) -> String {
        let book = locked(&self.account.book);
        match book.groups.get(group) {
            Some(group) if group.by_lid && jid == self.jid() => self.lid(),
            Some(group) => book.member(group, jid),
            None => jid.to_owned(),
        }
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
    pub(super) async fn announce(&self, kind: &str, from: &str, by: Option<&str>, content: Node) -> Result<(), Error> {
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
    /// Makes sure that a member of a group is known, and has a LID if the group addresses its members so.
    fn admit(&mut self, name: &str, by_lid: bool, owner: &str) {
        let jid = if name.contains('@') { name.to_owned() } else { format!("{name}@{SERVER}") };
        if name == owner {
            return;
        }
        self.meet(&jid);
        if let Some(person) = self.person_mut(&jid).filter(|_| by_lid) {
            person.lid.get_or_insert_with(|| key::lid_user(name));
        }
    }

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
