//! Inputs and payloads of session mutations.

use async_graphql::{ID, InputObject, SimpleObject};

use super::object::Session;

/// The session to create.
#[derive(InputObject)]
pub(in crate::graphql) struct CreateSessionInput {
    /// Display name, at most 100 characters. If it is missing, the session has no label.
    pub(super) label: Option<String>,
    /// An idempotency key chosen by the client, such as a UUID, 1 to 100 characters. If a request is repeated within 24
    /// hours with the same key and input, it returns the same session. So a request whose response was lost can be
    /// repeated. A different input is a `conflict`, and so is a session that was deleted since.
    pub(super) idempotency_key: Option<String>,
}

/// The session to use.
#[derive(InputObject)]
pub(in crate::graphql) struct SessionInput {
    /// The session's id.
    pub(super) session_id: ID,
}

/// The session to pair, and the phone number.
#[derive(InputObject)]
pub(in crate::graphql) struct RequestPairingCodeInput {
    /// The session's id.
    pub(super) session_id: ID,
    /// The phone number in international format: 7 to 15 digits, starting with the country code, without `+`.
    pub(super) phone_number: String,
}

/// The session to update, and the changes to make. A field that is missing or null stays unchanged.
#[derive(InputObject)]
pub(in crate::graphql) struct UpdateSessionInput {
    /// The session's id.
    pub(super) session_id: ID,
    /// Display name, at most 100 characters. An empty string removes it.
    pub(super) label: Option<String>,
    /// The text that is sent to a caller whose call is rejected, at most 1,000 characters. An empty string removes it.
    pub(super) call_auto_reply: Option<String>,
}

/// The result of a mutation of a session.
#[derive(SimpleObject)]
pub(in crate::graphql) struct SessionPayload {
    /// The session after the mutation.
    pub(super) session: Session,
}

/// The result of `deleteSession`.
#[derive(SimpleObject)]
pub(in crate::graphql) struct DeleteSessionPayload {
    /// The id of the deleted session. It is never reused.
    pub(super) deleted_session_id: ID,
}
