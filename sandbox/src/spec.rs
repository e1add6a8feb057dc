//! What an account looks like before any client is linked to it: the people it knows, its groups and its chats.
//!
//! The same shape is the body of `POST /accounts` and the argument of the Rust API. Names in JSON are
//! camel case, unknown fields are refused, and every instant is in milliseconds since the Unix epoch.
//! [`AccountSpec::validate`] holds the rules that the types cannot say.

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
    /// The name its owner has given it, which others see as the push name.
    pub name: String,
    /// The people it can talk to. Somebody who writes only in a direct chat need not be listed.
    #[serde(default)]
    pub contacts: Vec<ContactSpec>,
    /// The groups it is in.
    #[serde(default)]
    pub groups: Vec<GroupSpec>,
    /// The chats on the phone, in any order.
    #[serde(default)]
    pub history: Vec<ChatSpec>,
}

/// A person the account can talk to.
///
/// Without a name the phone has not saved the person, and shows the push name or else the number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContactSpec {
    /// The person's number, digits only with the country code and no `+`.
    pub phone: String,
    /// The name in the account's address book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The user part of the person's LID (the hidden identity beside the number), 15 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lid: Option<String>,
    /// The name the person has given itself.
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
    /// The numbers of its members, each a contact or the account itself, which is a member in any case. In a group that
    /// is addressed by LID, the JID by LID of somebody whose number the phone does not know is allowed, too.
    #[serde(default)]
    pub participants: Vec<String>,
    /// How its members are addressed.
    #[serde(default)]
    pub addressing_mode: Addressing,
}

/// How the members of a group are addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Addressing {
    /// By number.
    #[default]
    Pn,
    /// By LID. Each member has one; WhatsApp says their numbers as well, of those that the phone knows.
    Lid,
}

/// A chat on the phone, with what the phone shows about it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChatSpec {
    /// Its JID: `…@s.whatsapp.net` or `…@lid` for a person, `…@g.us` for one of the account's groups, `…@bot` for an
    /// assistant, `…@interop` or `…@msgr` for a person on another messenger.
    pub jid: String,
    /// Whether it is archived.
    #[serde(default)]
    pub archived: bool,
    /// Whether it is pinned.
    #[serde(default)]
    pub pinned: bool,
    /// When its mute ends, in milliseconds since the Unix epoch; [`FOREVER`](crate::FOREVER) for
    /// never, `None` if it is not muted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<i64>,
    /// How many of the messages from others are unread.
    #[serde(default)]
    pub unread_count: u32,
    /// Whether it was marked as unread by hand.
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
    /// What it says.
    pub text: String,
    /// When it was sent, in milliseconds since the Unix epoch.
    pub at: i64,
}

impl ChatSpec {
    /// When the newest message was sent, in milliseconds since the Unix epoch; `None` if there is none.
    #[must_use]
    pub fn last_message_at(&self) -> Option<i64> {
        self.messages.iter().map(|message| message.at).max()
    }
}

/// A rule that an account breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct SpecError {
    /// Where, as a path in the JSON document, such as `history[2].messages[0].from`.
    pub field: String,
    /// What is wrong there.
    pub problem: String,
}
