//! Why a use case was not carried out, named for what the caller can do about it.

use std::time::Duration;

use crate::auth::viewer::Forbidden;
use crate::auth::viewer::Viewer;
use crate::domain::capability::Capability;
use crate::domain::id::ChatId;
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
    /// No such call rings at the session.
    #[error("no ringing call with this id and caller in this session")]
    CallNotFound,
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
    Conflict(Conflict),
    /// There were too many of these lately.
    #[error("too many requests of this kind; try again later")]
    TooSoon {
        /// When it may be asked for again.
        retry_after: Duration,
    },
    /// A listener did not keep up with what it follows.
    #[error("the subscriber is too slow; subscribe again")]
    Behind,
    /// The cursor's place in the change log is gone.
    #[error("the cursor has expired from the change log; list again and subscribe from that page's changeCursor")]
    CursorExpired,
    /// WhatsApp did not do it in time, or the session is not connected.
    #[error("the session cannot reach WhatsApp at the moment")]
    Unreachable,
    /// The database failed.
    #[error("the database is unavailable")]
    Store(#[from] StoreError),
    /// The server is stopping.
    #[error("the server is stopping")]
    Closed,
}

/// What stands against a change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Conflict {
    /// What it is.
    pub reason: ConflictReason,
    /// The most that there may be, if there are too many.
    pub limit: Option<usize>,
    /// The chats that stand against it; empty for a viewer without `read`.
    pub chats: Vec<ChatId>,
    /// In words for a person.
    pub message: String,
}

/// What stands against a change, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictReason {
    /// As many chats are pinned as WhatsApp shows.
    TooManyPinned,
    /// The organization has as many api-keys as it may have.
    TooManyApiKeys,
    /// The organization has as many sessions as it may have.
    TooManySessions,
    /// The session is paired.
    AlreadyPaired,
    /// WhatsApp gives no pairing code.
    NoPairingCode,
    /// An idempotency key came with another input.
    IdempotencyKeyReused,
}

impl ConflictReason {
    /// All of them.
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
    /// A conflict for this reason.
    #[must_use]
    pub fn conflict(reason: ConflictReason, message: impl Into<String>) -> Self {
        Self::Conflict(Conflict { reason, limit: None, chats: Vec::new(), message: message.into() })
    }

    /// A conflict because there are as many as there may be.
    #[must_use]
    pub fn too_many(reason: ConflictReason, limit: usize, message: impl Into<String>) -> Self {
        Self::Conflict(Conflict { reason, limit: Some(limit), chats: Vec::new(), message: message.into() })
    }

    /// Leaves out what `viewer` may not read.
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
