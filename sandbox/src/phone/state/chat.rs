//! A chat and its messages.

use serde::{Deserialize, Serialize};

use crate::{clock, message_kind::MessageKind};

/// A chat on the phone.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Chat {
    pub(crate) archived: bool,
    /// Time of archiving, in milliseconds.
    #[serde(default)]
    pub(crate) archived_at: Option<i64>,
    /// True if it is locked behind a code.
    #[serde(default)]
    pub(crate) locked: bool,
    /// Time of pinning, in milliseconds.
    pub(crate) pinned_at: Option<i64>,
    /// End of the mute, in milliseconds.
    pub(crate) muted_until: Option<i64>,
    pub(crate) unread: u32,
    pub(crate) marked_unread: bool,
    /// The messages, oldest first.
    pub(crate) messages: Vec<Message>,
}

/// A text in a chat.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    /// The sender's JID; `None`: the owner.
    pub(crate) from: Option<String>,
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) kind: MessageKind,
    /// The broadcast list through which it was sent.
    #[serde(default)]
    pub(crate) list: Option<String>,
    /// In milliseconds since the Unix epoch.
    pub(crate) at: i64,
    /// True if its author revoked it.
    #[serde(default)]
    pub(crate) revoked: bool,
    /// Time of its last edit or revocation, in milliseconds.
    #[serde(default)]
    pub(crate) changed_at: Option<i64>,
    /// The original text, if it was edited or revoked.
    #[serde(default)]
    pub(crate) original: Option<String>,
}

impl Message {
    /// Returns the original text.
    pub(crate) fn as_sent(&self) -> &str {
        self.original.as_deref().unwrap_or(&self.text)
    }

    /// Changes the text, or revokes it, at the present time.
    pub(crate) fn change(&mut self, text: &str, revoked: bool) {
        let before = std::mem::replace(&mut self.text, text.to_owned());
        self.original.get_or_insert(before);
        (self.revoked, self.changed_at) = (revoked, Some(clock::now_ms()));
    }
}

impl Chat {
    /// Returns the time of the latest message, in milliseconds.
    pub(crate) fn last_message_at(&self) -> Option<i64> {
        self.messages.iter().map(|message| message.at).max()
    }

    /// Counts the incoming messages that are not revoked.
    pub(crate) fn from_others(messages: &[Message]) -> u32 {
        let others = messages.iter().filter(|message| message.from.is_some() && !message.revoked);
        u32::try_from(others.count()).unwrap_or(u32::MAX)
    }

    /// Removes a message, which no longer counts as unread.
    pub(crate) fn remove(&mut self, id: &str) {
        let Some(place) = self.messages.iter().position(|message| message.id == id) else { return };
        let message = self.messages.remove(place);
        let is_unread =
            message.from.is_some() && !message.revoked && Self::from_others(&self.messages[place..]) < self.unread;
        self.unread -= u32::from(is_unread);
    }

    /// Marks everything as read.
    pub(crate) fn read(&mut self) {
        self.unread = 0;
        self.marked_unread = false;
    }
}
