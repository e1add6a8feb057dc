//! The codes of errors in the schema itself: what a client generates its types from.

use async_graphql::Enum;
use async_graphql::Object;
use async_graphql::SimpleObject;
use async_graphql::Value;
use async_graphql::resolver_utils::enum_value;

use crate::service;

use super::Code;

/// A value of `errors[].extensions.code`, written there as here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Code", rename_items = "snake_case")]
pub(in crate::graphql) enum ErrorCode {
    /// No valid token. Get a new one and connect again; the same token will not do.
    Unauthorized,
    /// The token lacks the capability that the field requires, or the server carries out listed documents only. Ask for
    /// another token.
    Forbidden,
    /// There is no such object, or it is another organization's. Drop the reference to it. The message
    /// `PersistedQueryNotFound` is about the document: send it with its text.
    NotFound,
    /// The request makes no sense: a mistake of the client's or, in what `extensions.field` names, of the person's. Correct
    /// it; the same request will fail again.
    ValidationError,
    /// The state of things stands against the change. `extensions.reason` says what does, as an `ErrorReason`. Tell the
    /// person, or read again and decide.
    Conflict,
    /// Too much was asked for in too short a time. Repeat the request after `extensions.retryAfterMs`.
    RateLimited,
    /// The cursor's place in the change log is gone. Forget the cursor, read the lists again, and follow from their
    /// `changeCursor`.
    CursorExpired,
    /// The request asks for too much at once. Ask for less, such as shorter pages.
    LimitExceeded,
    /// WhatsApp cannot be reached by this session now, or the server is stopping. Repeat the request a little later.
    GatewayUnavailable,
    /// The server does not do this yet. Do without it.
    NotImplemented,
    /// The database did not confirm a change, which may or may not be stored. Read before you repeat it, or repeat it with
    /// the same `idempotencyKey`.
    OutcomeUnknown,
    /// A failure of the server. `extensions.requestId` names the request in the server's log: show it, and repeat the
    /// request later.
    Internal,
}

/// A value of `errors[].extensions.reason`, which comes with the code `conflict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "service::error::ConflictReason")]
pub(in crate::graphql) enum ErrorReason {
    /// WhatsApp shows no more pinned chats than `extensions.limit`. Unpin one first.
    TooManyPinned,
    /// The organization has as many api-keys as `extensions.limit` allows. Revoke one first.
    TooManyApiKeys,
    /// The organization has as many sessions as `extensions.limit` allows. Delete one first.
    TooManySessions,
    /// The session is paired already. Log it out first.
    AlreadyPaired,
    /// WhatsApp gives no pairing code for this number now. Check the number, or try again later.
    NoPairingCode,
    /// The `idempotencyKey` was used with another input within the last 24 hours. Use a new one.
    IdempotencyKeyReused,
}

/// What a client does about an error.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ErrorExplanation {
    /// The value of `extensions.code`.
    code: ErrorCode,
    /// Whether the same request may succeed later.
    retryable: bool,
    /// The values of `extensions.reason` that come with it.
    reasons: Vec<ErrorReason>,
}

impl ErrorExplanation {
    fn of(code: Code) -> Self {
        use service::error::ConflictReason;
        let reasons = match code {
            Code::Conflict => ConflictReason::ALL.into_iter().map(ErrorReason::from).collect(),
            _ => Vec::new(),
        };
        Self { code: code.into(), retryable: is_retryable(code), reasons }
    }
}

fn is_retryable(code: Code) -> bool {
    match code {
        Code::RateLimited | Code::GatewayUnavailable | Code::OutcomeUnknown | Code::Internal => true,
        Code::Unauthorized
        | Code::Forbidden
        | Code::NotFound
        | Code::ValidationError
        | Code::Conflict
        | Code::CursorExpired
        | Code::LimitExceeded
        | Code::NotImplemented => false,
    }
}

/// The word for a reason in `extensions.reason`.
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
    /// Every code that an error of this server can have, so that clients can generate types for `extensions.code` and
    /// `extensions.reason`. Any valid token.
    async fn error_codes(&self) -> Vec<ErrorExplanation> {
        Code::ALL.into_iter().map(ErrorExplanation::of).collect()
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Name;
    use async_graphql::resolver_utils::EnumType as _;

    use super::*;

    #[test]
    fn the_schema_has_the_codes_that_are_sent_and_no_others() {
        let in_schema: Vec<_> = ErrorCode::items().iter().map(|item| item.name).collect();
        let sent: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(in_schema, sent);
        for code in Code::ALL {
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
