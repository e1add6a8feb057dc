//! How far WhatsApp knows what a chat shows.

use async_graphql::Description;
use async_graphql::Enum;
use async_graphql::Object;

use crate::domain::change::ChatFields;

use super::change::ChatField;

/// How far WhatsApp knows what a chat shows.
#[derive(Description)]
pub(in crate::graphql) struct ChatSync(pub(in crate::graphql) ChatFields);

/// Whether WhatsApp has everything a chat shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::graphql) enum ChatSyncState {
    /// WhatsApp has everything.
    Synced,
    /// Something waits for the session to connect, or is under way.
    Pending,
}

#[Object(use_type_description)]
impl ChatSync {
    /// Whether WhatsApp has everything.
    async fn state(&self) -> ChatSyncState {
        if self.0.is_empty() { ChatSyncState::Synced } else { ChatSyncState::Pending }
    }

    /// The settings on their way to WhatsApp; empty when it has everything.
    async fn pending(&self) -> Vec<ChatField> {
        self.0.iter().map(ChatField::from).collect()
    }
}
