//! The phone's view of chats and messages.

use serde::Serialize;

use super::kinds::MessageKind;

/// End of a mute without end, in milliseconds since the Unix epoch: the last millisecond of the year 9999.
pub const FOREVER: i64 = 253_402_300_799_999;

/// Maximum number of pinned chats.
pub const MAX_PINNED: usize = 3;

/// One chat as the phone shows it, the reference for comparing a companion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "a chat has this many settings")]
pub struct ChatView {
    /// The chat's JID.
    pub jid: String,
    /// Further JIDs of the same chat, such as the LID of a contact.
    pub aliases: Vec<String>,
    /// The contact's name or the group's subject, if the phone knows one.
    pub name: Option<String>,
    /// Kind of chat.
    #[serde(rename = "type")]
    pub kind: ChatKind,
    /// True if it is archived.
    pub archived: bool,
    /// True if it is locked behind a code.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
    /// True if it is pinned.
    pub pinned: bool,
    /// End of the mute, in milliseconds since the Unix epoch; [`FOREVER`] without end; `None`: not muted.
    pub muted_until: Option<i64>,
    /// Number of unread messages.
    pub unread_count: u32,
    /// True if it is marked as unread.
    pub marked_unread: bool,
    /// Time of the latest message, in milliseconds since the Unix epoch; `None` without a message.
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
    /// Its kind.
    pub kind: MessageKind,
    /// The text; `None` if it was revoked.
    pub text: Option<String>,
    /// Time of the message, in milliseconds since the Unix epoch; whole seconds.
    pub at: i64,
    /// True if it was edited.
    pub edited: bool,
    /// True if it was revoked.
    pub revoked: bool,
}

/// The kinds of chats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ChatKind {
    /// A direct chat.
    Dm,
    /// A group.
    Group,
    /// A channel.
    Newsletter,
    /// A broadcast list.
    Broadcast,
    /// The status updates.
    Status,
}

impl ChatKind {
    /// Derives the kind from the JID.
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
