//! Changes of chats, as the change log stores them and subscribers receive them.

use enumset::{EnumSet, EnumSetType};
use strum::{FromRepr, VariantArray};

use super::{
    id::{ChatId, SessionId},
    jid::Jid,
    message::LastMessage,
    setting::{Setting, Settings},
};

/// A kind of change. Its numbers are stored, and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, FromRepr, VariantArray)]
#[repr(i16)]
pub enum ChangeKind {
    /// The chat is new.
    Created = 1,
    /// The chat changed.
    Updated = 2,
    /// The chat was removed from the stored copy.
    Deleted = 3,
}

/// The origin of a change. Its numbers are stored, and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, FromRepr, VariantArray)]
#[repr(i16)]
pub enum Origin {
    /// A client of the API.
    Api = 1,
    /// The phone or another linked device.
    Device = 2,
    /// A message.
    Message = 3,
    /// History or settings imported from WhatsApp.
    Import = 4,
    /// WhatsApp rejected a change, and the stored copy was reverted.
    Revert = 5,
    /// A mute expired.
    Expired = 6,
}

/// A part of a chat that can change, in display order. Its position is a bit in rows, and never changes.
#[derive(Debug, Hash, EnumSetType)]
#[enumset(repr = "u32", no_ops)]
pub enum ChatField {
    /// The canonical address.
    Jid,
    /// The other addresses.
    Aliases,
    /// The displayed name.
    Name,
    /// The archived state.
    Archived,
    /// The pinned state.
    Pinned,
    /// The end of the mute.
    MutedUntil,
    /// Number of unread messages.
    UnreadCount,
    /// The mark as unread by hand.
    MarkedUnread,
    /// The last message: a different message, or its content.
    LastMessage,
    /// The synchronization with WhatsApp.
    Sync,
}

impl Setting {
    /// The field of a chat that shows this setting as pending.
    #[must_use]
    pub fn field(self) -> ChatField {
        match self {
            Self::Archived => ChatField::Archived,
            Self::Pinned => ChatField::Pinned,
            Self::MutedUntil => ChatField::MutedUntil,
            Self::Read => ChatField::MarkedUnread,
        }
    }
}

/// A set of [`ChatField`]s.
pub type ChatFields = EnumSet<ChatField>;

/// The settings and counters of a chat after a change. It contains no name and no text, which are read as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatState {
    /// The settings, without timestamps.
    pub settings: Settings,
    /// Number of unread messages.
    pub unread_count: u32,
    /// The last message.
    pub last_message: Option<LastMessage>,
    /// The settings that are pending.
    pub pending: ChatFields,
    /// The settings that WhatsApp rejected.
    pub refused: ChatFields,
}

/// One entry of the change log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The number in the organization's log, from 1 without gaps; 0 until it is committed.
    pub number: i64,
    /// The time of the change in milliseconds.
    pub at: i64,
    /// The kind of change.
    pub kind: ChangeKind,
    /// The origin of the change.
    pub origin: Origin,
    /// The chat's session.
    pub session: SessionId,
    /// The chat.
    pub chat: ChatId,
    /// The chat's canonical address at that time.
    pub cid: Jid,
    /// The parts that changed; empty unless updated.
    pub changed: ChatFields,
    /// The state after the change; meaningless for a deletion.
    pub state: ChatState,
    /// The chat's revision after the change.
    pub revision: i64,
    /// For a deletion: the chat that this one was merged into.
    pub merged_into: Option<ChatId>,
    /// The chat that this one replaces: the deleted chat that reappeared, or the chat that was merged into this one.
    pub replaces: Option<ChatId>,
}
