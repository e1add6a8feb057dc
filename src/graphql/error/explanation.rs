//! The error codes in the schema, from which clients generate types.

use async_graphql::{Enum, Object, SimpleObject, Value, resolver_utils::enum_value};

use super::code::ApiErrorCode;
use crate::service;

/// A value of `errors[].extensions.code`, in the same spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "ApiErrorCode", rename_items = "snake_case")]
pub(in crate::graphql) enum ErrorCode {
    /// The token is missing or invalid. Get a new token and connect again; the same token will be rejected again.
    Unauthorized,
    /// The token lacks the capability that the field requires. Or the server executes only trusted documents, and this
    /// document is not one of them. Use another token, or a trusted document.
    Forbidden,
    /// The object does not exist, or belongs to another organization. Drop the reference to it. The message
    /// `PersistedQueryNotFound` is about the document: send the request again with its text.
    NotFound,
    /// The request is invalid. `extensions.field` names the field whose value is invalid, so that the user can correct
    /// it; without it, the error is in the client. The same request will fail again.
    ValidationError,
    /// The change conflicts with the current state. `extensions.reason` is the reason, as an `ErrorReason`. Show it to
    /// the user, or read the object again and decide.
    Conflict,
    /// Too many requests. Repeat the request after `extensions.retryAfterMs`.
    RateLimited,
    /// The change log no longer has the position of the cursor. Discard the cursor, read the lists again, and subscribe
    /// with their `changeCursor`.
    CursorExpired,
    /// The request exceeds a limit. Request less, such as shorter pages.
    LimitExceeded,
    /// The session cannot reach WhatsApp now, or the server is stopping. Repeat the request later.
    GatewayUnavailable,
    /// The server does not implement this yet. Do not retry.
    NotImplemented,
    /// The database did not confirm a change, which may or may not be stored. Read the object before you repeat the
    /// request, or repeat it with the same `idempotencyKey`.
    OutcomeUnknown,
    /// An internal error of the server. `extensions.requestId` identifies the request in the server's log: show it, and
    /// repeat the request later.
    Internal,
}

/// A value of `errors[].extensions.reason`, which comes with the code `conflict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "service::error::ConflictReason")]
pub(in crate::graphql) enum ErrorReason {
    /// WhatsApp shows at most `extensions.limit` pinned chats. Unpin one first.
    TooManyPinned,
    /// The organization has reached its limit of `extensions.limit` API keys. Revoke one first.
    TooManyApiKeys,
    /// The organization has reached its limit of `extensions.limit` sessions. Delete one first.
    TooManySessions,
    /// The session is already paired. Log it out first.
    AlreadyPaired,
    /// WhatsApp does not issue a pairing code for this number now. Check the number, or try again later.
    NoPairingCode,
    /// The `idempotencyKey` cannot return the first result: the input differs, or the result was used, revoked or
    /// deleted since. Use a new key.
    IdempotencyKeyReused,
}

/// An error code and how a client should handle it.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ErrorExplanation {
    /// The value of `extensions.code`.
    code: ErrorCode,
    /// True if the same request may succeed later.
    retryable: bool,
    /// The values of `extensions.reason` that this code can have.
    reasons: Vec<ErrorReason>,
}

impl ErrorExplanation {
    fn new(code: ApiErrorCode) -> Self {
        use service::error::ConflictReason;
        let reasons = match code {
            ApiErrorCode::Conflict => ConflictReason::ALL.into_iter().map(ErrorReason::from).collect(),
            _ => Vec::new(),
        };
        Self { code: code.into(), retryable: is_retryable(code), reasons }
    }
}

fn is_retryable(code: ApiErrorCode) -> bool {
    match code {
        ApiErrorCode::RateLimited
        | ApiErrorCode::GatewayUnavailable
        | ApiErrorCode::OutcomeUnknown
        | ApiErrorCode::Internal => true,
        ApiErrorCode::Unauthorized
        | ApiErrorCode::Forbidden
        | ApiErrorCode::NotFound
        | ApiErrorCode::ValidationError
        | ApiErrorCode::Conflict
        | ApiErrorCode::CursorExpired
        | ApiErrorCode::LimitExceeded
        | ApiErrorCode::NotImplemented => false,
    }
}

/// The value of `extensions.reason` for a reason.
pub(super) fn word(reason: service::error::ConflictReason) -> String {
    match enum_value(ErrorReason::from(reason)) {
        Value::Enum(name) => name.to_string(),
        other => other.to_string(),
    }
}

#[derive(Default)]
pub(in crate::graphql) struct ErrorQuery;

#[Object]
impl ErrorQuery {
    /// Every error code of this server. Clients can generate types for `extensions.code` and `extensions.reason` from
    /// it. Requires any valid token.
    async fn error_codes(&self) -> Vec<ErrorExplanation> {
        ApiErrorCode::ALL.into_iter().map(ErrorExplanation::new).collect()
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{Name, resolver_utils::EnumType as _};

    use super::*;

    #[test]
    fn the_schema_has_the_codes_that_are_sent_and_no_others() {
        let in_schema: Vec<_> = ErrorCode::items().iter().map(|item| item.name).collect();
        let sent: Vec<_> = ApiErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(in_schema, sent);
        for code in ApiErrorCode::ALL {
            assert_eq!(enum_value(ErrorCode::from(code)), Value::Enum(Name::new(code.as_str())));
        }
    }

    #[test]
    fn the_schema_has_the_reasons_that_are_sent_and_no_others() {
        let reasons = service::error::ConflictReason::ALL.map(ErrorReason::from);
        let in_schema: Vec<_> = ErrorReason::items().iter().map(|item| item.value).collect();
        assert_eq!(in_schema, reasons);
    }
}
