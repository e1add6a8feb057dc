//! Validation rules for accounts that the types cannot express, each with an error that names the field.

mod rules;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use super::{AccountSpec, Addressing, ChatSpec, ContactSpec, GroupSpec, SpecError};
use crate::{FOREVER, MAX_PINNED};
use rules::{
    Checked, error, problem, require_elsewhere, require_group_jid, require_lid, require_new, require_phone,
    require_text,
};

impl AccountSpec {
    /// Checks the account against the rules below; `now_ms` is the present, in milliseconds since the Unix epoch.
    ///
    /// - Numbers have 7 to 15 digits, LIDs 15.
    /// - JIDs are those of people and groups.
    /// - No entry occurs twice.
    /// - Members and authors are known.
    /// - There are no more unread messages than messages from others.
    /// - Messages are in the past, the oldest first.
    /// - No more chats are pinned than a phone allows.
    ///
    /// # Errors
    /// The first violated rule, with the path of the field.
    pub fn validate(&self, now_ms: i64) -> Result<(), SpecError> {
        require_phone(&self.phone, "phone")?;
        require_text(&self.name, "name")?;
        self.validate_contacts()?;
        self.validate_groups()?;
        let (mut seen, mut pinned) = (HashSet::new(), 0);
        for (index, chat) in self.history.iter().enumerate() {
            let field = format!("history[{index}]");
            pinned += usize::from(chat.pinned);
            if pinned > MAX_PINNED {
                return problem(&format!("{field}.pinned"), format!("a phone pins at most {MAX_PINNED} chats"));
            }
            let peer = self.chat_partner(chat, &field)?;
            require_new(&mut seen, peer.identity(), &format!("{field}.jid"))?;
            self.validate_chat(chat, &peer, &field, now_ms)?;
        }
        Ok(())
    }

    fn validate_contacts(&self) -> Checked {
        let (mut phones, mut lids) = (HashSet::from([self.phone.as_str()]), HashSet::new());
        for (index, contact) in self.contacts.iter().enumerate() {
            let field = format!("contacts[{index}]");
            require_phone(&contact.phone, &format!("{field}.phone"))?;
            require_new(&mut phones, &contact.phone, &format!("{field}.phone"))?;
            if let Some(lid) = &contact.lid {
                require_lid(lid, &format!("{field}.lid"))?;
                require_new(&mut lids, lid, &format!("{field}.lid"))?;
            }
            for (value, name) in [(&contact.name, "name"), (&contact.push_name, "pushName")] {
                if let Some(value) = value {
                    require_text(value, &format!("{field}.{name}"))?;
                }
            }
        }
        Ok(())
    }

    fn validate_groups(&self) -> Checked {
        let mut jids = HashSet::new();
        for (index, group) in self.groups.iter().enumerate() {
            let field = format!("groups[{index}]");
            require_group_jid(&group.jid, &format!("{field}.jid"))?;
            require_new(&mut jids, group.jid.as_str(), &format!("{field}.jid"))?;
            require_text(&group.subject, &format!("{field}.subject"))?;
            let mut members = HashSet::new();
            for (index, phone) in group.participants.iter().enumerate() {
                let field = format!("{field}.participants[{index}]");
                require_new(&mut members, phone.as_str(), &field)?;
                if let Some(lid) = phone.strip_suffix("@lid").filter(|_| group.addressing_mode == Addressing::Lid) {
                    require_lid(lid, &field)?;
                    if let Some(contact) = self.contacts.iter().find(|contact| contact.lid.as_deref() == Some(lid)) {
                        return problem(&field, format!("is the contact {}; name them by number", contact.phone));
                    }
                    continue;
                }
                require_phone(phone, &field)?;
                if group.addressing_mode == Addressing::Lid
                    && self.contact(phone).is_some_and(|contact| contact.lid.is_none())
                {
                    return problem(&field, format!("{phone} has no lid, and the group addresses its members by LID"));
                }
                if *phone != self.phone && self.contact(phone).is_none() {
                    return problem(&field, format!("{phone} is not among the contacts"));
                }
            }
        }
        Ok(())
    }

