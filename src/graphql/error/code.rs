//! The codes of errors.

/// The code of an error: `errors[].extensions.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiErrorCode {
    /// The token is missing or invalid.
    Unauthorized,
    /// The token lacks the capability.
    Forbidden,
    /// The object does not exist, or belongs to another organization.
    NotFound,
    /// The request is invalid.
    ValidationError,
    /// The current state conflicts with the change.
    Conflict,
    /// Too many requests; a retry may succeed later.
    RateLimited,
    /// The change log no longer has the cursor's position.
    CursorExpired,
    /// The request exceeds a limit.
    LimitExceeded,
    /// WhatsApp cannot be reached, or the server is stopping.
    GatewayUnavailable,
    /// Not implemented yet.
    NotImplemented,
    /// The database did not confirm a change, which may or may not be stored.
    OutcomeUnknown,
    /// An internal error.
    Internal,
}

impl ApiErrorCode {
    /// All codes.
    pub(in crate::graphql) const ALL: [Self; 12] = [
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

    /// The code as clients receive it.
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
