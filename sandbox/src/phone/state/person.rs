//! A person.

use serde::{Deserialize, Serialize};

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
    pub(crate) fn name_in_list(&self) -> Option<&str> {
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
