//! Chat mutations.

use async_graphql::{Context, ID, Object};

use super::input::{DeleteChatInput, DeleteChatPayload, UpdateChatInput, UpdateChatPayload};
use crate::{
    domain::{capability::Capability, chat_view::ChatView},
    graphql::{capability::requires, context::ContextExt as _, error::ApiError, rendering::JsonOutput},
};

#[derive(Default)]
pub(in crate::graphql) struct ChatMutation;

#[Object]
impl ChatMutation {
    /// Updates the archived, pinned, muted and read state of one chat. The stored copy changes immediately, and the
    /// change is published to every subscriber. WhatsApp receives it as soon as the session is connected; `Chat.sync`
    /// shows the progress. An input that changes nothing is valid and returns the chat. Requires `send`.
    #[graphql(guard = "requires(Capability::Send)")]
    async fn update_chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The chat, and the changes to make.")] input: UpdateChatInput,
    ) -> Result<Option<UpdateChatPayload>, ApiError> {
        let (target, update) = input.into_parts()?;
        let chat = context.chats().update(context.viewer(), &target, update).await?;
        Ok(Some(UpdateChatPayload { chat: JsonOutput(ChatView::from(chat).into()) }))
    }
    /// Deletes one chat and its messages from the stored copy. Nothing is deleted on WhatsApp, and pending changes of
    /// this chat are dropped. With its next message the chat reappears under a new id. It then has its settings on
    /// WhatsApp, and only the messages since the deletion. Requires `send`.
    #[graphql(guard = "requires(Capability::Send)")]
    async fn delete_chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The chat to delete.")] input: DeleteChatInput,
    ) -> Result<Option<DeleteChatPayload>, ApiError> {
        let chat = context.chats().delete(context.viewer(), &input.into_ref()?).await?;
        let (deleted_chat_id, session_id) = (ID::from(chat.id), ID::from(chat.session));
        Ok(Some(DeleteChatPayload { deleted_chat_id, cid: chat.jid.into(), session_id }))
    }
}
