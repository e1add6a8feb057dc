//! A change of a setting that WhatsApp still has to be told.

use serde::Deserialize;
use serde::Serialize;

use super::change::ChatField;
use super::chat::Chat;
use super::chat::ChatPatch;
use super::id::ChatId;
use super::id::OrganizationId;
use super::id::SessionId;
use super::jid::Jid;
use super::message::MessageRange;

/// A setting of a chat that WhatsApp keeps too, in the order in which several are sent: archiving comes last, since
/// WhatsApp keeps no archived chat pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Setting {
    /// Pinned or not.
    Pinned,
    /// When the mute ends.
    MutedUntil,
    /// Read, or marked as unread.
    Read,
    /// Archived or not.
    Archived,
}

impl Setting {
    /// All of them, in sending order.
    pub const ALL: [Self; 4] = [Self::Pinned, Self::MutedUntil, Self::Read, Self::Archived];

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

/// A setting with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Desired {
    /// Pinned or not.
    Pinned(bool),
    /// When the mute ends, in milliseconds; none for no mute.
    MutedUntil(Option<i64>),
    /// Read, or marked as unread.
    Read(bool),
    /// Archived or not.
    Archived(bool),
}

impl Desired {
    /// Which setting.
    #[must_use]
    pub fn setting(self) -> Setting {
        match self {
            Self::Pinned(_) => Setting::Pinned,
            Self::MutedUntil(_) => Setting::MutedUntil,
            Self::Read(_) => Setting::Read,
            Self::Archived(_) => Setting::Archived,
        }
    }
}

/// One setting of one chat on its way to WhatsApp. A later request for the same setting takes its place under a higher
/// version, so that success removes only what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingAction {
    /// Whose it is.
    pub organization: OrganizationId,
    /// The session that sends it.
    pub session: SessionId,
    /// The chat.
    pub chat: ChatId,
    /// The address to send it for.
    pub address: Jid,
    /// Tells the requests for this setting apart; a later one has a higher version, and none is given twice.
    pub version: i64,
    /// What WhatsApp shall have.
    pub desired: Desired,
    /// What WhatsApp has, as far as is known; for [`Desired::Read`] the mark alone.
    pub base: Desired,
    /// WhatsApp's time of that, in milliseconds.
    pub base_as_of: i64,
    /// How many unread messages the request cleared.
    pub unread: u32,
    /// When it was asked for, in milliseconds: the time WhatsApp gets to see.
    pub requested_at: i64,
    /// The chat's last message at that time.
    pub range: Option<MessageRange>,
    /// Up to here the chat was read before it was marked as unread, and WhatsApp has not taken that yet.
    pub read_before: Option<MessageRange>,
}

impl PendingAction {
    /// What WhatsApp is told before this: that the chat was read, where it is to be marked as unread after that. Who only
    /// marked it would leave the phone with all its unread messages.
    #[must_use]
    pub fn reading_before(&self) -> Option<Self> {
        let range = self.read_before.clone()?;
        Some(Self {
            desired: Desired::Read(true),
            requested_at: self.requested_at - 1,
            range: Some(range),
            read_before: None,
            ..self.clone()
        })
    }

    /// The reading that WhatsApp has not been told when something else is asked for in the place of this.
    #[must_use]
    pub fn read_so_far(&self) -> Option<MessageRange> {
        match self.desired {
            Desired::Read(true) => self.range.clone(),
            _ => self.read_before.clone(),
        }
    }

    /// The request in the place of a mark as unread that the account's owner overtook at `at` by reading, or writing, up to
    /// `range`. The mark may be on its way, and WhatsApp would show it from then on: this takes it back.
    #[must_use]
    pub fn reading_instead(&self, range: MessageRange, at: i64) -> Self {
        Self {
            version: self.version + 1,
            desired: Desired::Read(true),
            base: Desired::Read(true),
            base_as_of: at,
            unread: 0,
            requested_at: at.max(self.requested_at + 1),
            range: Some(range),
            read_before: None,
            ..self.clone()
        }
    }

    /// What puts the setting back to what WhatsApp has; applied with [`Origin::Revert`].
    ///
    /// [`Origin::Revert`]: super::change::Origin::Revert
    #[must_use]
    pub fn reverting(&self, chat: &Chat) -> ChatPatch {
        let mut patch = ChatPatch { as_of: self.base_as_of, ..ChatPatch::default() };
        match self.base {
            Desired::Read(read) => {
                patch.marked_unread = Some(!read);
                patch.unread_count = Some(chat.unread_count.saturating_add(self.unread));
            }
            base => patch.set(base),
        }
        patch
    }
}

/// Why a setting did not reach WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    /// WhatsApp did not accept it.
    Rejected,
    /// The session was logged out before.
    Unlinked,
}

impl RefusalCode {
    /// The same in words for a person.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Rejected => "WhatsApp did not accept this change.",
            Self::Unlinked => "The session was logged out before WhatsApp could be told.",
        }
    }
}

/// A setting that WhatsApp refused, until it is changed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which.
    pub setting: Setting,
    /// Why.
    pub code: RefusalCode,
    /// When it was given up, in milliseconds.
    pub at: i64,
}
