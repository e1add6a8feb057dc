//! What a caller is told when something fails. [`ApiError`] has no `Display` on purpose: the engine would take anything
//! that has one for an answer, a raw database error too.

pub(super) mod engine;

use std::error::Error as _;
use std::time::Duration;

use async_graphql::ErrorExtensionValues;
use tracing::error;

use crate::auth::viewer::Forbidden;
use crate::domain::cursor::InvalidCursor;
use crate::service;
use crate::store::error::StoreError;

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
    /// Our fault.
    Internal,
}

impl Code {
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
}

impl ApiError {
    /// A failure of this kind.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, retry_after: None }
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

    /// More than one request may ask for.
    #[must_use]
    pub fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(Code::LimitExceeded, message)
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

    /// A use case's failure whose input is called `field` in this place.
    #[must_use]
    pub fn about(mut self, field: &'static str) -> Self {
        self.field = self.field.or((self.code == Code::ValidationError).then_some(field));
        self
    }
}

impl From<service::error::Error> for ApiError {
    fn from(error: service::error::Error) -> Self {
        use service::error::Error;
        let message = error.to_string();
        match error {
            Error::Forbidden(forbidden) => forbidden.into(),
            Error::SessionNotFound | Error::ChatNotFound => Self::new(Code::NotFound, message),
            Error::SessionRequired => Self::invalid("sessionId", message),
            Error::Invalid { field, message } => Self::invalid(field, format!("{field}: {message}")),
            Error::Conflict(message) => Self::new(Code::Conflict, message),
            Error::CursorExpired => Self::new(Code::CursorExpired, message),
            Error::Closed => Self::new(Code::GatewayUnavailable, message),
            Error::Store(cause) => cause.into(),
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

impl From<StoreError> for ApiError {
    /// Logs the cause, which the caller does not get to see.
    fn from(cause: StoreError) -> Self {
        error!(error = %cause, cause = cause.source().map(tracing::field::display), "The database failed a request");
        Self::internal()
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
        Self { message: error.message, source: None, extensions: Some(extensions) }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::capability::Capability;

    use super::*;

    fn told(error: service::error::Error) -> (&'static str, String, Option<&'static str>) {
        let error = ApiError::from(error);
        (error.code.as_str(), error.message, error.field)
    }

    #[test]
    fn every_failure_of_a_use_case_has_its_code() {
        use service::error::Error;
        let invalid = Error::Invalid { field: "mutedUntil", message: "must be in the future".into() };
        for (error, code, field) in [
            (Error::Forbidden(Forbidden(Capability::Send)), "forbidden", None),
            (Error::SessionNotFound, "not_found", None),
            (Error::ChatNotFound, "not_found", None),
            (Error::SessionRequired, "validation_error", Some("sessionId")),
            (invalid, "validation_error", Some("mutedUntil")),
            (Error::Conflict("four".into()), "conflict", None),
            (Error::CursorExpired, "cursor_expired", None),
            (Error::Closed, "gateway_unavailable", None),
            (Error::Store(StoreError::Closed), "internal", None),
        ] {
            let (told_code, message, told_field) = told(error);
            assert_eq!((told_code, told_field), (code, field), "{message}");
        }
    }

    #[test]
    fn a_database_error_says_nothing_but_that() {
        let cause = sea_orm::DbErr::Custom("secret".into());
        let (code, message, field) = told(StoreError::from(cause).into());
        assert_eq!((code, &*message, field), ("internal", "internal error", None));
    }

    #[test]
    fn code_field_and_delay_reach_the_extensions() {
        let retry_after = Some(Duration::from_millis(1_500));
        let error = ApiError { code: Code::RateLimited, retry_after, ..ApiError::invalid("cid", "slow") };
        let extensions = async_graphql::Error::from(error).extensions.expect("extensions");
        assert_eq!(extensions.get("code"), Some(&"rate_limited".into()));
        assert_eq!(extensions.get("field"), Some(&"cid".into()));
        assert_eq!(extensions.get("retryAfterMs"), Some(&1_500.into()));
    }
}
