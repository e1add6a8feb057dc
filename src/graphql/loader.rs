//! Data loaders, which read the rows for many items of a response in one query. Each request has its own loaders, since
//! they read with its viewer's rights. They do not cache, so that a subscription event, or a field after a mutation,
//! returns the current rows.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_graphql::dataloader::{DataLoader, Loader};

use super::{error::ApiError, loader_scheduler::PendingBatches, services::GraphqlServices};
use crate::{
    auth::viewer::Viewer,
    domain::{
        chat_list::{ChatKey, ChatList},
        chat_view::{ChatColumns, ChatView},
        cursor::TimeKey,
        id::{ChatId, MessageId, SessionId},
        jid::Jid,
        message::Message,
        page::{Page, PageRequest},
        pending_action::Rejection,
        session::Session,
    },
    service::chat::ChatPage,
};

/// The data loaders of one request.
pub(super) struct Loaders(pub(super) DataLoader<BatchReader>);

impl Loaders {
    /// Creates the loaders of a request of `viewer`, and the batches that must be polled beside the request.
    pub(super) fn new(parts: GraphqlServices, viewer: Arc<Viewer>) -> (Self, PendingBatches) {
        let batches = PendingBatches::default();
        let wait = batches.clone();
        // The request has requested every key that it can before its batches are read.
        let loader = DataLoader::new(BatchReader { parts, viewer }, move |batch| wait.add(batch)).delay(Duration::ZERO);
        (Self(loader), batches)
    }
}

/// Reads rows for one viewer.
pub(super) struct BatchReader {
    parts: GraphqlServices,
    viewer: Arc<Viewer>,
}

/// Key for all addresses of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct AddressesKey(pub(super) ChatId);

/// Key for a page of a chat's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct MessagePageKey(pub(super) ChatId, pub(super) PageRequest<TimeKey>);

/// Key for a page of a list of chats.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ChatPageKey {
    pub(super) list: ChatList,
    pub(super) page: PageRequest<ChatKey>,
    /// The columns that are read at least.
    pub(super) columns: ChatColumns,
}

/// Key for the number of chats in a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ChatCountKey(pub(super) ChatList);

/// Key for the settings of a chat that WhatsApp rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RejectionsKey(pub(super) ChatId);

impl Loader<SessionId> for BatchReader {
    type Value = Session;
    type Error = ApiError;

    async fn load(&self, ids: &[SessionId]) -> Result<HashMap<SessionId, Session>, ApiError> {
        Ok(self.parts.sessions.by_ids(&self.viewer, ids).await?)
    }
}

impl Loader<ChatId> for BatchReader {
    type Value = ChatView;
    type Error = ApiError;

    async fn load(&self, ids: &[ChatId]) -> Result<HashMap<ChatId, ChatView>, ApiError> {
        Ok(self.parts.chats.by_ids(&self.viewer, ids).await?)
    }
}

impl Loader<AddressesKey> for BatchReader {
    type Value = Vec<Jid>;
    type Error = ApiError;

    async fn load(&self, keys: &[AddressesKey]) -> Result<HashMap<AddressesKey, Vec<Jid>>, ApiError> {
        let ids: Vec<_> = keys.iter().map(|AddressesKey(id)| *id).collect();
        let addresses = self.parts.chats.aliases(&self.viewer, &ids).await?;
        Ok(addresses.into_iter().map(|(id, addresses)| (AddressesKey(id), addresses)).collect())
    }
}

impl Loader<RejectionsKey> for BatchReader {
    type Value = Vec<Rejection>;
    type Error = ApiError;

    async fn load(&self, keys: &[RejectionsKey]) -> Result<HashMap<RejectionsKey, Vec<Rejection>>, ApiError> {
        let ids: Vec<_> = keys.iter().map(|RejectionsKey(id)| *id).collect();
        let refusals = self.parts.chats.rejections(&self.viewer, &ids).await?;
        Ok(refusals.into_iter().map(|(id, refusals)| (RejectionsKey(id), refusals)).collect())
    }
}

impl Loader<MessageId> for BatchReader {
    type Value = Message;
    type Error = ApiError;

    async fn load(&self, ids: &[MessageId]) -> Result<HashMap<MessageId, Message>, ApiError> {
        Ok(self.parts.chats.messages_by_ids(&self.viewer, ids).await?)
    }
}

impl Loader<MessagePageKey> for BatchReader {
    type Value = Page<Message>;
    type Error = ApiError;

    async fn load(&self, keys: &[MessagePageKey]) -> Result<HashMap<MessagePageKey, Page<Message>>, ApiError> {
        let pages: Vec<_> = keys.iter().map(|MessagePageKey(chat, page)| (*chat, *page)).collect();
        let pages = self.parts.chats.messages(&self.viewer, &pages).await?;
        Ok(keys.iter().copied().zip(pages).collect())
    }
}

impl Loader<ChatPageKey> for BatchReader {
    type Value = ChatPage;
    type Error = ApiError;

    async fn load(&self, keys: &[ChatPageKey]) -> Result<HashMap<ChatPageKey, ChatPage>, ApiError> {
        let pages: Vec<_> = keys.iter().map(|key| (key.list.clone(), key.page)).collect();
        let columns = keys.iter().fold(ChatColumns::default(), |columns, key| columns.union(key.columns));
        let pages = self.parts.chats.lists(&self.viewer, &pages, columns).await?;
        Ok(keys.iter().cloned().zip(pages).collect())
    }
}

/// Returns no value for a list that could not be counted in time.
impl Loader<ChatCountKey> for BatchReader {
    type Value = i64;
    type Error = ApiError;

    async fn load(&self, keys: &[ChatCountKey]) -> Result<HashMap<ChatCountKey, i64>, ApiError> {
        let lists: Vec<_> = keys.iter().map(|ChatCountKey(list)| list.clone()).collect();
        let counts = self.parts.chats.count(&self.viewer, &lists).await?.unwrap_or_default();
        Ok(keys.iter().cloned().zip(counts).collect())
    }
}
