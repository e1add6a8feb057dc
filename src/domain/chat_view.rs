//! A chat as clients see it: the part of a chat that answers contain, and what is read for it.

use enumset::{EnumSet, EnumSetType};

use super::{
    change::{Change, ChatState},
    chat::{Chat, ChatType},
    chat_list::ChatKey,
    id::{ChatId, SessionId},
    jid::Jid,
};

/// A chat as clients see it. Unlike [`Chat`], it cannot be changed or stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatView {
    /// The id.
    pub id: ChatId,
    /// The session.
    pub session: SessionId,
    /// The canonical address.
    pub jid: Jid,
    /// The first known of the possible names, without the phone number.
    pub display_name: Option<String>,
    /// The settings and counters.
    pub state: ChatState,
    /// The number of recorded changes.
    pub revision: i64,
}

impl ChatView {
    /// Restores the settings, counters and revision after a change.
    pub fn restore_to(&mut self, change: &Change) {
        (self.state, self.revision) = (change.state.clone(), change.revision);
    }

    /// The kind of chat, according to its address.
    #[must_use]
    pub fn chat_type(&self) -> ChatType {
        self.jid.kind().into()
    }

    /// The display name, as [`Chat::name`] returns it.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.display_name.clone().or_else(|| self.jid.phone_number())
    }

    /// The end of the mute, if the chat is muted at `now`, in milliseconds.
    #[must_use]
    pub fn muted_at(&self, now: i64) -> Option<i64> {
        self.state.settings.muted_until.value.filter(|until| *until > now)
    }
}

impl From<Chat> for ChatView {
    fn from(chat: Chat) -> Self {
        Self {
            id: chat.id,
            session: chat.session,
            display_name: chat.names.display_name().cloned(),
            state: chat.state(),
            revision: chat.revision,
            jid: chat.jid,
        }
    }
}

/// A chat and its position in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedChat {
    /// The chat.
    pub chat: ChatView,
    /// The position.
    pub key: ChatKey,
}

/// A part of a [`ChatView`] that is read only on request. Id, session and address are always read.
#[derive(Debug, Hash, EnumSetType)]
pub enum ChatColumn {
    /// The display name.
    Name,
    /// The archived state.
    Archived,
    /// The pinned state.
    Pinned,
    /// The end of the mute.
    MutedUntil,
    /// The number of unread messages.
    UnreadCount,
    /// The mark as unread.
    MarkedUnread,
    /// The last message.
    LastMessage,
    /// The settings that are pending, and those that WhatsApp rejected.
    Sync,
    /// The number of recorded changes.
    Revision,
}

/// The parts of a [`ChatView`] that are read. The others have their default value.
pub type ChatColumns = EnumSet<ChatColumn>;
