//! The `ChatSync` object.

use async_graphql::{Context, Description, Object};

use super::enums::{ChatField, ChatSyncState, RefusalCode};
use crate::{
    domain::{change::ChatFields, chat_view::ChatView, id::ChatId, pending_action},
    graphql::{context::ContextExt as _, error::ApiError, loader::RejectionsKey, scalar::Timestamp},
};

/// The synchronization of a chat with WhatsApp.
#[derive(Description)]
pub(in crate::graphql) struct ChatSync {
    chat: ChatId,
    pub(super) pending: ChatFields,
    refused: ChatFields,
}

impl From<&ChatView> for ChatSync {
    fn from(chat: &ChatView) -> Self {
        Self { chat: chat.id, pending: chat.state.pending, refused: chat.state.refused }
    }
}

impl ChatSync {
    /// The state of the synchronization.
    pub(super) fn current_state(&self) -> ChatSyncState {
        match (self.pending.is_empty(), self.refused.is_empty()) {
            (false, _) => ChatSyncState::Pending,
            (true, false) => ChatSyncState::Refused,
            (true, true) => ChatSyncState::Synced,
        }
    }
}

#[Object(use_type_description)]
impl ChatSync {
    /// The state of the synchronization.
    async fn state(&self) -> ChatSyncState {
        self.current_state()
    }

    /// The settings that WhatsApp has not confirmed yet. Empty if there are none.
    async fn pending(&self) -> Vec<ChatField> {
        self.pending.iter().map(ChatField::from).collect()
    }

    /// The settings that WhatsApp rejected. Each is listed until it is requested again or changes on the phone. The
    /// chat shows these settings as they are on WhatsApp.
    async fn refused(&self, context: &Context<'_>) -> Result<Vec<Refusal>, ApiError> {
        if self.refused.is_empty() {
            return Ok(Vec::new());
        }
        let mut refusals = context.loader().load_one(RejectionsKey(self.chat)).await?.unwrap_or_default();
        refusals.retain(|refusal| self.refused.contains(refusal.setting.field()));
        refusals.sort_by_key(|refusal| refusal.setting);
        Ok(refusals.into_iter().map(Refusal).collect())
    }
}

/// A setting that WhatsApp rejected.
#[derive(Description)]
pub(in crate::graphql) struct Refusal(pending_action::Rejection);

#[Object(use_type_description)]
impl Refusal {
    /// The rejected setting.
    async fn field(&self) -> ChatField {
        self.0.setting.field().into()
    }

    /// The reason as a code.
    async fn code(&self) -> RefusalCode {
        self.0.code.into()
    }

    /// The reason in words, which can be shown to the user. WhatsApp's own error is in the server's log.
    async fn reason(&self) -> &str {
        self.0.code.description()
    }

    /// The time at which the server gave up.
    async fn at(&self) -> Timestamp {
        self.0.at.into()
    }
}
