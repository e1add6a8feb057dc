//! Reading and changing chats.

pub(super) mod delete;
pub(super) mod update;

use std::{collections::HashMap, sync::Arc};

use tracing::instrument;

use super::{
    audit,
    background::{mute_expiry::MuteExpirer, purge::Purger},
    error::Error,
};
use crate::{
    auth::viewer::Viewer,
    domain::{
        capability::Capability,
        chat::Chat,
        chat_list::{ChatKey, ChatList},
        chat_view::{ChatColumns, ChatView, ListedChat},
        clock::Clock,
        cursor::{ChangeCursor, TimeKey},
        id::{ChatId, MessageId, OrganizationId, SessionId},
        jid::Jid,
        message::Message,
        page::{Page, PageRequest},
        pending_action::Rejection,
    },
    feed::{Feed, FollowedChat, Subscription, SubscriptionFilter},
    session::registry::Registry,
    store::Store,
};
use delete::DeleteChat;
use update::UpdateChat;

pub use update::ChatUpdate;

/// Reference to a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatRef {
    /// By address, canonical or an alias.
    Address {
        /// The session; optional if the organization has exactly one.
        session: Option<SessionId>,
        /// The address.
        cid: Jid,
    },
    /// By id; also finds the chat into which the chat with this id was merged.
    Id(ChatId),
}

/// Session and address of a chat.
struct ChatLocation {
    session: SessionId,
    cid: Jid,
    /// Expected id if the chat was referenced by id: its address may move to another chat meanwhile.
    id: Option<ChatId>,
}

impl ChatLocation {
    /// Rejects a chat with another id than the expected one.
    fn check(id: Option<ChatId>, chat: Chat) -> Result<Chat, Error> {
        if id.is_none_or(|id| id == chat.id) { Ok(chat) } else { Err(Error::ChatNotFound) }
    }
}

/// Chat of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowTarget {
    /// Any chat that an address identifies, now or later.
    Address(Jid),
    /// The chat with this id, and its successor if it is merged or comes back.
    Id(ChatId),
}

/// A page of chats and the change-log position that it reflects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatPage {
    /// The chats.
    pub page: Page<ListedChat>,
    /// Subscribing after this cursor misses nothing.
    pub change_cursor: ChangeCursor,
}

/// The use cases around chats.
#[derive(Clone)]
pub struct Chats {
    store: Store,
    feed: Feed,
    sessions: Registry,
    purger: Purger,
    mutes: MuteExpirer,
    clock: Arc<dyn Clock>,
    config: Config,
}

/// Limits for changes of chats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Maximum number of chats pinned through the API; WhatsApp shows three.
    pub max_pinned: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_pinned: 3 }
    }
}

impl Chats {
    /// Creates the use cases. `sessions` is woken if a change must be sent to WhatsApp, `purger` after a deletion, and
    /// `mutes` after a mute.
    #[must_use]
    pub fn new(
        store: Store,
        feed: Feed,
        sessions: Registry,
        purger: Purger,
        mutes: MuteExpirer,
        clock: Arc<dyn Clock>,
        config: Config,
    ) -> Self {
        Self { store, feed, sessions, purger, mutes, clock, config }
    }

    /// Returns a page of the organization's chats, with these columns.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `SessionNotFound`, `Store`.
    #[instrument(name = "chats.list", level = "debug", skip_all)]
    pub async fn list(
        &self,
        viewer: &Viewer,
        list: ChatList,
        page: PageRequest<ChatKey>,
        columns: ChatColumns,
    ) -> Result<ChatPage, Error> {
        let organization = viewer.require(Capability::Read)?;
        let mut read = self.store.chat_pages(organization, &[(list, page)], columns, self.clock.now()).await?;
        if !read.has_session {
            return Err(Error::SessionNotFound);
        }
        Ok(ChatPage { page: read.pages.remove(0), change_cursor: read.change_cursor })
    }

    /// Returns pages of several lists at once, for loaders. The list of a missing session is empty.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `Store`.
    #[instrument(name = "chats.lists", level = "debug", skip_all)]
    pub async fn lists(
        &self,
        viewer: &Viewer,
        pages: &[(ChatList, PageRequest<ChatKey>)],
        columns: ChatColumns,
    ) -> Result<Vec<ChatPage>, Error> {
        let organization = viewer.require(Capability::Read)?;
        let read = self.store.chat_pages(organization, pages, columns, self.clock.now()).await?;
        let change_cursor = read.change_cursor;
        Ok(read.pages.into_iter().map(|page| ChatPage { page, change_cursor }).collect())
    }

    /// Returns the newest change-log position of the viewer's organization.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `Store`.
    pub async fn log_head(&self, viewer: &Viewer) -> Result<ChangeCursor, Error> {
        Ok(self.store.log_head(viewer.require(Capability::Read)?).await?)
    }

