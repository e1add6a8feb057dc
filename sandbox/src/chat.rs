//! Kinds of chats, and limits of their settings.

use serde::Serialize;

/// End of a mute without end, in milliseconds since the Unix epoch: the last millisecond of the year 9999.
pub const FOREVER: i64 = 253_402_300_799_999;

/// Maximum number of pinned chats.
pub const MAX_PINNED: usize = 3;

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
