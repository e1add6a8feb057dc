//! The enums of chats.

use async_graphql::Enum;

use crate::domain::{change, chat, chat_list, pending_action};

/// A kind of chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "chat::ChatType")]
pub(in crate::graphql) enum ChatType {
    /// A chat with one user, or with an assistant.
    Dm,
    /// A group.
    Group,
    /// A newsletter (also called channel).
    Newsletter,
    /// A broadcast list.
    Broadcast,
    /// Status posts.
    Status,
}

/// The order of chats. In both orders, chats without a message come last, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
#[graphql(remote = "chat_list::ChatOrder")]
pub(in crate::graphql) enum ChatOrder {
    /// Latest activity first.
    #[default]
    Recent,
    /// As on the phone: pinned chats first, the most recently pinned one on top, then by latest activity.
    Inbox,
}

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "change::ChangeKind")]
pub(in crate::graphql) enum ChatChangeKind {
    /// The chat is new.
    Created,
    /// The chat changed.
    Updated,
    /// The chat was removed from the stored copy.
    Deleted,
}

/// The origin of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "change::Origin")]
pub(in crate::graphql) enum ChangeOrigin {
    /// A client of this API.
    Api,
    /// The phone or another linked device.
    Device,
    /// An incoming or outgoing message.
    Message,
    /// History or settings imported from WhatsApp.
    Import,
    /// WhatsApp rejected a change that was made through this API, and the stored copy was reverted.
    Revert,
    /// A mute expired.
    Expired,
}

/// A part of a chat that can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "change::ChatField")]
pub(in crate::graphql) enum ChatField {
    /// The canonical address.
    Jid,
    /// The other addresses.
    Aliases,
    /// The name.
    Name,
    /// The archived state.
    Archived,
    /// The pinned state.
    Pinned,
    /// The end of the mute.
    MutedUntil,
    /// The number of unread messages.
    UnreadCount,
    /// The mark as unread by hand.
    MarkedUnread,
    /// The last message: a different message, or its content.
    LastMessage,
    /// The synchronization with WhatsApp.
    Sync,
}

/// The state of a chat's synchronization with WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::graphql) enum ChatSyncState {
    /// WhatsApp has every setting.
    Synced,
    /// A setting waits for the session to connect, or is being sent.
    Pending,
    /// WhatsApp rejected a setting, and no setting is pending.
    Refused,
}

/// The reason why a setting did not reach WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "pending_action::RejectionCode")]
pub(in crate::graphql) enum RefusalCode {
    /// WhatsApp rejected the setting on every attempt.
    Rejected,
    /// The session was logged out before the setting was sent to WhatsApp.
    Unlinked,
}
