//! What a caller is told when something fails. [`ApiError`] has no `Display` on purpose: the engine would take anything
//! that has one for an answer, a raw database error too.

pub(super) mod engine;
pub(super) mod explanation;

use std::error::Error as Cause;
use std::time::Duration;

use async_graphql::ErrorExtensionValues;
use tracing::error;

use crate::auth::viewer::Forbidden;
use crate::domain::cursor::InvalidCursor;
use crate::domain::id::ChatId;
use crate::service;

/// The most values of one request's JSON. What the contract takes has some hundred.
const MOST_VALUES: usize = 10_000;

/// What kind of failure: `errors[].extensions.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// No valid token.
    Unauthorized,
    /// The token lacks the capability.
    Forbidden,
    /// Nothing there, or not the caller's.
    NotFound,
    /// The request makes no sense.
    ValidationError,
    /// The state of things stands against it.
    Conflict,
    /// Too many requests; later it may work.
    RateLimited,
    /// The change cursor's place is gone.
    CursorExpired,
    /// The request asks for too much at once.
    LimitExceeded,
    /// WhatsApp, or the server on the way to it, cannot be reached now.
    GatewayUnavailable,
    /// Not built yet.
    NotImplemented,
    /// The database did not confirm a change: it may or may not be stored.
    OutcomeUnknown,
    /// Our fault.
    Internal,
}

impl Code {
    /// Every one of them.
    pub(super) const ALL: [Self; 12] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::ValidationError,
        Self::Conflict,
        Self::RateLimited,
        Self::CursorExpired,
        Self::LimitExceeded,
        Self::GatewayUnavailable,
        Self::NotImplemented,
        Self::OutcomeUnknown,
        Self::Internal,
    ];

    /// The word callers see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::ValidationError => "validation_error",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate_limited",
            Self::CursorExpired => "cursor_expired",
            Self::LimitExceeded => "limit_exceeded",
            Self::GatewayUnavailable => "gateway_unavailable",
            Self::NotImplemented => "not_implemented",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Internal => "internal",
        }
    }
}

/// A failure in the caller's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// What kind.
    pub code: Code,
    /// In words for a person.
    pub message: String,
    /// The input field or argument it is about, if it is about one.
    pub field: Option<&'static str>,
    /// When it may work, for [`Code::RateLimited`].
    pub retry_after: Option<Duration>,
    /// What stands against it, for [`Code::Conflict`], and the most that there may be.
    pub conflict: Option<(service::error::ConflictReason, Option<usize>)>,
    /// The chats that stand against it, as far as the client may read them.
    pub chats: Vec<ChatId>,
}

impl ApiError {
    /// A failure of this kind.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, retry_after: None, conflict: None, chats: Vec::new() }
    }

    /// An input field or argument that cannot be accepted.
    #[must_use]
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::new(Code::ValidationError, message) }
    }

    /// No such session, or another organization's.
    #[must_use]
    pub fn session_not_found() -> Self {
        service::error::Error::SessionNotFound.into()
    }

    /// No such chat.
    #[must_use]
    pub fn chat_not_found() -> Self {
        service::error::Error::ChatNotFound.into()
    }

    /// No object with this id.
    #[must_use]
    pub fn object_not_found() -> Self {
        Self::new(Code::NotFound, "object not found")
    }

    /// More than one request may ask for.
    #[must_use]
    pub fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(Code::LimitExceeded, message)
    }

    /// A read that was given up.
    fn too_slow() -> Self {
        let message = "reading this took too long and was given up; narrow the filter, ask for a shorter page, or try \
                       again later";
        Self::new(Code::LimitExceeded, message)
    }

    /// Too much in too short a time; it may be tried again after this.
    #[must_use]
    pub fn rate_limited(retry_after: Duration) -> Self {
        let message = "too much was asked for in too short a time";
        Self { retry_after: Some(retry_after), ..Self::new(Code::RateLimited, message) }
    }

    /// The error of what came in this JSON, when it has more values than any request needs: counting is cheap, building
    /// them is not.
    #[must_use]
    pub fn of_many_values(json: &[u8]) -> Option<Self> {
        let message = || format!("a request may have at most {MOST_VALUES} values");
        (chatgraph_guard::values(json) > MOST_VALUES).then(|| Self::limit_exceeded(message()))
    }

    /// No valid token. Why is nobody's business.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(Code::Unauthorized, "a valid token is required")
    }

    /// Our fault; the cause is in the log.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Code::Internal, "internal error")
    }

    /// The database did not say whether a change is stored. What is asked for next shows it.
    #[must_use]
    pub fn outcome_unknown(cause: &dyn Cause) -> Self {
        error!(error = %cause, cause = cause.source().map(tracing::field::display), "An outcome is unknown");
        let message =
            "the database did not confirm the change, which may or may not be stored; read before you repeat it";
        Self::new(Code::OutcomeUnknown, message)
    }

    /// Our fault, because of `cause`: it is logged here, and the caller does not get to see it.
    #[must_use]
    pub fn failed(cause: &dyn Cause) -> Self {
        error!(error = %cause, cause = cause.source().map(tracing::field::display), "A request failed");
        Self::internal()
    }
}

impl From<service::error::Error> for ApiError {
    fn from(error: service::error::Error) -> Self {
        use service::error::Error;
        let message = error.to_string();
        match error {
            Error::Forbidden(forbidden) => forbidden.into(),
            Error::SessionNotFound | Error::ChatNotFound | Error::KeyNotFound | Error::CallNotFound => {
                Self::new(Code::NotFound, message)
            }
            Error::SessionRequired => Self::invalid("sessionId", message),
            Error::Invalid { field, message } => Self::invalid(field, format!("{field}: {message}")),
            Error::Conflict(conflict) => Self {
                conflict: Some((conflict.reason, conflict.limit)),
                chats: conflict.chats,
                ..Self::new(Code::Conflict, message)
            },
            Error::TooSoon { retry_after } => {
                Self { retry_after: Some(retry_after), ..Self::new(Code::RateLimited, message) }
            }
            Error::CursorExpired | Error::Behind => Self::new(Code::CursorExpired, message),
            Error::Closed | Error::Unreachable => Self::new(Code::GatewayUnavailable, message),
            Error::Store(cause) if cause.is_too_slow() => Self::too_slow(),
            Error::Store(cause) if cause.may_be_stored() => Self::outcome_unknown(&cause),
            Error::Store(cause) => Self::failed(&cause),
        }
    }
}

impl From<Forbidden> for ApiError {
    fn from(forbidden: Forbidden) -> Self {
        Self::new(Code::Forbidden, forbidden.to_string())
    }
}

impl From<InvalidCursor> for ApiError {
    fn from(_: InvalidCursor) -> Self {
        Self::invalid("after", "after: not a cursor of this list")
    }
}

impl From<ApiError> for async_graphql::Error {
    fn from(error: ApiError) -> Self {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", error.code.as_str());
        if let Some(field) = error.field {
            extensions.set("field", field);
        }
        if let Some(retry_after) = error.retry_after {
            extensions.set("retryAfterMs", u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX));
        }
        if let Some((reason, limit)) = error.conflict {
            extensions.set("reason", explanation::word(reason));
            if let Some(limit) = limit {
                extensions.set("limit", limit as u64);
            }
        }
        if !error.chats.is_empty() {
            extensions.set("chatIds", error.chats.iter().map(ToString::to_string).collect::<Vec<_>>());
        }
        Self { message: error.message, source: None, extensions: Some(extensions) }
    }
}

#[cfg(test)]
mod tests;
