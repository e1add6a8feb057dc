//! Loads rows that many items of an answer need, in one query each. A request has its own loaders, since what a caller
//! may see is its own; and they remember nothing, so that an event of a subscription, or a field after a mutation, shows
//! what is stored now.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::dataloader::Loader;
use tracing::Instrument as _;

use crate::auth::viewer::Viewer;
use crate::domain::action::Refusal;
use crate::domain::chat::Chat;
use crate::domain::id::ChatId;
use crate::domain::id::MessageId;
use crate::domain::id::SessionId;
use crate::domain::jid::Jid;
use crate::domain::message::Message;
use crate::domain::session::Session;

use super::api::Parts;
use super::error::ApiError;

/// The loaders of one request.
pub(super) struct Loaders(pub(super) DataLoader<Rows>);

impl Loaders {
    #[expect(
        clippy::disallowed_methods,
        reason = "a batch is awaited by the fields that asked for it, and ends with them"
    )]
    pub(super) fn new(parts: Parts, viewer: Arc<Viewer>) -> Self {
        let spawn = |batch: futures_util::future::BoxFuture<'static, ()>| tokio::spawn(batch.in_current_span());
        Self(DataLoader::new(Rows { parts, viewer }, spawn))
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