    /// Returns the revision of a chat as shown to clients. No other state of the chat ever has the same revision.
    #[must_use]
    pub fn revision(&self, chat: &ChatView) -> i64 {
        self.store.revision_base().saturating_add(chat.revision)
    }

    /// Returns the number of chats in several lists, for loaders; `None` if counting takes too long.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `Store`.
    #[instrument(name = "chats.count", level = "debug", skip_all)]
    pub async fn count(&self, viewer: &Viewer, lists: &[ChatList]) -> Result<Option<Vec<i64>>, Error> {
        Ok(self.store.count_chats(viewer.require(Capability::Read)?, lists, self.clock.now()).await?)
    }

    /// Returns one chat, with these columns.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `SessionRequired`, `SessionNotFound`, `ChatNotFound`, `Store`.
    #[instrument(name = "chats.chat", level = "debug", skip_all)]
    pub async fn chat(&self, viewer: &Viewer, target: &ChatRef, columns: ChatColumns) -> Result<ChatView, Error> {
        let organization = viewer.require(Capability::Read)?;
        let found = match target {
            ChatRef::Id(id) => match self.store.chat_views_by_ids(organization, &[*id], columns).await?.pop() {
                Some(chat) => Some(chat),
                None => self.store.chat_by_id(organization, *id).await?.map(ChatView::from),
            },
            ChatRef::Address { session: Some(session), cid } => {
                let found = self.store.chat_view(organization, *session, cid, columns).await?;
                if found.is_none() {
                    existing_session(&self.store, organization, *session).await?;
                }
                found
            }
            ChatRef::Address { session: None, cid } => {
                let session = session_of(&self.store, organization, None).await?;
                self.store.chat_view(organization, session, cid, columns).await?
            }
        };
        found.ok_or(Error::ChatNotFound)
    }

    async fn locate(&self, organization: &OrganizationId, target: &ChatRef) -> Result<ChatLocation, Error> {
        match target {
            ChatRef::Address { session, cid } => {
                let session = session_of(&self.store, organization, *session).await?;
                Ok(ChatLocation { session, cid: cid.clone(), id: None })
            }
            ChatRef::Id(id) => {
                let chat = self.store.chat_by_id(organization, *id).await?.ok_or(Error::ChatNotFound)?;
                Ok(ChatLocation { session: chat.session, cid: chat.jid, id: Some(chat.id) })
            }
        }
    }

    /// Changes settings of one chat: at once in the stored copy, on WhatsApp as soon as the session is connected.
    ///
    /// # Errors
    /// `Forbidden` without `send`, the errors of [`Chats::chat`], `Invalid`, `Conflict`.
    #[instrument(name = "chats.update", level = "debug", skip_all)]
    pub async fn update(&self, viewer: &Viewer, target: &ChatRef, update: ChatUpdate) -> Result<Chat, Error> {
        let organization = viewer.require(Capability::Send)?.clone();
        let ChatLocation { session, cid, id } = self.locate(&organization, target).await?;
        let settings = update.settings(self.clock.now())?;
        let order = UpdateChat {
            session,
            cid,
            settings,
            range_hint: update.last_message_timestamp,
            max_pinned: self.config.max_pinned,
        };
        let updated = self.store.write_session_with_retry(&organization, session, (id, order), |(id, order), unit| {
            Box::pin(async move { ChatLocation::check(id, order.execute(unit).await?) })
        });
        let chat = updated.await.map_err(|error: Error| error.redacted_for(viewer))?;
        if let Some(end) = chat.settings.muted_until.value {
            self.mutes.schedule(end);
        }
        self.sessions.wake_pending(session);
        audit::record_chat(viewer, "chat.update", chat.id);
        Ok(chat)
    }

    /// Deletes one chat from the stored copy, with its messages and its pending actions; WhatsApp is not changed. The
    /// next message restores the chat under a new id, in the state that WhatsApp has by then. Returns the chat as it
    /// was.
    ///
    /// # Errors
    /// `Forbidden` without `send`, the errors of [`Chats::chat`].
    #[instrument(name = "chats.delete", level = "debug", skip_all)]
    pub async fn delete(&self, viewer: &Viewer, target: &ChatRef) -> Result<Chat, Error> {
        let organization = viewer.require(Capability::Send)?.clone();
        let ChatLocation { session, cid, id } = self.locate(&organization, target).await?;
        let order = DeleteChat { session, cid };
        let deleted = self.store.write_session_with_retry(&organization, session, (id, order), |(id, order), unit| {
            Box::pin(async move { ChatLocation::check(id, order.execute(unit).await?) })
        });
        let chat = deleted.await?;
        audit::record_chat(viewer, "chat.delete", chat.id);
        self.purger.wake();
        Ok(chat)
    }

