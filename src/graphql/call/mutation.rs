//! Call mutations.

use async_graphql::{Context, Object};

use super::input::{RejectCallInput, RejectCallPayload};
use crate::{
    domain::capability::Capability,
    graphql::{
        capability::requires,
        context::{ContextExt as _, session_id},
        error::ApiError,
    },
};

#[derive(Default)]
pub(in crate::graphql) struct CallMutation;

#[Object]
impl CallMutation {
    /// Asks WhatsApp to reject a ringing call. Best effort: WhatsApp does not always honour a rejection by a linked
    /// device, and the phone may continue to ring. If the session has a `callAutoReply`, it is sent to the caller as a
    /// message. Returns `not_found` for a call that is not ringing at the session, has another caller, has ended, or
    /// began more than 3 minutes ago. Returns `gateway_unavailable` if the session is not connected. Requires `send`.
    #[graphql(guard = "requires(Capability::Send)")]
    async fn reject_call(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The call to reject.")] input: RejectCallInput,
    ) -> Result<Option<RejectCallPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        let rejected = context.calls().reject(context.viewer(), session, &input.call_id, &input.from.0).await?;
        Ok(Some(rejected.into()))
    }
}