    fn validate_chat(&self, chat: &ChatSpec, peer: &Peer<'_>, field: &str, now_ms: i64) -> Checked {
        if chat.muted_until.is_some_and(|until| until <= 0) {
            let wanted = format!("must be a time in milliseconds; {FOREVER} means no end");
            return problem(&format!("{field}.mutedUntil"), wanted);
        }
        let (mut previous, mut received) = (0, 0);
        for (index, message) in chat.messages.iter().enumerate() {
            let field = format!("{field}.messages[{index}]");
            require_text(&message.text, &format!("{field}.text"))?;
            if message.at <= 0 || message.at > now_ms {
                let wanted = format!("must be in the past, in milliseconds, not {}", message.at);
                return problem(&format!("{field}.at"), wanted);
            }
            if message.at < previous {
                return problem(&format!("{field}.at"), "is before the previous message; write the oldest first");
            }
            previous = message.at;
            if let Some(from) = &message.from {
                self.require_writer(from, peer, &format!("{field}.from"))?;
                received += u32::from(*from != self.phone);
            }
        }
        if chat.unread_count <= received {
            return Ok(());
        }
        let wanted = format!("is {}, but others wrote only {received} messages here", chat.unread_count);
        problem(&format!("{field}.unreadCount"), wanted)
    }

    fn require_writer(&self, from: &str, peer: &Peer<'_>, field: &str) -> Checked {
        if from == self.phone {
            return Ok(());
        }
        let (known, what) = match peer {
            Peer::Person { phone, lid } => {
                (Some(from) == *phone || Some(from) == *lid, "the person of this direct chat")
            }
            Peer::Group(group) => (group.participants.iter().any(|member| member == from), "a member of this group"),
        };
        if known { Ok(()) } else { problem(field, format!("{from} is not {what}")) }
    }

    fn chat_partner<'a>(&'a self, chat: &'a ChatSpec, field: &str) -> Result<Peer<'a>, SpecError> {
        let field = format!("{field}.jid");
        match chat.jid.split_once('@') {
            Some((user, "s.whatsapp.net")) => {
                require_phone(user, &field)?;
                let lid = self.contact(user).and_then(|contact| contact.lid.as_deref());
                Ok(Peer::Person { phone: Some(user), lid })
            }
            Some((user, "lid")) => {
                require_lid(user, &field)?;
                let contact = self.contacts.iter().find(|contact| contact.lid.as_deref() == Some(user));
                Ok(Peer::Person { phone: contact.map(|contact| contact.phone.as_str()), lid: Some(user) })
            }
            Some((_, "g.us")) => {
                require_group_jid(&chat.jid, &field)?;
                let group = self.groups.iter().find(|group| group.jid == chat.jid);
                group.map(Peer::Group).ok_or_else(|| error(&field, format!("{} is not among the groups", chat.jid)))
            }
            Some((_, "bot" | "interop" | "msgr")) => {
                require_elsewhere(&chat.jid, &field)?;
                Ok(Peer::Person { phone: None, lid: Some(&chat.jid) })
            }
            _ => problem(
                &field,
                format!("must be …@s.whatsapp.net, …@lid, …@g.us, …@bot, …@interop or …@msgr, not {:?}", chat.jid),
            ),
        }
    }

    fn contact(&self, phone: &str) -> Option<&ContactSpec> {
        self.contacts.iter().find(|contact| contact.phone == phone)
    }
}

/// The peer of a chat; a person may be known by number, by LID or by both.
enum Peer<'a> {
    Person { phone: Option<&'a str>, lid: Option<&'a str> },
    Group(&'a GroupSpec),
}

impl<'a> Peer<'a> {
    /// Returns the same value for both JIDs of one person, so that two chats with one person are detected.
    fn identity(&self) -> &'a str {
        match self {
            Self::Person { phone, lid } => phone.or(*lid).unwrap_or_default(),
            Self::Group(group) => &group.jid,
        }
    }
}
