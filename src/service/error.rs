//! Why a use case was not carried out, named for what the caller can do about it.

use crate::auth::viewer::Forbidden;
use crate::feed::FeedError;
use crate::store::error::StoreError;

/// Why a use case was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The viewer lacks a capability.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// No such session in the viewer's organization.
    #[error("session not found")]
    SessionNotFound,
    /// No such chat in the session.
    #[error("chat not found")]
    ChatNotFound,
    /// No such api-key in the viewer's organization.
    #[error("api-key not found")]
    KeyNotFound,
    /// The organization has none or several sessions, and the caller named none.
    #[error("sessionId is required unless the organization has exactly one session")]
    SessionRequired,
    /// An input that cannot be carried out.
    #[error("{message}")]
    Invalid {
        /// The input field.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The state of things stands against it.
    #[error("{0}")]
    Conflict(String),
    /// The cursor's place in the change log is gone.
    #[error("the cursor is older than the change log reaches; list again and follow from that page's changeCursor")]
    CursorExpired,
    /// WhatsApp did not do it in time, or the session is not connected.
    #[error("WhatsApp cannot be reached by this session now")]
    Unreachable,
    /// The database failed.
    #[error("the stored copy could not be reached")]
    Store(#[from] StoreError),
    /// The server is stopping.
    #[error("the server is stopping")]
    Closed,
}

impl From<FeedError> for Error {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::CursorExpired => Self::CursorExpired,
            FeedError::CursorAhead => Self::Invalid { field: "after", message: error.to_string() },
            FeedError::Closed => Self::Closed,
            FeedError::Store(failed) => Self::Store(failed),
        }
    }
}
