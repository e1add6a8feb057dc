//! The description an account is made from: who is known, which groups there are, what was said before.

use serde::{Deserialize, Serialize};

/// An account and everything its phone knows at the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountSpec {
    /// The phone number, digits only.
    pub phone: String,
    /// The name the owner gave themselves.
    pub name: String,
    /// The people in the phone's address book.
    #[serde(default)]
    pub contacts: Vec<ContactSpec>,
    /// The groups the account is in.
    #[serde(default)]
    pub groups: Vec<GroupSpec>,
    /// The chats the phone shows at the start.
    #[serde(default)]
    pub history: Vec<ChatSpec>,
}

/// A person in the address book.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContactSpec {
    /// The phone number, digits only.
    pub phone: String,
    /// The name in the address book.
    pub name: String,
    /// The hidden identity, 15 digits; made from the number if absent.
    #[serde(default)]
    pub lid: Option<String>,
    /// The name the contact gave themselves; the address book's if absent.
    #[serde(default)]
    pub push_name: Option<String>,
}

/// A group of the account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupSpec {
    /// The JID, `…@g.us`.
    pub jid: String,
    /// What the group is called.
    pub subject: String,
    /// The numbers of the members; the owner is a member in any case.
    #[serde(default)]
    pub participants: Vec<String>,
}

/// A chat as the phone shows it at the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChatSpec {
    /// The JID of the chat.
    pub jid: String,
    /// Whether the chat is in the archive.
    #[serde(default)]
    pub archived: bool,
    /// Whether the chat is pinned to the top.
    #[serde(default)]
    pub pinned: bool,
    /// When the mute ends, in milliseconds since the Unix epoch; absent: not muted.
    #[serde(default)]
    pub muted_until: Option<i64>,
    /// How many messages are unread.
    #[serde(default)]
    pub unread_count: u32,
    /// Whether the chat is marked unread by hand.
    #[serde(default)]
    pub marked_unread: bool,
    /// What was said, oldest first.
    #[serde(default)]
    pub messages: Vec<MessageSpec>,
}

/// A text message of the past.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MessageSpec {
    /// The number of the writer; absent: the owner wrote it.
    #[serde(default)]
    pub from: Option<String>,
    /// What was written.
    pub text: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
}
