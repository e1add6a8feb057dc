//! Description of an account before any client is linked to it: its contacts, groups and chats.
//!
//! The same format is the body of `POST /accounts` and the argument of the Rust API. JSON names are camel case, unknown
//! fields are rejected, and times are in milliseconds since the Unix epoch. [`AccountSpec::validate`] has the rules
//! that the types cannot express.

mod validate;

use serde::{Deserialize, Serialize};

/// An account as it is created: one phone with its address book, groups and chats.
///
/// ```
/// use chatgraph_sandbox::spec::AccountSpec;
///
/// let spec: AccountSpec = serde_json::from_str(r#"{"phone": "15550100001", "name": "Ada"}"#)?;
/// spec.validate(1_700_000_000_000)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountSpec {
    /// The account's own number, digits only with the country code and no `+`.
    pub phone: String,
    /// The owner's push name.
    pub name: String,
    /// The account's contacts. Authors of direct chats need not be listed.
    #[serde(default)]
    pub contacts: Vec<ContactSpec>,
    /// The account's groups.
    #[serde(default)]
    pub groups: Vec<GroupSpec>,
    /// The chats on the phone, in any order.
    #[serde(default)]
    pub history: Vec<ChatSpec>,
}

/// A contact.
///
/// Without a name the person is not in the address book, and the phone shows the push name or else the number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContactSpec {
    /// The person's number, digits only with the country code and no `+`.
    pub phone: String,
    /// The name in the account's address book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The user part of the person's LID, 15 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lid: Option<String>,
    /// The person's push name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_name: Option<String>,
}

/// A group the account is in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupSpec {
    /// Its JID, `…@g.us`.
    pub jid: String,
    /// Its subject.
    pub subject: String,
    /// Numbers of its members, each a contact or the account itself, which is always a member. In a group that uses
    /// LIDs, the JID by LID of a person with an unknown number is allowed, too.
    #[serde(default)]
    pub participants: Vec<String>,
    /// Addressing mode of its members.
    #[serde(default)]
    pub addressing_mode: Addressing,
}

/// Addressing mode of a group's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Addressing {
    /// By number.
    #[default]
    Pn,
    /// By LID. Each member has one; WhatsApp also gives the numbers that the phone knows.
    Lid,
}

/// A chat on the phone, and its state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChatSpec {
    /// Its JID. A person has `…@s.whatsapp.net` or `…@lid`, or `…@interop` or `…@msgr` on another messenger. One of the
    /// account's groups has `…@g.us`, and an assistant `…@bot`.
    pub jid: String,
    /// True if it is archived.
    #[serde(default)]
    pub archived: bool,
    /// True if it is pinned.
    #[serde(default)]
    pub pinned: bool,
    /// End of its mute, in milliseconds since the Unix epoch; [`FOREVER`](crate::FOREVER) without end, `None` if it is
    /// not muted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<i64>,
    /// Number of unread incoming messages.
    #[serde(default)]
    pub unread_count: u32,
    /// True if it is marked as unread.
    #[serde(default)]
    pub marked_unread: bool,
    /// Its messages, oldest first.
    #[serde(default)]
    pub messages: Vec<MessageSpec>,
}

/// A text message of the past.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MessageSpec {
    /// The number of its sender, or in a group the JID by LID; `None` for a message of the account itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Its text.
    pub text: String,
    /// Time of sending, in milliseconds since the Unix epoch.
    pub at: i64,
}

impl ChatSpec {
    /// Returns the time of the newest message, in milliseconds since the Unix epoch; `None` without a message.
    #[must_use]
    pub fn last_message_at(&self) -> Option<i64> {
        self.messages.iter().map(|message| message.at).max()
    }
}

/// A rule that an account breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct SpecError {
    /// Path in the JSON document, such as `history[2].messages[0].from`.
    pub field: String,
    /// The problem.
    pub problem: String,
}
