//! One message of a chat.

use super::cursor::TimeKey;
use super::id::ChatId;
use super::id::MessageId;
use super::id::SessionId;
use super::jid::Jid;

/// What a message is, as a list would show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// Plain text, with or without a link preview.
    Text,
    /// A photo.
    Image,
    /// A video or an animation.
    Video,
    /// Sound or a voice note.
    Audio,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
    /// A place, fixed or live.
    Location,
    /// One or more contact cards.
    Contact,
    /// A poll.
    Poll,
    /// A reaction to another message.
    Reaction,
    /// A call that took place or was missed.
    Call,
    /// Something WhatsApp says about the chat.
    System,
    /// Anything newer than this list.
    Other,
}

/// A message as WhatsApp delivered it, before it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingMessage {
    /// The chat it belongs to.
    pub chat: Jid,
    /// WhatsApp's id; unique per chat and sender.
    pub wa_id: String,
    /// Who wrote it.
    pub sender: Jid,
    /// The name the sender goes by, when WhatsApp told.
    pub sender_name: Option<String>,
    /// Whether this account wrote it, on whatever device.
    pub from_me: bool,
    /// What it is.
    pub kind: MessageKind,
    /// Text or caption.
    pub text: Option<String>,
    /// When it was sent, in milliseconds.
    pub at: i64,
}

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Our id.
    pub id: MessageId,
    /// The chat it belongs to.
    pub chat: ChatId,
    /// The chat's session.
    pub session: SessionId,
    /// WhatsApp's id.
    pub wa_id: String,
    /// Who wrote it.
    pub sender: Jid,
    /// The name the sender went by.
    pub sender_name: Option<String>,
    /// Whether this account wrote it.
    pub from_me: bool,
    /// What it is.
    pub kind: MessageKind,
    /// Text or caption.
    pub text: Option<String>,
    /// When it was sent, in milliseconds.
    pub at: i64,
    /// Whether the sender changed it since.
    pub edited: bool,
    /// Whether it was deleted for everyone.
    pub revoked: bool,
}

impl Message {
    /// Where the message stands in its chat.
    #[must_use]
    pub fn key(&self) -> TimeKey {
        TimeKey { at: self.at, id: self.id.bytes() }
    }
}

/// The last message of a chat as WhatsApp wants it named when a setting goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRange {
    /// WhatsApp's id of the last message.
    pub wa_id: String,
    /// Whether this account wrote it.
    pub from_me: bool,
    /// Who wrote it; needed in groups.
    pub sender: Jid,
    /// When, in milliseconds.
    pub at: i64,
}
