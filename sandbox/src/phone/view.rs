//! What a phone shows.

use serde::Serialize;

/// A mute without end, as an instant in milliseconds since the Unix epoch: the last one of the year 9999.
pub const FOREVER: i64 = 253_402_300_799_999;

/// How many chats a phone pins.
pub const MAX_PINNED: usize = 3;

/// One chat on the phone's screen: the truth to compare a companion with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatView {
    /// The JID the chat is known by.
    pub jid: String,
    /// Further JIDs of the same chat, such as the hidden identity of a contact.
    pub aliases: Vec<String>,
    /// The contact's name or the group's subject, if the phone knows one.
    pub name: Option<String>,
    /// What kind of chat it is.
    #[serde(rename = "type")]
    pub kind: ChatKind,
    /// Whether the chat is in the archive.
    pub archived: bool,
    /// Whether the chat is pinned to the top.
    pub pinned: bool,
    /// When the mute ends, in milliseconds since the Unix epoch; [`FOREVER`] for good; `None`: not muted.
    pub muted_until: Option<i64>,
    /// How many messages are unread.
    pub unread_count: u32,
    /// Whether the chat is marked unread by hand.
    pub marked_unread: bool,
    /// When the latest message was written, in milliseconds since the Unix epoch; `None`: there is none.
    pub last_message_at: Option<i64>,
}

/// One message in a chat, as the phone shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageView {
    /// Its id on the wire.
    pub id: String,
    /// The JID of its writer; `None`: the owner.
    pub from: Option<String>,
    /// What it says; `None`: it was taken back.
    pub text: Option<String>,
    /// When it was written, in milliseconds since the Unix epoch; whole seconds.
    pub at: i64,
    /// Whether its writer changed it.
    pub edited: bool,
    /// Whether it was taken back.
    pub revoked: bool,
}

/// The kinds of chats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChatKind {
    /// With one person.
    Dm,
    /// A group.
    Group,
    /// A channel one follows.
    Newsletter,
    /// A broadcast list.
    Broadcast,
    /// The status updates.
    Status,
}

impl ChatKind {
    /// Reads the kind off the JID.
    #[must_use]
    pub fn of(jid: &str) -> Self {
        match jid.rsplit_once('@') {
            Some((_, "g.us")) => Self::Group,
            Some((_, "newsletter")) => Self::Newsletter,
            Some(("status", "broadcast")) => Self::Status,
            Some((_, "broadcast")) => Self::Broadcast,
            _ => Self::Dm,
        }
    }
}
