//! Rejecting calls.

use async_graphql::Context;
use async_graphql::Object;

use crate::domain::capability::Capability;
use crate::graphql::capability::requires;
use crate::graphql::context::ContextExt as _;
use crate::graphql::context::session_id;
use crate::graphql::error::ApiError;

use super::input::RejectCallInput;
use super::input::RejectCallPayload;

#[derive(Default)]
pub(in crate::graphql) struct CallMutation;

#[Object]
impl CallMutation {
    /// Asks WhatsApp to reject a ringing call. Best effort: WhatsApp does not always honour the rejection of a linked
    /// device, and the phone may go on ringing. The session's `callAutoReply`, if it is set, is sent to the caller as a
    /// message. A call that does not ring at the session, has ended, or began more than 3 minutes ago is `not_found`, and
    /// so is one of another caller. If the session is not connected, the answer is `gateway_unavailable`. Requires `send`.
    #[graphql(guard = "requires(Capability::Send)")]
    async fn reject_call(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which call.")] input: RejectCallInput,
    ) -> Result<Option<RejectCallPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        let rejected = context.calls().reject(context.viewer(), session, &input.call_id, &input.from.0).await?;
        Ok(Some(rejected.into()))
    }
}
