//! Chat queries.

use async_graphql::{Context, ID, Object};

use super::{
    connection::{ChatConnection, ChatListArguments},
    enums::ChatOrder,
    filter::ChatFilter,
    input::chat_ref,
    object::Chat,
};
use crate::{
    domain::capability::Capability,
    graphql::{
        capability::requires,
        connection::PageArguments,
        context::{ContextExt as _, session_id},
        error::ApiError,
        rendering::{JsonOutput, selected_columns},
        scalar::Jid,
    },
};

#[derive(Default)]
pub(in crate::graphql) struct ChatQuery;

#[Object]
impl ChatQuery {
    /// The chats of the organization, or of one of its sessions, including archived ones. Excludes chats without a
    /// message, unless `filter.includeEmpty` is true. Requires `read`.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    #[graphql(guard = "requires(Capability::Read)")]
    async fn chats(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only chats of this session. By default, chats of all sessions.")] session_id: Option<ID>,
        #[graphql(desc = "The filter. By default, all chats that have a message.")] filter: Option<ChatFilter>,
        #[graphql(desc = "The order of the chats.", default)] order: ChatOrder,
        #[graphql(
            desc = "The number of items from the start of the list, or following `after`: 1 to 200. The default is 50 \
                    if `last` is missing too."
        )]
        first: Option<i64>,
        #[graphql(desc = "Return the chats after this cursor. Cannot be combined with `last` or `before`.")]
        after: Option<String>,
        #[graphql(
            desc = "The number of items from the end of the list, or preceding `before`: 1 to 200. Cannot be combined \
                    with `first`."
        )]
        last: Option<i64>,
        #[graphql(desc = "Return the chats before this cursor. Cannot be combined with `first` or `after`.")]
        before: Option<String>,
    ) -> Result<JsonOutput<ChatConnection>, ApiError> {
        let session = session_id.as_ref().map(self::session_id).transpose()?;
        let page = PageArguments { first, after, last, before };
        ChatConnection::of_organization(context, session, ChatListArguments { filter, order, page }).await
    }

    /// One chat, by its address or its id. Null, with error `not_found`, if no such chat is stored. The response is the
    /// same if the session does not exist or belongs to another organization. Requires `read`.
    #[graphql(guard = "requires(Capability::Read)")]
    async fn chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The chat's canonical address or any of its aliases. Either `cid` or `id` is required.")]
        cid: Option<Jid>,
        #[graphql(
            desc = "The chat's session. Optional if the organization has exactly one session; otherwise leaving it \
                    out is a `validation_error`. Cannot be combined with `id`."
        )]
        session_id: Option<ID>,
        #[graphql(
            desc = "The chat's id, instead of `cid` and `sessionId`. The id of a merged chat returns the chat that \
                    it was merged into. The id of a deleted chat is not found, even if the chat has reappeared."
        )]
        id: Option<ID>,
    ) -> Result<Option<JsonOutput<Chat>>, ApiError> {
        let target = chat_ref(id.as_ref(), cid, session_id.as_ref())?;
        let columns = selected_columns::<Chat>(context);
        let chat = context.chats().chat(context.viewer(), &target, columns).await?;
        Ok(Some(JsonOutput(chat.into())))
    }
}
