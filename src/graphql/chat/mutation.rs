//! Changing and deleting chats.

use async_graphql::Context;
use async_graphql::ID;
use async_graphql::Object;

use crate::domain::capability::Capability;
use crate::graphql::capability::requires;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::ApiError;

use super::input::DeleteChatInput;
use super::input::DeleteChatPayload;
use super::input::UpdateChatInput;
use super::input::UpdateChatPayload;

#[derive(Default)]
pub(in crate::graphql) struct ChatMutation;

#[Object]
impl ChatMutation {
    /// Changes whether one chat is archived, pinned, muted and read. The stored copy changes at once, and every
    /// subscriber hears of it; WhatsApp is told as soon as the session is connected, and `Chat.sync` says how far that
    /// is. An input that changes nothing is legal and returns the chat. Requires `send`.
    #[graphql(guard = "requires(Capability::Send)")]
    async fn update_chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which chat, and what to change.")] input: UpdateChatInput,
    ) -> Result<Option<UpdateChatPayload>, ApiError> {
        let (target, update) = input.into_parts()?;
        let chat = context.chats().update(context.viewer(), &target, update).await?;
        Ok(Some(UpdateChatPayload { chat: chat.into() }))
    }
    /// Removes one chat and its messages from the stored copy. Local only: nothing is deleted on WhatsApp, and what was
    /// still on its way there for this chat is dropped. At its next message the chat comes back under a new id, with the
    /// settings it has on WhatsApp and only the messages since. Requires `send`.
    #[graphql(guard = "requires(Capability::Send)")]
    async fn delete_chat(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which chat.")] input: DeleteChatInput,
    ) -> Result<Option<DeleteChatPayload>, ApiError> {
        let chat = context.chats().delete(context.viewer(), &input.into_ref()?).await?;
        let (deleted_chat_id, session_id) = (ID::from(chat.id), ID::from(chat.session));
        Ok(Some(DeleteChatPayload { deleted_chat_id, cid: chat.jid.into(), session_id }))
    }
}
