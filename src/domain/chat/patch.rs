//! What shall differ about a chat.

use super::LastMessage;
use super::Names;
use crate::domain::action::Desired;
use crate::domain::change::ChatFields;
use crate::domain::horizon::Horizon;
use crate::domain::id::MessageId;
use crate::domain::jid::Jid;

/// What shall differ about a chat: absolute values, none where all stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChatPatch {
    /// When these settings were made, by WhatsApp's time in milliseconds; a setting with a newer value stays, unless a
    /// caller of the API wants it changed. 0 where nobody knows: fills only what was never set.
    pub as_of: i64,
    /// Archived or not.
    pub archived: Option<bool>,
    /// When it was archived or not, if that is known and not `as_of`.
    pub archived_as_of: Option<i64>,
    /// Pinned or not.
    pub pinned: Option<bool>,
    /// When it was pinned, if that is known and not `as_of`.
    pub pinned_as_of: Option<i64>,
    /// The mute's end, or no mute.
    pub muted_until: Option<Option<i64>>,
    /// True clears the count and the mark, false sets the mark.
    pub read: Option<bool>,
    /// The mark alone, as a history import tells it.
    pub marked_unread: Option<bool>,
    /// The count.
    pub unread_count: Option<u32>,
    /// Up to where all is read.
    pub read_to: Option<Horizon>,
    /// The address under which WhatsApp spoke of the chat, and its time of that; 0 where nobody knows.
    pub address: Option<(Jid, i64)>,
    /// Names that became known. A missing one never clears a known one.
    pub names: Names,
    /// A message; it moves the last message forward only, unless messages were taken away.
    pub last_message: Option<LastMessage>,
    /// Up to where messages were taken away, so that none of them comes back; the last message is what is left then,
    /// none where nothing is.
    pub emptied_to: Option<Horizon>,
    /// The address it goes by from now on; the one before still finds it.
    pub moved_to: Option<Jid>,
    /// A message that says something else since.
    pub rewritten: Option<MessageId>,
    /// Whether the account's owner removed the saved name.
    pub contact_removed: bool,
    /// The settings on their way to WhatsApp.
    pub pending: Option<ChatFields>,
    /// The settings that WhatsApp refused.
    pub refused: Option<ChatFields>,
}

impl ChatPatch {
    /// Asks for one setting.
    pub fn set(&mut self, desired: Desired) {
        match desired {
            Desired::Archived(archived) => self.archived = Some(archived),
            Desired::Pinned(pinned) => self.pinned = Some(pinned),
            Desired::MutedUntil(until) => self.muted_until = Some(until),
            Desired::Read(read) => self.read = Some(read),
        }
    }
}
