//! Which capability a field requires. Every field of `Query`, `Mutation` and `Subscription`, and every nested one that
//! requires more than what led to it, says so twice: in its guard and, for callers, in its description; a test compares
//! the two. A field without a guard gets nowhere either, since every use case asks for its capability again.

use async_graphql::Context;
use async_graphql::Enum;
use async_graphql::Guard;

use crate::domain::capability;

use super::context::ContextExt as _;
use super::error::ApiError;

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

/// Lets only viewers with `capability` pass.
pub(super) fn requires(capability: capability::Capability) -> Requires {
    Requires(capability)
}

/// The guard of a field.
pub(super) struct Requires(capability::Capability);

impl Guard for Requires {
    async fn check(&self, context: &Context<'_>) -> async_graphql::Result<()> {
        match context.viewer().require(self.0) {
            Ok(_organization) => Ok(()),
            Err(forbidden) => Err(ApiError::from(forbidden).into()),
        }
    }
}
