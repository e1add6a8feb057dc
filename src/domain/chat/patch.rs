//! Changes to apply to a chat.

use super::ChatNames;
use super::LastMessage;
use crate::domain::change::ChatFields;
use crate::domain::id::MessageId;
use crate::domain::jid::Jid;
use crate::domain::message_marker::MessageMarker;
use crate::domain::pending_action::SettingValue;

/// Changes to apply to a chat, as absolute values; `None` leaves a field unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChatPatch {
    /// WhatsApp's timestamp of these settings in milliseconds. A setting with a newer value is unchanged, except for a
    /// request by a client of the API. 0 if the timestamp is unknown: then only settings that were never set change.
    pub as_of: i64,
    /// The archived state.
    pub archived: Option<bool>,
    /// The timestamp of `archived`, if it is known and differs from `as_of`.
    pub archived_as_of: Option<i64>,
    /// The pinned state.
    pub pinned: Option<bool>,
    /// The timestamp of `pinned`, if it is known and differs from `as_of`.
    pub pinned_as_of: Option<i64>,
    /// The end of the mute, or no mute.
    pub muted_until: Option<Option<i64>>,
    /// True clears the count and the mark, false sets the mark.
    pub read: Option<bool>,
    /// The mark as unread alone, as a history import contains it.
    pub marked_unread: Option<bool>,
    /// The number of unread messages.
    pub unread_count: Option<u32>,
    /// The position up to which everything is read.
    pub read_to: Option<MessageMarker>,
    /// The address that WhatsApp used for the chat, and its timestamp; 0 if that is unknown.
    pub address: Option<(Jid, i64)>,
    /// Names that became known. A missing name never clears a known one.
    pub names: ChatNames,
    /// A message. It only moves the last message forward, unless messages were removed.
    pub last_message: Option<LastMessage>,
    /// The position up to which messages were removed, so that none of them reappears. The last message is then the
    /// newest remaining one, or `None`.
    pub emptied_to: Option<MessageMarker>,
    /// The new canonical address; the previous one remains an alias.
    pub moved_to: Option<Jid>,
    /// A message whose content changed.
    pub rewritten: Option<MessageId>,
    /// A message that was removed. If it was the last one, `last_message` takes its place.
    pub removed: Option<MessageId>,
    /// True if the user removed the saved contact name.
    pub contact_removed: bool,
    /// The settings that are pending.
    pub pending: Option<ChatFields>,
    /// The settings that WhatsApp rejected.
    pub refused: Option<ChatFields>,
}

impl ChatPatch {
    /// Requests one setting.
    pub fn set(&mut self, desired: SettingValue) {
        match desired {
            SettingValue::Archived(archived) => self.archived = Some(archived),
            SettingValue::Pinned(pinned) => self.pinned = Some(pinned),
            SettingValue::MutedUntil(until) => self.muted_until = Some(until),
            SettingValue::Read(read) => self.read = Some(read),
        }
    }
}
