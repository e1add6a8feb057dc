//! Reading and changing chats.

use std::collections::HashMap;
use std::sync::Arc;

use crate::auth::viewer::Viewer;
use crate::domain::chat::Chat;
use crate::domain::clock::Clock;
use crate::domain::cursor::ChangeCursor;
use crate::domain::cursor::TimeKey;
use crate::domain::id::ChatId;
use crate::domain::id::MessageId;
use crate::domain::id::SessionId;
use crate::domain::jid::Jid;
use crate::domain::message::Message;
use crate::domain::page::Page;
use crate::domain::page::PageRequest;
use crate::store::Store;

use super::error::Error;

/// Which chat a caller means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatRef {
    /// The session; may be left out while the organization has exactly one.
    pub session: Option<SessionId>,
    /// The chat's canonical address or any alias.
    pub cid: Jid,
}

/// What a caller wants changed; none leaves it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChatUpdate {
    /// Archiving also unpins.
    pub archived: Option<bool>,
    /// Pinned or not.
    pub pinned: Option<bool>,
    /// Milliseconds, in the future.
    pub muted_until: Option<i64>,
    /// Clears any mute and wins over `muted_until`.
    pub unmute: bool,
    /// Read, or marked as unread.
    pub read: Option<bool>,
    /// A later last message than the stored one, in milliseconds: a hint for archiving.
    pub last_message_timestamp: Option<i64>,
}

/// A page of chats and the place in the change log it reflects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatPage {
    /// The chats.
    pub page: Page<Chat>,
    /// Following from here misses nothing.
    pub change_cursor: ChangeCursor,
}

/// The use cases around chats.
#[derive(Clone)]
pub struct Chats {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Chats {
    /// A page of the organization's chats with a message, latest activity first, of one session or of all.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `SessionNotFound`, `Store`.
    pub async fn list(
        &self,
        viewer: &Viewer,
        session: Option<SessionId>,
        page: PageRequest<TimeKey>,
    ) -> Result<ChatPage, Error> {
        todo!()
    }

    /// One chat.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `SessionRequired`, `SessionNotFound`, `ChatNotFound`, `Store`.
    pub async fn chat(&self, viewer: &Viewer, target: &ChatRef) -> Result<Chat, Error> {
        todo!()
    }

    /// Changes settings of one chat: at once in the stored copy, on WhatsApp as soon as the session is connected.
    ///
    /// # Errors
    /// `Forbidden` without `send`, the ones of [`Chats::chat`], `Invalid`, `Conflict`.
    pub async fn update(&self, viewer: &Viewer, target: &ChatRef, update: ChatUpdate) -> Result<Chat, Error> {
        todo!()
    }

    /// Several chats at once, for loaders; those that are gone are missing.
    ///
    /// # Errors
    /// `Forbidden` without `read` and `events`, `Store`.
    pub async fn by_ids(&self, viewer: &Viewer, ids: &[ChatId]) -> Result<HashMap<ChatId, Chat>, Error> {
        todo!()
    }

    /// The other addresses of several chats, for loaders.
    ///
    /// # Errors
    /// As [`Chats::by_ids`].
    pub async fn aliases(&self, viewer: &Viewer, ids: &[ChatId]) -> Result<HashMap<ChatId, Vec<Jid>>, Error> {
        todo!()
    }

    /// Several messages at once, for loaders.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `Store`.
    pub async fn messages_by_ids(
        &self,
        viewer: &Viewer,
        ids: &[MessageId],
    ) -> Result<HashMap<MessageId, Message>, Error> {
        todo!()
    }

    /// A page of a chat's stored messages, newest first.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `Store`.
    pub async fn messages(
        &self,
        viewer: &Viewer,
        chat: ChatId,
        page: PageRequest<TimeKey>,
    ) -> Result<Page<Message>, Error> {
        todo!()
    }

    /// Now, in milliseconds: what a mute's end is compared with.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }
}
