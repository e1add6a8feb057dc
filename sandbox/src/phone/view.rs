//! The phone's view of chats and messages.

use serde::Serialize;

use crate::{chat::ChatKind, message_kind::MessageKind};

/// One chat as the phone shows it, the reference for comparing a companion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "a chat has this many settings")]
pub struct ChatView {
    /// The chat's JID.
    pub jid: String,
    /// Further JIDs of the same chat, such as the LID of a contact.
    pub aliases: Vec<String>,
    /// The contact's name or the group's subject, if the phone knows one.
    pub name: Option<String>,
    /// Kind of chat.
    #[serde(rename = "type")]
    pub kind: ChatKind,
    /// True if it is archived.
    pub archived: bool,
    /// True if it is locked behind a code.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
    /// True if it is pinned.
    pub pinned: bool,
    /// End of the mute, in milliseconds since the Unix epoch; [`FOREVER`](crate::FOREVER) without end; `None`: not
    /// muted.
    pub muted_until: Option<i64>,
    /// Number of unread messages.
    pub unread_count: u32,
    /// True if it is marked as unread.
    pub marked_unread: bool,
    /// Time of the latest message, in milliseconds since the Unix epoch; `None` without a message.
    pub last_message_at: Option<i64>,
}

/// One message in a chat, as the phone shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageView {
    /// Its id on the wire.
    pub id: String,
    /// The JID of its writer; `None`: the owner.
    pub from: Option<String>,
    /// Its kind.
    pub kind: MessageKind,
    /// The text; `None` if it was revoked.
    pub text: Option<String>,
    /// Time of the message, in milliseconds since the Unix epoch; whole seconds.
    pub at: i64,
    /// True if it was edited.
    pub edited: bool,
    /// True if it was revoked.
    pub revoked: bool,
}

/// One call of this run of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallView {
    /// Its id on the wire.
    pub id: String,
    /// The caller's JID.
    pub from: String,
    /// True for a video call.
    pub video: bool,
    /// The group that is called, if it is one.
    pub group: Option<String>,
    /// Its state.
    pub state: CallState,
}

/// State of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CallState {
    /// Not answered yet.
    Ringing,
    /// Rejected by a companion.
    Rejected,
    /// Ended by the caller.
    Ended,
}
