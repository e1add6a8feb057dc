//! Reading chats, and what answers show beside them.

use std::collections::HashMap;

use tracing::instrument;

use super::{
    ChatRef, Chats,
    target::{existing_session, session_of},
};
use crate::{
    auth::viewer::Viewer,
    domain::{
        capability::Capability,
        chat_list::{ChatKey, ChatList},
        chat_view::{ChatColumns, ChatView, ListedChat},
        cursor::{ChangeCursor, TimeKey},
        id::{ChatId, MessageId, OrganizationId},
        jid::Jid,
        message::Message,
        page::{Page, PageRequest},
        pending_action::Rejection,
    },
    service::error::Error,
};

/// A page of chats and the change-log position that it reflects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatPage {
    /// The chats.
    pub page: Page<ListedChat>,
    /// Subscribing after this cursor misses nothing.
    pub change_cursor: ChangeCursor,
}

/// Capabilities that allow loading a chat shown in an answer: to read it, to receive its change, or to have changed it.
const LOADING_CAPABILITIES: [Capability; 3] = [Capability::Read, Capability::Events, Capability::Send];

impl Chats {
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

    /// Returns the version of an organization's data, which every commit changes; `None` during a commit.
    #[must_use]
    pub fn data_version(&self, organization: &OrganizationId) -> Option<u64> {
        self.store.data_version(organization)
    }

    /// Returns the newest change-log position of the viewer's organization.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `Store`.
    pub async fn log_head(&self, viewer: &Viewer) -> Result<ChangeCursor, Error> {
        Ok(self.store.log_head(viewer.require(Capability::Read)?).await?)
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
}
