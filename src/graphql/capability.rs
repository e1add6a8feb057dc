//! The capability that a field requires. It is declared in the field's guard and stated in its description, and a test
//! compares the two. This concerns every root field, and every nested field that requires more than its parents. The
//! guard answers before the arguments are read. A field without a guard exposes nothing either: the use case checks its
//! capability itself, once, and no other code does. Resolvers take the organization of a cursor from the context.

use async_graphql::{Context, Enum, Guard};

use super::{context::ContextExt as _, error::ApiError};
use crate::domain::capability;

/// A permission of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "capability::Capability")]
pub(super) enum Capability {
    /// List and read sessions, chats and messages.
    Read,
    /// Change and delete chats, and reject ringing calls, whose callers are sent the session's `callAutoReply`.
    Send,
    /// Manage sessions and API keys.
    Manage,
    /// Subscribe to changes.
    Events,
}

/// Requires the viewer to have `capability`.
pub(super) fn requires(capability: capability::Capability) -> RequireCapability {
    RequireCapability(capability)
}

/// The guard of a field.
pub(super) struct RequireCapability(capability::Capability);

impl Guard for RequireCapability {
    async fn check(&self, context: &Context<'_>) -> async_graphql::Result<()> {
        match context.viewer().require(self.0) {
            Ok(_organization) => Ok(()),
            Err(forbidden) => Err(ApiError::from(forbidden).into()),
        }
    }
}
