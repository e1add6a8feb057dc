//! The `Node` interface and its queries.

use async_graphql::{Context, ID, Interface, Object, dataloader::DataLoader};
use futures_util::future::try_join_all;

use super::{
    capability::requires, chat::object::Chat, context::ContextExt as _, error::ApiError, loader::BatchReader,
    message::object::Message, session::object::Session,
};
use crate::domain::{
    capability::Capability,
    id::{ChatId, MessageId, SessionId},
};

/// Maximum number of ids in one `nodes` query.
const MAX_IDS: usize = 100;

/// An object with a globally unique, stable, opaque id. An argument named `sessionId` expects the id of a session.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The object's id, unique among all types."))]
pub(super) enum Node {
    /// A chat.
    Chat(Chat),
    /// A session.
    Session(Session),
    /// A message.
    Message(Message),
}

impl Node {
    /// Loads the object with this id. `None` if it does not exist or belongs to another organization.
    async fn load(loader: &DataLoader<BatchReader>, id: &ID) -> Result<Option<Self>, ApiError> {
        if let Ok(id) = id.parse::<ChatId>() {
            return Ok(loader.load_one(id).await?.map(|chat| Self::Chat(chat.into())));
        }
        if let Ok(id) = id.parse::<SessionId>() {
            let found = loader.load_one(id).await?.filter(|session| !session.removed);
            return Ok(found.map(|session| Self::Session(session.into())));
        }
        if let Ok(id) = id.parse::<MessageId>() {
            return Ok(loader.load_one(id).await?.map(|message| Self::Message(message.into())));
        }
        Ok(None)
    }
}

#[derive(Default)]
pub(super) struct NodeQuery;

#[Object]
impl NodeQuery {
    /// An object by its id. Null, with error `not_found`, if it does not exist or belongs to another organization.
    /// Requires `read`.
    #[graphql(guard = "requires(Capability::Read)")]
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The object's id.")] id: ID,
    ) -> Result<Option<Node>, ApiError> {
        Node::load(context.loader(), &id).await?.map(Some).ok_or_else(ApiError::object_not_found)
    }

    /// Objects by their ids, in the order of `ids`. An object that does not exist is null, without an error.
    /// Requires `read`.
    #[graphql(guard = "requires(Capability::Read)")]
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The ids of the objects, at most 100.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>, ApiError> {
        if ids.len() > MAX_IDS {
            return Err(ApiError::invalid("ids", format!("ids: must have at most {MAX_IDS} items")));
        }
        try_join_all(ids.iter().map(|id| Node::load(context.loader(), id))).await
    }
}
