//! Changing chats.

use async_graphql::Context;
use async_graphql::Object;

use crate::domain::capability::Capability;
use crate::graphql::capability::requires;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::ApiError;

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
}
