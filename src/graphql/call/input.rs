//! Inputs and payloads of call mutations.

use async_graphql::{ID, InputObject, SimpleObject};

use crate::{graphql::scalar::Jid, service::call::Rejected};

/// The call to reject.
#[derive(InputObject)]
pub(in crate::graphql) struct RejectCallInput {
    /// The session that receives the call.
    pub(super) session_id: ID,
    /// The call's id, 1 to 128 characters: the `id` from `incomingCalls`.
    pub(super) call_id: ID,
    /// The caller: the `from` from `incomingCalls`.
    pub(super) from: Jid,
}

/// The result of `rejectCall`.
#[derive(SimpleObject)]
pub(in crate::graphql) struct RejectCallPayload {
    /// True if the rejection was sent to WhatsApp. The call may continue to ring.
    sent: bool,
    /// True if the session's `callAutoReply` was sent to the caller. It is sent once per call, at most three times an
    /// hour to the same caller, and only to a user.
    auto_replied: bool,
}

impl From<Rejected> for RejectCallPayload {
    fn from(rejected: Rejected) -> Self {
        Self { sent: rejected.sent, auto_replied: rejected.auto_replied }
    }
}
