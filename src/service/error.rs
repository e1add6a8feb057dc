//! Errors of the use cases, named for what the client can do about them.

use std::time::Duration;

use crate::{
    auth::viewer::{Forbidden, Viewer},
    domain::{capability::Capability, id::ChatId},
    feed::FeedError,
    store::error::StoreError,
};

/// Error of a use case.
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
    #[error("API key not found")]
    KeyNotFound,
    /// No such call rings in the session.
    #[error("no ringing call with this id and caller in this session")]
    CallNotFound,
    /// The organization has no session or several, and the request names none of them.
    #[error("sessionId is required unless the organization has exactly one session")]
    SessionRequired,
    /// Invalid input.
    #[error("{message}")]
    Invalid {
        /// The input field.
        field: &'static str,
        /// Description of the problem.
        message: String,
    },
    /// The current state does not allow the change.
    #[error("{0}")]
    Conflict(Conflict),
    /// Rate limit exceeded.
    #[error("too many requests of this kind; try again later")]
    TooSoon {
        /// Time until the next attempt is allowed.
        retry_after: Duration,
    },
    /// A subscriber did not keep up.
    #[error("the subscriber is too slow; subscribe again")]
    Behind,
    /// The cursor's change is no longer in the change log.
    #[error("the cursor has expired from the change log; list again and subscribe from that page's changeCursor")]
    CursorExpired,
    /// WhatsApp did not answer in time, or the session is not connected.
    #[error("the session cannot reach WhatsApp at the moment")]
    Unreachable,
    /// The database failed.
    #[error("the database is unavailable")]
    Store(#[from] StoreError),
    /// The server is stopping.
    #[error("the server is stopping")]
    Closed,
}

/// State that does not allow a change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Conflict {
    /// The reason.
    pub reason: ConflictReason,
    /// The limit, if it is exceeded.
    pub limit: Option<usize>,
    /// The conflicting chats; empty for a viewer without `read`.
    pub chats: Vec<ChatId>,
    /// Message for people.
    pub message: String,
}

/// Reason of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictReason {
    /// The maximum number of chats is pinned.
    TooManyPinned,
    /// The organization has the maximum number of api-keys.
    TooManyApiKeys,
    /// The organization has the maximum number of sessions.
    TooManySessions,
    /// The session is paired.
    AlreadyPaired,
    /// WhatsApp does not issue a pairing code.
    NoPairingCode,
    /// An idempotency key was reused with a different input.
    IdempotencyKeyReused,
}

impl ConflictReason {
    /// All reasons.
    pub const ALL: [Self; 6] = [
        Self::TooManyPinned,
        Self::TooManyApiKeys,
        Self::TooManySessions,
        Self::AlreadyPaired,
        Self::NoPairingCode,
        Self::IdempotencyKeyReused,
    ];
}

impl Error {
    /// Creates a conflict with this reason.
    #[must_use]
    pub fn conflict(reason: ConflictReason, message: impl Into<String>) -> Self {
        Self::Conflict(Conflict { reason, limit: None, chats: Vec::new(), message: message.into() })
    }

    /// Creates a conflict for a limit that is reached.
    #[must_use]
    pub fn too_many(reason: ConflictReason, limit: usize, message: impl Into<String>) -> Self {
        Self::Conflict(Conflict { reason, limit: Some(limit), chats: Vec::new(), message: message.into() })
    }

    /// Removes what `viewer` may not read.
    #[must_use]
    pub(super) fn redacted_for(self, viewer: &Viewer) -> Self {
        match self {
            Self::Conflict(conflict) if !viewer.capabilities.contains(Capability::Read) => {
                Self::Conflict(Conflict { chats: Vec::new(), ..conflict })
            }
            error => error,
        }
    }
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
