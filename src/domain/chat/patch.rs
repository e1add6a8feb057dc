//! Changes to apply to a chat.

use super::{ChatNames, LastMessage};
use crate::domain::{
    change::ChatFields,
    id::MessageId,
    jid::Jid,
    message_marker::MessageMarker,
    setting::{SettingChanges, SettingValue},
};

/// Changes to apply to a chat, as absolute values; `None` leaves a field unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChatPatch {
    /// WhatsApp's timestamp of these settings in milliseconds. A setting with a newer value is unchanged, except for a
    /// request by a client of the API. 0 if the timestamp is unknown: then only settings that were never set change.
    pub as_of: i64,
    /// The settings. `Read` is only the mark as unread, as a history import contains it.
    pub settings: SettingChanges,
    /// True if `Read(true)` also clears the number of unread messages.
    pub clears_unread: bool,
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
    /// Requests one setting, as a client does: a chat that is read has no unread messages.
    pub fn set(&mut self, desired: SettingValue) {
        self.settings.set(desired);
        self.clears_unread |= desired == SettingValue::Read(true);
    }
}
