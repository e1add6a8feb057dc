//! A group.

use serde::{Deserialize, Serialize};

use super::person::Person;

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
