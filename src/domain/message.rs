//! One message of a chat.

use serde::Deserialize;
use serde::Serialize;

use super::cursor::TimeKey;
use super::id::ChatId;
use super::id::MessageId;
use super::id::PeerId;
use super::id::SessionId;
use super::jid::Jid;

/// What a message is, as a list would show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The address of who wrote it, as the person goes by now.
    pub sender: Jid,
    /// Who wrote it.
    pub sender_id: PeerId,
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
    /// When that was, in milliseconds by the sender's clock; 0 when it never was.
    pub edited_as_of: i64,
    /// Whether it was deleted for everyone.
    pub revoked: bool,
}

/// What can be done to a message that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rewrite {
    /// Its sender changed it.
    Edit {
        /// The text or caption since.
        text: Option<String>,
        /// When, in milliseconds by the sender's clock.
        as_of: i64,
    },
    /// It was deleted for everyone.
    Revocation,
}

impl Message {
    /// Where the message stands in its chat.
    #[must_use]
    pub fn key(&self) -> TimeKey {
        TimeKey { at: self.at, id: self.id.bytes() }
    }

    /// The message as it is since, none when that is as before: what was taken back says nothing any more, and an edit
    /// that comes late or twice changes nothing.
    #[must_use]
    pub fn rewritten(&self, rewrite: &Rewrite) -> Option<Self> {
        match rewrite {
            _ if self.revoked => None,
            Rewrite::Revocation => Some(Self { revoked: true, text: None, ..self.clone() }),
            Rewrite::Edit { text, as_of } => {
                let news = *as_of > self.edited_as_of || (*as_of == self.edited_as_of && *text != self.text);
                news.then(|| Self { edited: true, edited_as_of: *as_of, text: text.clone(), ..self.clone() })
            }
        }
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
        let edit = |text: &str, as_of| Rewrite::Edit { text: Some(text.into()), as_of };
        let twice = message.rewritten(&edit("At ten", 10)).and_then(|once| once.rewritten(&edit("At eleven", 20)));
        let twice = twice.expect("two edits");
        assert_eq!((twice.text.as_deref(), twice.edited), (Some("At eleven"), true));
        assert_eq!(twice.rewritten(&edit("At eleven", 20)), None, "the same again");
        assert_eq!(twice.rewritten(&edit("At ten", 10)), None, "the older one again");
        let gone = twice.rewritten(&Rewrite::Revocation).expect("taken back");
        assert_eq!((gone.text.as_deref(), gone.revoked), (None, true));
        assert_eq!(gone.rewritten(&Rewrite::Revocation), None);
        assert_eq!(gone.rewritten(&edit("At twelve", 30)), None, "it stays taken back");
    }
}
