//! Reading chats.

use async_graphql::Context;
use async_graphql::ID;
use async_graphql::Object;

use crate::domain::capability::Capability;
use crate::graphql::capability::requires;
use crate::graphql::context::ContextExt as _;
use crate::graphql::context::session_id;
use crate::graphql::error::ApiError;
use crate::graphql::scalar::Jid;

use super::connection::ChatConnection;
use super::connection::ChatOrder;
use super::input::chat_ref;
use super::object::Chat;

#[derive(Default)]
pub(in crate::graphql) struct ChatQuery;

#[Object]
impl ChatQuery {
    /// The organization's chats that have at least one message, of one session or of all. Archived chats are among
    /// them. Requires `read`.
    #[graphql(guard = "requires(Capability::Read)")]
    async fn chats(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only the chats of this session; of all sessions when left out.")] session_id: Option<ID>,
        #[graphql(desc = "In which order.", default)] order: ChatOrder,
        #[graphql(desc = "How many, 1 to 200; 50 when left out.")] first: Option<i64>,
        #[graphql(desc = "The cursor of the chat to go on behind.")] after: Option<String>,
    ) -> Result<ChatConnection, ApiError> {
        let session = session_id.as_ref().map(self::session_id).transpose()?;
        ChatConnection::read(context, session, order, first, after.as_deref()).await
    }

    /// One chat. Null, with error `not_found`, when no such chat is stored, or the session does not exist or is another
    /// organization's: the three look alike. Requires `read`.
    #[graphql(guard = "requires(Capability::Read)")]
    async fn chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The chat's canonical address or any of its aliases.")] cid: Jid,
        #[graphql(
            desc = "The chat's session. May be left out while the organization has exactly one; otherwise that \
                          is a `validation_error`."
        )]
        session_id: Option<ID>,
    ) -> Result<Option<Chat>, ApiError> {
        let target = chat_ref(cid, session_id.as_ref())?;
        let chat = context.chats().chat(context.viewer(), &target).await?;
        Ok(Some(chat.into()))
    }
}
