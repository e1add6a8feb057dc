//! Errors as clients receive them. [`ApiError`] deliberately does not implement `Display`: the engine would convert any
//! error that does, including a raw database error.

mod code;
pub(super) mod engine_error;
pub(super) mod explanation;

use std::{error::Error as Cause, time::Duration};

use async_graphql::ErrorExtensionValues;
use tracing::error;

use crate::{
    auth::viewer::Forbidden,
    domain::{cursor::InvalidCursor, id::ChatId},
    service,
};

pub use code::ApiErrorCode;

/// Maximum number of values in the JSON of a request. A legitimate request has some hundreds.
const MAX_JSON_VALUES: usize = 10_000;

/// An error as clients receive it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The code.
    pub code: ApiErrorCode,
    /// The message, for people.
    pub message: String,
    /// The invalid input field or argument, if the error is about one.
    pub field: Option<&'static str>,
    /// The delay before a retry may succeed, for [`ApiErrorCode::RateLimited`].
    pub retry_after: Option<Duration>,
    /// The reason of a [`ApiErrorCode::Conflict`], and the limit that was reached.
    pub conflict: Option<(service::error::ConflictReason, Option<usize>)>,
    /// The conflicting chats, if the client may read them.
    pub chats: Vec<ChatId>,
}

impl ApiError {
    /// An error with this code.
    #[must_use]
    pub fn new(code: ApiErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, retry_after: None, conflict: None, chats: Vec::new() }
    }

    /// An invalid input field or argument.
    #[must_use]
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::new(ApiErrorCode::ValidationError, message) }
    }

    /// The session does not exist, or belongs to another organization.
    #[must_use]
    pub fn session_not_found() -> Self {
        service::error::Error::SessionNotFound.into()
    }

    /// The chat does not exist.
    #[must_use]
    pub fn chat_not_found() -> Self {
        service::error::Error::ChatNotFound.into()
    }

    /// No object has this id.
    #[must_use]
    pub fn object_not_found() -> Self {
        Self::new(ApiErrorCode::NotFound, "object not found")
    }

    /// The request exceeds a limit.
    #[must_use]
    pub fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(ApiErrorCode::LimitExceeded, message)
    }

    /// A read was cancelled because it took too long.
    fn too_slow() -> Self {
        let message = "the read took too long and was cancelled; narrow the filter, request a shorter page, or try \
                       again later";
        Self::new(ApiErrorCode::LimitExceeded, message)
    }

    /// Too many requests; a retry may succeed after this delay.
    #[must_use]
    pub fn rate_limited(retry_after: Duration) -> Self {
        let message = "too many requests; try again later";
        Self { retry_after: Some(retry_after), ..Self::new(ApiErrorCode::RateLimited, message) }
    }

    /// Returns an error if the JSON has more values than a legitimate request needs. Counting is cheap; building the
    /// values is not.
    #[must_use]
    pub fn too_many_values(json: &[u8]) -> Option<Self> {
        let message = || format!("a request may have at most {MAX_JSON_VALUES} values");
        (graphql_guard::count_json_values(json) > MAX_JSON_VALUES).then(|| Self::limit_exceeded(message()))
    }

    /// The token is missing or invalid. The reason is logged, not returned.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(ApiErrorCode::Unauthorized, "a valid token is required")
    }

    /// An internal error; the cause is in the log.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(ApiErrorCode::Internal, "internal error")
    }

    /// The database did not report whether a change was stored. A later read shows the outcome.
    #[must_use]
    pub fn outcome_unknown(cause: &dyn Cause) -> Self {
        error!(error = %cause, cause = cause.source().map(tracing::field::display), "Commit outcome unknown");
        let message =
            "the database did not confirm the change, which may or may not be stored; read before you repeat it";
        Self::new(ApiErrorCode::OutcomeUnknown, message)
    }

    /// An internal error with this cause, which is logged and not returned.
    #[must_use]
    pub fn failed(cause: &dyn Cause) -> Self {
        error!(error = %cause, cause = cause.source().map(tracing::field::display), "Request failed");
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
                Self::new(ApiErrorCode::NotFound, message)
            }
            Error::SessionRequired => Self::invalid("sessionId", message),
            Error::Invalid { field, message } => Self::invalid(field, format!("{field}: {message}")),
            Error::Conflict(conflict) => Self {
                conflict: Some((conflict.reason, conflict.limit)),
                chats: conflict.chats,
                ..Self::new(ApiErrorCode::Conflict, message)
            },
            Error::TooSoon { retry_after } => {
                Self { retry_after: Some(retry_after), ..Self::new(ApiErrorCode::RateLimited, message) }
            }
            Error::CursorExpired | Error::Behind => Self::new(ApiErrorCode::CursorExpired, message),
            Error::Closed | Error::Unreachable => Self::new(ApiErrorCode::GatewayUnavailable, message),
            Error::Store(cause) if cause.is_too_slow() => Self::too_slow(),
            Error::Store(cause) if cause.may_be_stored() => Self::outcome_unknown(&cause),
            Error::Store(cause) => Self::failed(&cause),
        }
    }
}

impl From<Forbidden> for ApiError {
    fn from(forbidden: Forbidden) -> Self {
        Self::new(ApiErrorCode::Forbidden, forbidden.to_string())
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
