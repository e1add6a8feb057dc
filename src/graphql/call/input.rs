//! What callers send about calls.

use async_graphql::ID;
use async_graphql::InputObject;
use async_graphql::SimpleObject;

use crate::graphql::scalar::Jid;
use crate::service::call::Rejected;

/// A call to reject.
#[derive(InputObject)]
pub(in crate::graphql) struct RejectCallInput {
    /// The session that it rings at.
    pub(super) session_id: ID,
    /// The call's id, 1 to 128 characters: the `id` that `incomingCalls` reported.
    pub(super) call_id: ID,
    /// The caller: the `from` that `incomingCalls` reported.
    pub(super) from: Jid,
}

/// What became of a rejection.
#[derive(SimpleObject)]
pub(in crate::graphql) struct RejectCallPayload {
    /// Whether the rejection was handed to WhatsApp; not whether the call stopped.
    sent: bool,
    /// Whether the session's `callAutoReply` was sent to the caller: once a call, and at most three times an hour to the
    /// same caller, who must be a person.
    auto_replied: bool,
}

impl From<Rejected> for RejectCallPayload {
    fn from(rejected: Rejected) -> Self {
        Self { sent: rejected.sent, auto_replied: rejected.auto_replied }
    }
}
