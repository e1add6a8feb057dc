//! Loads rows that many items of an answer need, in one query each. A request has its own loaders, since what a caller
//! may see is its own; and they remember nothing, so that an event of a subscription, or a field after a mutation, shows
//! what is stored now.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::dataloader::DataLoader;
use async_graphql::dataloader::Loader;

use crate::auth::viewer::Viewer;
use crate::domain::action::Refusal;
use crate::domain::chat::Chat;
use crate::domain::cursor::TimeKey;
use crate::domain::id::ChatId;
use crate::domain::id::MessageId;
use crate::domain::id::SessionId;
use crate::domain::jid::Jid;
use crate::domain::list::ChatKey;
use crate::domain::list::ChatList;
use crate::domain::message::Message;
use crate::domain::page::Page;
use crate::domain::page::PageRequest;
use crate::domain::session::Session;
use crate::service::chat::ChatPage;

use super::api::Parts;
use super::batches::Batches;
use super::error::ApiError;

/// The loaders of one request.
pub(super) struct Loaders(pub(super) DataLoader<Rows>);

impl Loaders {
    /// The loaders of a request of `viewer`, and what they have to read: that is done beside the request.
    pub(super) fn new(parts: Parts, viewer: Arc<Viewer>) -> (Self, Batches) {
        let batches = Batches::default();
        let wait = batches.clone();
        // All that can be asked for together has been, once the request can do no more without an answer.
        let loader = DataLoader::new(Rows { parts, viewer }, move |batch| wait.add(batch)).delay(Duration::ZERO);
        (Self(loader), batches)
    }
}

/// Reads rows for one viewer.
pub(super) struct Rows {
    parts: Parts,
    viewer: Arc<Viewer>,
}

/// Asks for all addresses of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct AddressesOf(pub(super) ChatId);

/// Asks for a page of a chat's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct MessagesOf(pub(super) ChatId, pub(super) PageRequest<TimeKey>);

/// Asks for a page of a list of chats.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct PageOf(pub(super) ChatList, pub(super) PageRequest<ChatKey>);

/// Asks how many chats a list has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct CountOf(pub(super) ChatList);

/// Asks for what WhatsApp refused about a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RefusalsOf(pub(super) ChatId);

impl Loader<SessionId> for Rows {
    type Value = Session;
    type Error = ApiError;

    async fn load(&self, ids: &[SessionId]) -> Result<HashMap<SessionId, Session>, ApiError> {
        Ok(self.parts.sessions.by_ids(&self.viewer, ids).await?)
    }
}

impl Loader<ChatId> for Rows {
    type Value = Chat;
    type Error = ApiError;

    async fn load(&self, ids: &[ChatId]) -> Result<HashMap<ChatId, Chat>, ApiError> {
        Ok(self.parts.chats.by_ids(&self.viewer, ids).await?)
    }
}

impl Loader<AddressesOf> for Rows {
    type Value = Vec<Jid>;
    type Error = ApiError;

    async fn load(&self, keys: &[AddressesOf]) -> Result<HashMap<AddressesOf, Vec<Jid>>, ApiError> {
        let ids: Vec<_> = keys.iter().map(|AddressesOf(id)| *id).collect();
        let addresses = self.parts.chats.aliases(&self.viewer, &ids).await?;
        Ok(addresses.into_iter().map(|(id, addresses)| (AddressesOf(id), addresses)).collect())
    }
}

impl Loader<RefusalsOf> for Rows {
    type Value = Vec<Refusal>;
    type Error = ApiError;

    async fn load(&self, keys: &[RefusalsOf]) -> Result<HashMap<RefusalsOf, Vec<Refusal>>, ApiError> {
        let ids: Vec<_> = keys.iter().map(|RefusalsOf(id)| *id).collect();
        let refusals = self.parts.chats.refusals(&self.viewer, &ids).await?;
        Ok(refusals.into_iter().map(|(id, refusals)| (RefusalsOf(id), refusals)).collect())
    }
}

impl Loader<MessageId> for Rows {
    type Value = Message;
    type Error = ApiError;

    async fn load(&self, ids: &[MessageId]) -> Result<HashMap<MessageId, Message>, ApiError> {
        Ok(self.parts.chats.messages_by_ids(&self.viewer, ids).await?)
    }
}

impl Loader<MessagesOf> for Rows {
    type Value = Page<Message>;
    type Error = ApiError;

    async fn load(&self, keys: &[MessagesOf]) -> Result<HashMap<MessagesOf, Page<Message>>, ApiError> {
        let pages: Vec<_> = keys.iter().map(|MessagesOf(chat, page)| (*chat, *page)).collect();
        let pages = self.parts.chats.messages(&self.viewer, &pages).await?;
        Ok(keys.iter().copied().zip(pages).collect())
    }
}

impl Loader<PageOf> for Rows {
    type Value = ChatPage;
    type Error = ApiError;

    async fn load(&self, keys: &[PageOf]) -> Result<HashMap<PageOf, ChatPage>, ApiError> {
        let pages: Vec<_> = keys.iter().map(|PageOf(list, page)| (list.clone(), *page)).collect();
        let pages = self.parts.chats.lists(&self.viewer, &pages).await?;
        Ok(keys.iter().cloned().zip(pages).collect())
    }
}

/// A list that could not be counted in time is missing.
impl Loader<CountOf> for Rows {
    type Value = i64;
    type Error = ApiError;

    async fn load(&self, keys: &[CountOf]) -> Result<HashMap<CountOf, i64>, ApiError> {
        let lists: Vec<_> = keys.iter().map(|CountOf(list)| list.clone()).collect();
        let counts = self.parts.chats.count(&self.viewer, &lists).await?.unwrap_or_default();
        Ok(keys.iter().cloned().zip(counts).collect())
    }
}
