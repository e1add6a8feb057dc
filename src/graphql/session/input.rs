//! What callers send about sessions.

use async_graphql::ID;
use async_graphql::InputObject;
use async_graphql::SimpleObject;

use super::object::Session;

/// A session to make.
#[derive(InputObject)]
pub(in crate::graphql) struct CreateSessionInput {
    /// A name for people, at most 100 characters; none when left out.
    pub(super) label: Option<String>,
    /// Chosen by the client, 1 to 100 characters, such as a UUID. Within 24 hours the same key with the same input returns
    /// the session that was made first, so that a request whose answer was lost can be repeated. With another input, or once
    /// that session was deleted, it is a `conflict`.
    pub(super) idempotency_key: Option<String>,
}

/// A session to act on.
#[derive(InputObject)]
pub(in crate::graphql) struct SessionInput {
    /// The session's id.
    pub(super) session_id: ID,
}

/// Which session to pair, and with which phone.
#[derive(InputObject)]
pub(in crate::graphql) struct RequestPairingCodeInput {
    /// The session's id.
    pub(super) session_id: ID,
    /// The phone's number in international format: 7 to 15 digits, beginning with the country code, without `+`.
    pub(super) phone_number: String,
}

/// Which session to change, and what. A field that is left out, or null, stays as it is.
#[derive(InputObject)]
pub(in crate::graphql) struct UpdateSessionInput {
    /// The session's id.
    pub(super) session_id: ID,
    /// A name for people, at most 100 characters; empty text takes it away.
    pub(super) label: Option<String>,
    /// What a caller is written when the call is rejected, at most 1,000 characters; empty text takes it away.
    pub(super) call_auto_reply: Option<String>,
}

/// What became of the session.
#[derive(SimpleObject)]
pub(in crate::graphql) struct SessionPayload {
    /// The session as it is now.
    pub(super) session: Session,
}

/// Which session was deleted.
#[derive(SimpleObject)]
pub(in crate::graphql) struct DeleteSessionPayload {
    /// The id that the session had; it is never given again.
    pub(super) deleted_session_id: ID,
}