    /// Subscribes to changes of the organization's chats, of one session, or of one chat, after `after` or from now on.
    /// An address need not identify a chat yet. An id must, unless `after` is given: the chat may have existed then.
    ///
    /// # Errors
    /// `Forbidden` without `events`, `SessionNotFound`, `ChatNotFound`, `Invalid` for a cursor ahead of the log,
    /// `CursorExpired`, `Store`.
    #[instrument(name = "chats.follow", level = "debug", skip_all)]
    pub async fn follow(
        &self,
        viewer: &Viewer,
        session: Option<SessionId>,
        chat: Option<FollowTarget>,
        after: Option<ChangeCursor>,
    ) -> Result<Subscription, Error> {
        let organization = viewer.require(Capability::Events)?;
        if let Some(session) = session {
            existing_session(&self.store, organization, session).await?;
        }
        let chat = match chat {
            Some(FollowTarget::Address(cid)) => {
                let (chats, addresses) = self.store.resolve_address(organization, session, &cid).await?;
                Some(FollowedChat::new(chats, addresses))
            }
            Some(FollowTarget::Id(id)) => {
                let now = self.store.chat_by_id(organization, id).await?.map(|chat| chat.id);
                if now.is_none() && after.is_none() {
                    return Err(Error::ChatNotFound);
                }
                Some(FollowedChat::new(now.into_iter().chain([id]), []))
            }
            None => None,
        };
        Ok(self.feed.subscribe(organization, SubscriptionFilter { session, chat }, after).await?)
    }

    /// Returns several chats at once, for loaders; deleted ones are missing.
    ///
    /// # Errors
    /// `Forbidden` without any of `read`, `events` and `send`, `Store`.
    pub async fn by_ids(&self, viewer: &Viewer, ids: &[ChatId]) -> Result<HashMap<ChatId, ChatView>, Error> {
        let organization = viewer.require_any(&LOADING_CAPABILITIES)?;
        let chats = self.store.chat_views_by_ids(organization, ids, ChatColumns::all()).await?;
        Ok(chats.into_iter().map(|chat| (chat.id, chat)).collect())
    }

    /// Returns every address of several chats, including the canonical one, for loaders.
    ///
    /// # Errors
    /// As [`Chats::by_ids`].
    pub async fn aliases(&self, viewer: &Viewer, ids: &[ChatId]) -> Result<HashMap<ChatId, Vec<Jid>>, Error> {
        Ok(self.store.addresses(viewer.require_any(&LOADING_CAPABILITIES)?, ids).await?)
    }

    /// Returns the settings that WhatsApp rejected for several chats, for loaders; chats without one are missing.
    ///
    /// # Errors
    /// As [`Chats::by_ids`].
    pub async fn rejections(&self, viewer: &Viewer, ids: &[ChatId]) -> Result<HashMap<ChatId, Vec<Rejection>>, Error> {
        Ok(self.store.rejections(viewer.require_any(&LOADING_CAPABILITIES)?, ids).await?)
    }

    /// Returns several messages at once, for loaders.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `Store`.
    pub async fn messages_by_ids(
        &self,
        viewer: &Viewer,
        ids: &[MessageId],
    ) -> Result<HashMap<MessageId, Message>, Error> {
        let organization = viewer.require(Capability::Read)?;
        let messages = self.store.messages_by_ids(organization, ids).await?;
        Ok(messages.into_iter().map(|message| (message.id, message)).collect())
    }

    /// Returns a page of each chat's stored messages, newest first, for loaders.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `Store`.
    #[instrument(name = "chats.messages", level = "debug", skip_all)]
    pub async fn messages(
        &self,
        viewer: &Viewer,
        pages: &[(ChatId, PageRequest<TimeKey>)],
    ) -> Result<Vec<Page<Message>>, Error> {
        Ok(self.store.messages(viewer.require(Capability::Read)?, pages).await?)
    }

    /// Current time in milliseconds, for comparison with the end of a mute.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }
}

/// Capabilities that allow loading a chat shown in an answer: to read it, to receive its change, or to have changed it.
const LOADING_CAPABILITIES: [Capability; 3] = [Capability::Read, Capability::Events, Capability::Send];

/// Returns the given session, or the organization's only one.
async fn session_of(
    store: &Store,
    organization: &OrganizationId,
    named: Option<SessionId>,
) -> Result<SessionId, Error> {
    if let Some(session) = named {
        return existing_session(store, organization, session).await;
    }
    // With several sessions, a guess could pick another session's chat with the same person.
    match store.some_sessions(organization, 2).await?.as_slice() {
        [only] => Ok(*only),
        _ => Err(Error::SessionRequired),
    }
}

async fn existing_session(
    store: &Store,
    organization: &OrganizationId,
    session: SessionId,
) -> Result<SessionId, Error> {
    let found = store.sessions_by_ids(organization, &[session]).await?;
    if found.is_empty() { Err(Error::SessionNotFound) } else { Ok(session) }
}

#[cfg(test)]
mod tests;
