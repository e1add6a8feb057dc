//! Reading chats.

use async_graphql::Context;
use async_graphql::ID;
use async_graphql::Object;

use crate::domain::capability::Capability;
use crate::graphql::capability::requires;
use crate::graphql::connection::PageArguments;
use crate::graphql::context::ContextExt as _;
use crate::graphql::context::session_id;
use crate::graphql::error::ApiError;
use crate::graphql::scalar::Jid;

use super::connection::ChatConnection;
use super::connection::ChatListArguments;
use super::filter::ChatFilter;
use super::filter::ChatOrder;
use super::input::chat_ref;
use super::object::Chat;

#[derive(Default)]
pub(in crate::graphql) struct ChatQuery;

#[Object]
impl ChatQuery {
    /// The organization's chats, of one session or of all: those that have at least one message, unless
    /// `filter.includeEmpty`. Archived chats are among them. Requires `read`.
    #[expect(clippy::too_many_arguments, reason = "the contract has as many")]
    #[graphql(guard = "requires(Capability::Read)")]
    async fn chats(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only the chats of this session; of all sessions when left out.")] session_id: Option<ID>,
        #[graphql(desc = "Which chats; all that have a message when left out.")] filter: Option<ChatFilter>,
        #[graphql(desc = "In which order.", default)] order: ChatOrder,
        #[graphql(
            desc = "How many from the beginning or behind `after`, 1 to 200; 50 when neither this nor `last` is given."
        )]
        first: Option<i64>,
        #[graphql(desc = "The cursor of the chat to go on behind; not together with `last` or `before`.")]
        after: Option<String>,
        #[graphql(desc = "How many from the end or before `before`, 1 to 200; not together with `first`.")]
        last: Option<i64>,
        #[graphql(desc = "The cursor of the chat to go back from; not together with `first` or `after`.")]
        before: Option<String>,
    ) -> Result<ChatConnection, ApiError> {
        let session = session_id.as_ref().map(self::session_id).transpose()?;
        let page = PageArguments { first, after, last, before };
        ChatConnection::of_organization(context, session, ChatListArguments { filter, order, page }).await
    }

    /// One chat, by its address or by its id. Null, with error `not_found`, when no such chat is stored, or the session does
    /// not exist or is another organization's: the three look alike. Requires `read`.
    #[graphql(guard = "requires(Capability::Read)")]
    async fn chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The chat's canonical address or any of its aliases; either this or `id` has to be given.")]
        cid: Option<Jid>,
        #[graphql(
            desc = "The chat's session. May be left out while the organization has exactly one; otherwise that \
                          is a `validation_error`. Not together with `id`."
        )]
        session_id: Option<ID>,
        #[graphql(
            desc = "The chat's id, instead of `cid` and `sessionId`. The id of a chat that was merged into another one \
                          finds that one; the id of a deleted chat finds nothing, also when the chat came back."
        )]
        id: Option<ID>,
    ) -> Result<Option<Chat>, ApiError> {
        let target = chat_ref(id.as_ref(), cid, session_id.as_ref())?;
        let chat = context.chats().chat(context.viewer(), &target).await?;
        Ok(Some(chat.into()))
    }
}
