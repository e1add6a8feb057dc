//! What happened to a chat, as it is stored in the change log and told to subscribers.

use super::chat::LastMessage;
use super::id::ChatId;
use super::id::SessionId;
use super::jid::Jid;

/// What kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The chat is new.
    Created,
    /// Something about it differs.
    Updated,
    /// It is gone from the stored copy.
    Deleted,
}

/// What made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A caller of the API.
    Api,
    /// The phone or another linked device.
    Device,
    /// A message.
    Message,
    /// History or settings imported from WhatsApp.
    Import,
    /// WhatsApp refused, and the stored copy went back.
    Revert,
    /// A mute ended by the clock.
    Expired,
}

/// A part of a chat that a change can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChatField {
    /// The canonical address.
    Jid,
    /// The other addresses.
    Aliases,
    /// The shown name.
    Name,
    /// Archived or not.
    Archived,
    /// Pinned or not.
    Pinned,
    /// When the mute ends.
    MutedUntil,
    /// Unread messages.
    UnreadCount,
    /// Marked as unread by hand.
    MarkedUnread,
    /// The last message: another one, or its content.
    LastMessage,
    /// What is on its way to WhatsApp.
    Sync,
}

impl ChatField {
    /// All of them, in the order they are shown.
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

/// A set of [`ChatField`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct ChatFields(i32);

impl ChatFields {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `field` is among them.
    #[must_use]
    pub fn contains(self, field: ChatField) -> bool {
        self.0 & field.bit() != 0
    }

    /// Adds `field`.
    pub fn insert(&mut self, field: ChatField) {
        self.0 |= field.bit();
    }

    /// The same with `field`.
    #[must_use]
    pub fn with(self, field: ChatField) -> Self {
        Self(self.0 | field.bit())
    }

    /// The same without `field`.
    #[must_use]
    pub fn without(self, field: ChatField) -> Self {
        Self(self.0 & !field.bit())
    }

    /// The members, in the order they are shown.
    pub fn iter(self) -> impl Iterator<Item = ChatField> {
        ChatField::ALL.into_iter().filter(move |field| self.contains(*field))
    }

    /// The bits a row keeps.
    #[must_use]
    pub fn bits(self) -> i32 {
        self.0
    }

    /// Reads the bits a row keeps.
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

/// The settings and counters of a chat that a change left. No name and no text: those are read as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatState {
    /// Archived or not.
    pub archived: bool,
    /// Pinned or not.
    pub pinned: bool,
    /// When the mute ends, in milliseconds; none when not muted.
    pub muted_until: Option<i64>,
    /// Marked as unread by hand.
    pub marked_unread: bool,
    /// Unread messages.
    pub unread_count: u32,
    /// The last message.
    pub last_message: Option<LastMessage>,
    /// The settings on their way to WhatsApp.
    pub pending: ChatFields,
    /// The settings that WhatsApp refused.
    pub refused: ChatFields,
}

/// One entry of the change log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place in the organization's log, from 1 without gaps; 0 until it is committed.
    pub number: i64,
    /// When it was made, in milliseconds.
    pub at: i64,
    /// What kind.
    pub kind: ChangeKind,
    /// What made it.
    pub origin: Origin,
    /// The chat's session.
    pub session: SessionId,
    /// The chat.
    pub chat: ChatId,
    /// The chat's canonical address at that time.
    pub cid: Jid,
    /// What differs from before; empty unless updated.
    pub changed: ChatFields,
    /// What it left; meaningless for a deletion.
    pub state: ChatState,
    /// The chat's revision that it left.
    pub revision: i64,
    /// For a deletion: the chat that turned out to be the same person.
    pub merged_into: Option<ChatId>,
    /// The chat in whose place this one came back, or the one that was merged into it.
    pub replaces: Option<ChatId>,
}
