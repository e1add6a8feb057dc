//! Messages of a chat.

use serde::{Deserialize, Serialize};
use strum::{FromRepr, VariantArray};

use super::{
    cursor::TimeKey,
    id::{ChatId, MessageId, PeerId, SessionId},
    jid::Jid,
};

/// A kind of message, as a list of chats shows it. Its numbers are stored, and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, FromRepr, VariantArray)]
#[repr(i16)]
pub enum MessageKind {
    /// Plain text, with or without a link preview.
    Text = 1,
    /// A photo.
    Image = 2,
    /// A video or an animation.
    Video = 3,
    /// A sound or a voice note.
    Audio = 4,
    /// A file.
    Document = 5,
    /// A sticker.
    Sticker = 6,
    /// A location, fixed or live.
    Location = 7,
    /// One or more contact cards.
    Contact = 8,
    /// A poll.
    Poll = 9,
    /// A reaction to another message.
    Reaction = 10,
    /// A call, answered or missed.
    Call = 11,
    /// A notice by WhatsApp about the chat.
    System = 12,
    /// Any other kind.
    Other = 13,
}

/// A message as received from WhatsApp, before it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingMessage {
    /// The chat of the message.
    pub chat: Jid,
    /// WhatsApp's id; unique per chat and sender.
    pub wa_id: String,
    /// The sender.
    pub sender: Jid,
    /// The name chosen by the sender, if WhatsApp sent it.
    pub sender_name: Option<String>,
    /// True if this account sent the message, from any of its devices.
    pub from_me: bool,
    /// The kind.
    pub kind: MessageKind,
    /// Text or caption.
    pub text: Option<String>,
    /// Send time in milliseconds.
    pub at: i64,
}

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The id.
    pub id: MessageId,
    /// The chat of the message.
    pub chat: ChatId,
    /// The chat's session.
    pub session: SessionId,
    /// WhatsApp's message id.
    pub wa_id: String,
    /// The sender's current address.
    pub sender: Jid,
    /// The sender.
    pub sender_id: PeerId,
    /// The name chosen by the sender.
    pub sender_name: Option<String>,
    /// True if this account sent it.
    pub from_me: bool,
    /// The kind.
    pub kind: MessageKind,
    /// Text or caption.
    pub text: Option<String>,
    /// Send time in milliseconds.
    pub at: i64,
    /// True if the sender edited the message.
    pub edited: bool,
    /// Time of the edit in milliseconds by the sender's clock; 0 if it was never edited.
    pub edited_as_of: i64,
    /// True if the message was deleted for everyone.
    pub revoked: bool,
}

/// A change to a sent message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageUpdate {
    /// The sender edited it.
    Edit {
        /// The new text or caption.
        text: Option<String>,
        /// Time of the edit in milliseconds by the sender's clock.
        as_of: i64,
    },
    /// It was deleted for everyone.
    Revocation,
    /// The user deleted it for themselves.
    DeletionForMe {
        /// The latest time at which it may have been sent, in milliseconds.
        sent_at: i64,
    },
}

impl Message {
    /// The message's position in its chat.
    #[must_use]
    pub fn key(&self) -> TimeKey {
        TimeKey { at: self.at, id: self.id.bytes() }
    }

    /// The message after a change; `None` if the change has no effect. A revoked message has no content any more, and
    /// an outdated or repeated edit is ignored.
    #[must_use]
    pub fn updated(&self, rewrite: &MessageUpdate) -> Option<Self> {
        match rewrite {
            // Nothing is left of it.
            MessageUpdate::DeletionForMe { .. } => None,
            _ if self.revoked => None,
            MessageUpdate::Revocation => Some(Self { revoked: true, text: None, ..self.clone() }),
            MessageUpdate::Edit { text, as_of } => {
                let news = *as_of > self.edited_as_of || (*as_of == self.edited_as_of && *text != self.text);
                news.then(|| Self { edited: true, edited_as_of: *as_of, text: text.clone(), ..self.clone() })
            }
        }
    }
}

/// The last message of a chat, in the form that WhatsApp requires with a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRange {
    /// WhatsApp's id of the last message.
    pub wa_id: String,
    /// True if this account sent it.
    pub from_me: bool,
    /// The sender, which WhatsApp requires in groups.
    pub sender: Jid,
    /// Send time in milliseconds.
    pub at: i64,
}

/// A chat's latest message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LastMessage {
    /// The message's id; `None` if only its time is known.
    pub id: Option<MessageId>,
    /// Send time in milliseconds.
    pub at: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_edit_stays_and_what_was_taken_back_says_nothing() {
        let sender: Jid = "15550100@s.whatsapp.net".parse().expect("a JID");
        let message = Message {
            id: MessageId::of(5_000, 1),
            chat: ChatId::new(1),
            session: SessionId::new(1),
            wa_id: "A".into(),
            sender,
            sender_id: PeerId::new(1),
            sender_name: None,
            from_me: false,
            kind: MessageKind::Text,
            text: Some("At nine".into()),
            at: 5_000,
            edited: false,
            edited_as_of: 0,
            revoked: false,
        };
        let edit = |text: &str, as_of| MessageUpdate::Edit { text: Some(text.into()), as_of };
        let twice = message.updated(&edit("At ten", 10)).and_then(|once| once.updated(&edit("At eleven", 20)));
        let twice = twice.expect("two edits");
        assert_eq!((twice.text.as_deref(), twice.edited), (Some("At eleven"), true));
        assert_eq!(twice.updated(&edit("At eleven", 20)), None, "the same again");
        assert_eq!(twice.updated(&edit("At ten", 10)), None, "the older one again");
        let gone = twice.updated(&MessageUpdate::Revocation).expect("taken back");
        assert_eq!((gone.text.as_deref(), gone.revoked), (None, true));
        assert_eq!(gone.updated(&MessageUpdate::Revocation), None);
        assert_eq!(gone.updated(&edit("At twelve", 30)), None, "it stays taken back");
    }
}
