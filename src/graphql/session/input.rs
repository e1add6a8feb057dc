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
}

/// A session to act on.
#[derive(InputObject)]
pub(in crate::graphql) struct SessionInput {
    /// The session's id.
    pub(super) session_id: ID,
}

/// What became of the session.
#[derive(SimpleObject)]
pub(in crate::graphql) struct SessionPayload {
    /// The session as it is now.
    pub(super) session: Session,
}
