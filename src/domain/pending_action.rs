//! Pending changes of settings, which are still to be sent to WhatsApp.

use strum::{FromRepr, VariantArray};

use super::{
    chat::{Chat, ChatPatch},
    id::{ChatId, OrganizationId, SessionId},
    jid::Jid,
    message::MessageRange,
    setting::{Setting, SettingValue},
};

/// One setting of one chat that is still to be sent to WhatsApp. A later request for the same setting replaces it with
/// a higher version, so that a success removes only the version that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingAction {
    /// The owning organization.
    pub organization: OrganizationId,
    /// The session that sends it.
    pub session: SessionId,
    /// The chat.
    pub chat: ChatId,
    /// The address under which it is sent.
    pub address: Jid,
    /// Distinguishes requests for this setting. A later request has a higher version, and no version is used twice.
    pub version: i64,
    /// The requested value.
    pub desired: SettingValue,
    /// The value on WhatsApp, as far as it is known. For [`SettingValue::Read`] it is only the mark as unread.
    pub base: SettingValue,
    /// WhatsApp's timestamp of `base`, in milliseconds.
    pub base_as_of: i64,
    /// The number of unread messages that the request cleared.
    pub unread: u32,
    /// The time of the request in milliseconds, which WhatsApp receives.
    pub requested_at: i64,
    /// The chat's last message at that time.
    pub range: Option<MessageRange>,
    /// The position up to which the chat was read before it was marked as unread, if WhatsApp has not received that
    /// yet.
    pub read_before: Option<MessageRange>,
}

impl PendingAction {
    /// The action to send first: if a read chat is to be marked as unread, WhatsApp must receive the reading first.
    /// Marking alone would leave the earlier messages unread on the phone.
    #[must_use]
    pub fn previous_read(&self) -> Option<Self> {
        let range = self.read_before.clone()?;
        Some(Self {
            desired: SettingValue::Read(true),
            requested_at: self.requested_at - 1,
            range: Some(range),
            read_before: None,
            ..self.clone()
        })
    }

    /// The reading that WhatsApp has not received, if another request replaces this one.
    #[must_use]
    pub fn read_range(&self) -> Option<MessageRange> {
        match self.desired {
            SettingValue::Read(true) => self.range.clone(),
            _ => self.read_before.clone(),
        }
    }

    /// The request that replaces a mark as unread if the phone's user read or wrote up to `range` at `at` in the
    /// meantime. The mark may already be in flight, and WhatsApp would show it from then on; this request removes it
    /// again.
    #[must_use]
    pub fn as_read(&self, range: MessageRange, at: i64) -> Self {
        Self {
            version: self.version + 1,
            desired: SettingValue::Read(true),
            base: SettingValue::Read(true),
            base_as_of: at,
            unread: 0,
            requested_at: at.max(self.requested_at + 1),
            range: Some(range),
            read_before: None,
            ..self.clone()
        }
    }

    /// The patch that reverts the setting to the value on WhatsApp; applied with [`Origin::Revert`].
    ///
    /// [`Origin::Revert`]: super::change::Origin::Revert
    #[must_use]
    pub fn reverting(&self, chat: &Chat) -> ChatPatch {
        let mut patch = ChatPatch { as_of: self.base_as_of, ..ChatPatch::default() };
        patch.settings.set(self.base);
        if self.base.setting() == Setting::Read {
            patch.unread_count = Some(chat.unread_count.saturating_add(self.unread));
        }
        patch
    }
}

/// The reason why a setting did not reach WhatsApp. Its numbers are stored, and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, FromRepr, VariantArray)]
#[repr(i16)]
pub enum RejectionCode {
    /// WhatsApp rejected it.
    Rejected = 1,
    /// The session was logged out before it was sent.
    Unlinked = 2,
}

impl RejectionCode {
    /// The reason in words, for the user.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Rejected => "WhatsApp rejected this change.",
            Self::Unlinked => "The session was logged out before this change reached WhatsApp.",
        }
    }
}

/// A setting that WhatsApp rejected, until it is changed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The setting.
    pub setting: Setting,
    /// The reason.
    pub code: RejectionCode,
    /// The time of the rejection in milliseconds.
    pub at: i64,
}
