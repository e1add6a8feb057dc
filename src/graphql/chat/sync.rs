//! How far WhatsApp knows what a chat shows.

use async_graphql::Context;
use async_graphql::Description;
use async_graphql::Enum;
use async_graphql::Object;

use crate::domain::action;
use crate::domain::change::ChatFields;
use crate::domain::id::ChatId;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::ApiError;
use crate::graphql::loader::RefusalsOf;
use crate::graphql::scalar::Timestamp;

use super::change::ChatField;

/// How far WhatsApp knows what a chat shows.
#[derive(Description)]
pub(in crate::graphql) struct ChatSync {
    pub(in crate::graphql) chat: ChatId,
    pub(in crate::graphql) pending: ChatFields,
    pub(in crate::graphql) refused: ChatFields,
}

/// Whether WhatsApp has everything a chat shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::graphql) enum ChatSyncState {
    /// WhatsApp has everything.
    Synced,
    /// Something waits for the session to connect, or is under way.
    Pending,
    /// Something was refused, and nothing is on its way.
    Refused,
}

#[Object(use_type_description)]
impl ChatSync {
    /// Whether WhatsApp has everything.
    async fn state(&self) -> ChatSyncState {
        match (self.pending.is_empty(), self.refused.is_empty()) {
            (false, _) => ChatSyncState::Pending,
            (true, false) => ChatSyncState::Refused,
            (true, true) => ChatSyncState::Synced,
        }
    }

    /// The settings on their way to WhatsApp; empty when it has everything.
    async fn pending(&self) -> Vec<ChatField> {
        self.pending.iter().map(ChatField::from).collect()
    }

    /// The settings that WhatsApp refused, until they are asked for again or change on the phone. The chat shows them as
    /// WhatsApp has them.
    async fn refused(&self, context: &Context<'_>) -> Result<Vec<Refusal>, ApiError> {
        if self.refused.is_empty() {
            return Ok(Vec::new());
        }
        let mut refusals = context.loader().load_one(RefusalsOf(self.chat)).await?.unwrap_or_default();
        refusals.retain(|refusal| self.refused.contains(refusal.setting.field()));
        refusals.sort_by_key(|refusal| refusal.setting);
        Ok(refusals.into_iter().map(Refusal).collect())
    }
}

/// Why a setting did not reach WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "action::RefusalCode")]
pub(in crate::graphql) enum RefusalCode {
    /// WhatsApp did not accept it, however often it was sent.
    Rejected,
    /// The session was logged out before WhatsApp could be told.
    Unlinked,
}

/// A setting that WhatsApp refused.
#[derive(Description)]
pub(in crate::graphql) struct Refusal(action::Refusal);

#[Object(use_type_description)]
impl Refusal {
    /// Which setting.
    async fn field(&self) -> ChatField {
        self.0.setting.field().into()
    }

    /// Why, in a word.
    async fn code(&self) -> RefusalCode {
        self.0.code.into()
    }

    /// Why, in words that can be shown to a person. What WhatsApp said to programs is in the server's log.
    async fn reason(&self) -> &str {
        self.0.code.words()
    }

    /// When it was given up.
    async fn at(&self) -> Timestamp {
        self.0.at.into()
    }
}
