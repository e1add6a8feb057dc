//! The rules of an account that its types cannot express, each with an error that names the field.

use std::collections::HashSet;

use super::{AccountSpec, ChatSpec, ContactSpec, GroupSpec, MUTED_FOREVER, SpecError};

type Checked = Result<(), SpecError>;

impl AccountSpec {
    /// Checks the account against the rules below; `now_ms` is the present, in milliseconds since the Unix epoch.
    ///
    /// Numbers have 7 to 15 digits, LIDs 15; JIDs are those of people and groups; nobody and nothing is there
    /// twice; members and writers are known; there are no more unread messages than messages from others;
    /// messages lie in the past.
    ///
    /// # Errors
    /// The first rule it breaks, with the path of the field.
    pub fn validate(&self, now_ms: i64) -> Result<(), SpecError> {
        require_phone(&self.phone, "phone")?;
        require_text(&self.name, "name")?;
        self.validate_contacts()?;
        self.validate_groups()?;
        let mut seen = HashSet::new();
        for (index, chat) in self.history.iter().enumerate() {
            let field = format!("history[{index}]");
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
                require_phone(phone, &field)?;
                require_new(&mut members, phone.as_str(), &field)?;
                if *phone != self.phone && self.contact(phone).is_none() {
                    return problem(&field, format!("{phone} is not among the contacts"));
                }
            }
        }
        Ok(())
    }

    fn validate_chat(&self, chat: &ChatSpec, peer: &Peer<'_>, field: &str, now_ms: i64) -> Checked {
        if chat
            .muted_until
            .is_some_and(|until| until != MUTED_FOREVER && until <= 0)
        {
            return problem(
                &format!("{field}.mutedUntil"),
                "must be an instant in milliseconds, or -1 for a mute that never ends",
            );
        }
        for (index, message) in chat.messages.iter().enumerate() {
            let field = format!("{field}.messages[{index}]");
            require_text(&message.text, &format!("{field}.text"))?;
            if message.at <= 0 || message.at > now_ms {
                return problem(
                    &format!("{field}.at"),
                    format!("must be in the past, in milliseconds, not {}", message.at),
                );
            }
            if let Some(from) = &message.from {
                self.require_writer(from, peer, &format!("{field}.from"))?;
            }
        }
        let received = chat.messages.iter().filter(|message| {
            message
                .from
                .as_ref()
                .is_some_and(|from| *from != self.phone)
        });
        let received = received.count();
        if usize::try_from(chat.unread_count).is_ok_and(|unread| unread <= received) {
            return Ok(());
        }
        let problem_text = format!(
            "is {}, but the chat has {received} messages from others",
            chat.unread_count
        );
        problem(&format!("{field}.unreadCount"), problem_text)
    }

    fn require_writer(&self, from: &str, peer: &Peer<'_>, field: &str) -> Checked {
        if from == self.phone {
            return Ok(());
        }
        let (known, what) = match peer {
            Peer::Person { phone, lid } => (
                Some(from) == *phone || Some(from) == *lid,
                "the person of this direct chat",
            ),
            Peer::Group(group) => (
                group.participants.iter().any(|member| member == from),
                "a member of this group",
            ),
        };
        if known {
            Ok(())
        } else {
            problem(field, format!("{from} is not {what}"))
        }
    }

    fn chat_partner<'a>(&'a self, chat: &'a ChatSpec, field: &str) -> Result<Peer<'a>, SpecError> {
        let field = format!("{field}.jid");
        match chat.jid.split_once('@') {
            Some((user, "s.whatsapp.net")) => {
                require_phone(user, &field)?;
                let lid = self
                    .contact(user)
                    .and_then(|contact| contact.lid.as_deref());
                Ok(Peer::Person {
                    phone: Some(user),
                    lid,
                })
            }
            Some((user, "lid")) => {
                require_lid(user, &field)?;
                let contact = self
                    .contacts
                    .iter()
                    .find(|contact| contact.lid.as_deref() == Some(user));
                Ok(Peer::Person {
                    phone: contact.map(|contact| contact.phone.as_str()),
                    lid: Some(user),
                })
            }
            Some((_, "g.us")) => {
                require_group_jid(&chat.jid, &field)?;
                let group = self.groups.iter().find(|group| group.jid == chat.jid);
                group
                    .map(Peer::Group)
                    .ok_or_else(|| error(&field, format!("{} is not among the groups", chat.jid)))
            }
            _ => problem(
                &field,
                format!(
                    "must be …@s.whatsapp.net, …@lid or …@g.us, not {:?}",
                    chat.jid
                ),
            ),
        }
    }

    fn contact(&self, phone: &str) -> Option<&ContactSpec> {
        self.contacts.iter().find(|contact| contact.phone == phone)
    }
}

/// Whom a chat is with; a person may be known by number, by LID or by both.
enum Peer<'a> {
    Person {
        phone: Option<&'a str>,
        lid: Option<&'a str>,
    },
    Group(&'a GroupSpec),
}

impl<'a> Peer<'a> {
    /// The same for both JIDs of one person, so that two chats with one person are noticed.
    fn identity(&self) -> &'a str {
        match self {
            Self::Person { phone, lid } => phone.or(*lid).unwrap_or_default(),
            Self::Group(group) => &group.jid,
        }
    }
}

fn require_phone(value: &str, field: &str) -> Checked {
    if is_digits(value, 7..=15) {
        Ok(())
    } else {
        problem(
            field,
            format!("must be 7 to 15 digits without +, not {value:?}"),
        )
    }
}

fn require_lid(value: &str, field: &str) -> Checked {
    if is_digits(value, 15..=15) {
        Ok(())
    } else {
        problem(
            field,
            format!("the user of a LID is 15 digits, not {value:?}"),
        )
    }
}

fn require_group_jid(jid: &str, field: &str) -> Checked {
    let user = jid.strip_suffix("@g.us").unwrap_or_default();
    // Groups made before 2021 carry their creator's number and a time of creation.
    let valid = match user.split_once('-') {
        Some((creator, created)) => is_digits(creator, 7..=15) && is_digits(created, 1..=15),
        None => is_digits(user, 5..=20),
    };
    if valid {
        Ok(())
    } else {
        problem(
            field,
            format!("must be the JID of a group, digits@g.us, not {jid:?}"),
        )
    }
}

fn is_digits(value: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn require_text(value: &str, field: &str) -> Checked {
    if value.trim().is_empty() {
        problem(field, "must not be empty")
    } else {
        Ok(())
    }
}

fn require_new<'a>(seen: &mut HashSet<&'a str>, value: &'a str, field: &str) -> Checked {
    if seen.insert(value) {
        Ok(())
    } else {
        problem(field, format!("{value} is there twice"))
    }
}

fn problem<T>(field: &str, problem: impl Into<String>) -> Result<T, SpecError> {
    Err(error(field, problem))
}

fn error(field: &str, problem: impl Into<String>) -> SpecError {
    SpecError {
        field: field.to_owned(),
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests;
