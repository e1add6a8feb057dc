//! Changes of chats, as the change log stores them and subscribers receive them.

use super::id::ChatId;
use super::id::SessionId;
use super::jid::Jid;
use super::message::LastMessage;
use super::setting::Setting;
use super::setting::Settings;

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The chat is new.
    Created,
    /// The chat changed.
    Updated,
    /// The chat was removed from the stored copy.
    Deleted,
}

/// The origin of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A client of the API.
    Api,
    /// The phone or another linked device.
    Device,
    /// A message.
    Message,
    /// History or settings imported from WhatsApp.
    Import,
    /// WhatsApp rejected a change, and the stored copy was reverted.
    Revert,
    /// A mute expired.
    Expired,
}

/// A part of a chat that can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

impl ChatField {
    /// All values, in display order.
    pub const ALL: [Self; 10] = [
        Self::Jid,
        Self::Aliases,
        Self::Name,
        Self::Archived,
        Self::Pinned,
        Self::MutedUntil,
        Self::UnreadCount,
        Self::MarkedUnread,
        Self::LastMessage,
        Self::Sync,
    ];

    fn bit(self) -> i32 {
        1 << (self as i32)
    }
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct ChatFields(i32);

impl ChatFields {
    /// Returns whether the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether the set contains `field`.
    #[must_use]
    pub fn contains(self, field: ChatField) -> bool {
        self.0 & field.bit() != 0
    }

    /// Adds `field`.
    pub fn insert(&mut self, field: ChatField) {
        self.0 |= field.bit();
    }

    /// The set with `field`.
    #[must_use]
    pub fn with(self, field: ChatField) -> Self {
        Self(self.0 | field.bit())
    }

    /// The set without `field`.
    #[must_use]
    pub fn without(self, field: ChatField) -> Self {
        Self(self.0 & !field.bit())
    }

    /// The members, in display order.
    pub fn iter(self) -> impl Iterator<Item = ChatField> {
        ChatField::ALL.into_iter().filter(move |field| self.contains(*field))
    }

    /// The bits that a row stores.
    #[must_use]
    pub fn bits(self) -> i32 {
        self.0
    }

    /// Parses the bits of a row.
    #[must_use]
    pub fn from_bits(bits: i32) -> Self {
        Self(bits)
    }
}

impl FromIterator<ChatField> for ChatFields {
    fn from_iter<I: IntoIterator<Item = ChatField>>(fields: I) -> Self {
        let mut set = Self::default();
        fields.into_iter().for_each(|field| set.insert(field));
        set
    }
}

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
