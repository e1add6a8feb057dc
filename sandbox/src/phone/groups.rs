//! The owner's groups: creation, subject, description, members and admins.

use super::{
    Phone, group_node,
    state::{Description, Group, Mark, PhoneState},
};
use crate::{
    Error,
    chat::ChatKind,
    clock, crypto,
    lock::locked,
    spec::Addressing,
    wire::node::{Node, SERVER, empty, node},
};

impl Phone {
    /// Creates a group with the owner in it, or adds the owner to one, on behalf of `by`: the notification is the same.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if `jid` is not a group or is already known, [`Error::UnknownContact`] if `by` is not a
    /// person.
    pub async fn enter_group(&self, jid: &str, subject: &str, members: &[String], by: &str) -> Result<(), Error> {
        self.enter_group_by(jid, subject, members, Addressing::Pn, by).await
    }

    /// Like [`Phone::enter_group`], with the group's addressing mode. With LIDs each member has one; a member with an
    /// unknown number is given by JID.
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
        let mut members = members.to_vec();
        let made = mark(&by);
        for number in [&self.account.number, &made.by] {
            if !members.contains(number) {
                members.push(number.clone());
            }
        }
        let group = Group::new(subject, members, addressing == Addressing::Lid, Some(made));
        self.join_group(jid, group, &by, None).await
    }

    /// Adds the owner to this group, on behalf of `by`; `key` is that of a request to create it.
    pub(crate) async fn join_group(&self, jid: &str, group: Group, by: &str, key: Option<&str>) -> Result<(), Error> {
        let created = {
            let mut state = locked(&self.account.state);
            let known = state.groups.get(jid).is_some_and(|known| known.members.contains(&self.account.number));
            if ChatKind::of(jid) != ChatKind::Group || known {
                return Err(Error::UnknownChat(jid.to_owned()));
            }
            for name in &group.members {
                state.ensure_member(name, group.by_lid, &self.account.number);
            }
            let described = group_node::describe(&state, &self.account, jid, &group);
            state.groups.insert(jid.to_owned(), group);
            state.chat_mut(jid);
            described
        };
        let mut create = node("create").attr("type", "new");
        if let Some(key) = key {
            create = create.attr("key", key);
        }
        let create = create.children([created]).build();
        self.announce("w:gp2", jid, Some(&self.named_in(jid, by)), create).await
    }

    /// Changes a group's subject, on behalf of `by`.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the owner is in no such group, [`Error::UnknownContact`] if `by` is not a person.
    pub async fn rename_group(&self, jid: &str, subject: &str, by: &str) -> Result<(), Error> {
        let by = self.member(by)?;
        let mark = mark(&by);
        self.change_group(jid, |group| {
            subject.clone_into(&mut group.subject);
            group.named = Some(mark);
        })?;
        let (now, by) = (clock::seconds(clock::now_ms()).to_string(), self.named_in(jid, &by));
        let renamed = node("subject").attr("subject", subject).attr("s_o", by.as_str()).attr("s_t", now).build();
        self.announce("w:gp2", jid, Some(&by), renamed).await
    }

    /// Changes a group's description, or removes it, on behalf of `by`.
    ///
    /// # Errors
    /// As [`Phone::rename_group`].
    pub async fn describe_group(&self, jid: &str, text: Option<&str>, by: &str) -> Result<(), Error> {
        self.describe_group_as(jid, text, crypto::random_hex::<8>()?, by).await
    }

    /// Like [`Phone::describe_group`], with the id of the text.
    pub(crate) async fn describe_group_as(
        &self,
        jid: &str,
        text: Option<&str>,
        id: String,
        by: &str,
    ) -> Result<(), Error> {
        let by = self.member(by)?;
        let mark = mark(&by);
        let described = node("description").attr("id", id.as_str());
        let described = match text {
            Some(text) => described.children([node("body").bytes(text.as_bytes().to_vec()).build()]),
            None => described.children([empty("delete")]),
        };
        let description = text.map(|text| Description { id, text: text.to_owned(), mark });
        self.change_group(jid, |group| group.description = description)?;
        self.announce("w:gp2", jid, Some(&self.named_in(jid, &by)), described.build()).await
    }

    /// Adds or removes members of a group, on behalf of `by`: members who remove only themselves leave.
    ///
    /// # Errors
    /// As [`Phone::rename_group`].
    pub async fn change_members(&self, jid: &str, numbers: &[String], joined: bool, by: &str) -> Result<(), Error> {
        let by = self.member(by)?;
        self.change_group(jid, |group| {
            group.appoint(numbers, false, &self.account.number);
            group.members.retain(|member| !numbers.contains(member));
            if joined {
                group.members.extend(numbers.iter().cloned());
            }
        })?;
        {
            let mut state = locked(&self.account.state);
            let by_lid = state.groups.get(jid).is_some_and(|group| group.by_lid);
            numbers.iter().filter(|_| joined).for_each(|name| state.ensure_member(name, by_lid, &self.account.number));
        }
        self.announce_members(jid, if joined { "add" } else { "remove" }, numbers, &by).await
    }

    /// Makes members of a group admins, or admins members, on behalf of `by`.
    ///
    /// # Errors
    /// As [`Phone::rename_group`].
    pub async fn appoint(&self, jid: &str, numbers: &[String], admin: bool, by: &str) -> Result<(), Error> {
        let by = self.member(by)?;
        self.change_group(jid, |group| group.appoint(numbers, admin, &self.account.number))?;
        self.announce_members(jid, if admin { "promote" } else { "demote" }, numbers, &by).await
    }

    async fn announce_members(&self, jid: &str, what: &'static str, names: &[String], by: &str) -> Result<(), Error> {
        let participants = {
            let state = locked(&self.account.state);
            let group = state.groups.get(jid).ok_or_else(|| Error::UnknownChat(jid.to_owned()))?;
            let participant = |name: &String| group_node::participant(&state, &self.account, group, name).build();
            names.iter().map(participant).collect::<Vec<Node>>()
        };
        let change = node(what).children(participants).build();
        self.announce("w:gp2", jid, Some(&self.named_in(jid, by)), change).await
    }

    /// Returns the address of a person in the stanzas of a group.
    fn named_in(&self, group: &str, jid: &str) -> String {
        let state = locked(&self.account.state);
        match state.groups.get(group) {
            Some(group) if group.by_lid && jid == self.jid() => self.lid(),
            Some(group) => state.member(group, jid),
            None => jid.to_owned(),
        }
    }

    fn change_group(&self, jid: &str, change: impl FnOnce(&mut Group)) -> Result<(), Error> {
        let mut state = locked(&self.account.state);
        state.groups.get_mut(jid).map(change).ok_or_else(|| Error::UnknownChat(jid.to_owned()))
    }
}

impl PhoneState {
    /// Adds a group's member to the known people, with a LID if the group uses LIDs.
    fn ensure_member(&mut self, name: &str, by_lid: bool, owner: &str) {
        let jid = if name.contains('@') { name.to_owned() } else { format!("{name}@{SERVER}") };
        if name == owner {
            return;
        }
        self.ensure_person(&jid);
        if let Some(person) = self.person_mut(&jid).filter(|_| by_lid) {
            person.lid.get_or_insert_with(|| crypto::lid_user(name));
        }
    }
}

/// Returns the author and time of a change that is made now, as stored in a group.
fn mark(by: &str) -> Mark {
    let by = match by.split_once('@') {
        Some((number, SERVER)) => number,
        _ => by,
    };
    Mark { by: by.to_owned(), at: clock::now_ms() }
}
