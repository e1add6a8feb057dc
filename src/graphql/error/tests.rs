use super::*;
use crate::{domain::capability::Capability, service::error::ConflictReason, store::error::StoreError};

fn code_message_field(error: service::error::Error) -> (&'static str, String, Option<&'static str>) {
    let error = ApiError::from(error);
    (error.code.as_str(), error.message, error.field)
}

#[test]
fn every_failure_of_a_use_case_has_its_code() {
    use service::error::Error;
    let unanswered = sea_orm::DbErr::Custom("no answer".into());
    let invalid = Error::Invalid { field: "mutedUntil", message: "must be in the future".into() };
    for (error, code, field) in [
        (Error::Forbidden(Forbidden(Capability::Send)), "forbidden", None),
        (Error::SessionNotFound, "not_found", None),
        (Error::ChatNotFound, "not_found", None),
        (Error::SessionRequired, "validation_error", Some("sessionId")),
        (invalid, "validation_error", Some("mutedUntil")),
        (Error::conflict(ConflictReason::AlreadyPaired, "paired"), "conflict", None),
        (Error::CallNotFound, "not_found", None),
        (Error::TooSoon { retry_after: Duration::from_secs(1) }, "rate_limited", None),
        (Error::CursorExpired, "cursor_expired", None),
        (Error::Behind, "cursor_expired", None),
        (Error::Closed, "gateway_unavailable", None),
        (Error::Store(StoreError::Closed), "internal", None),
        (Error::Store(StoreError::TimedOut), "internal", None),
        (Error::Store(StoreError::TooSlow), "limit_exceeded", None),
        (Error::Store(StoreError::Unconfirmed(unanswered.into())), "outcome_unknown", None),
    ] {
        let (told_code, message, told_field) = code_message_field(error);
        assert_eq!((told_code, told_field), (code, field), "{message}");
    }
}

#[test]
fn a_database_error_says_nothing_but_that() {
    let cause = sea_orm::DbErr::Custom("secret".into());
    let (code, message, field) = code_message_field(StoreError::from(cause).into());
    assert_eq!((code, &*message, field), ("internal", "internal error", None));
}

#[test]
fn code_field_and_delay_reach_the_extensions() {
    let retry_after = Some(Duration::from_millis(1_500));
    let error = ApiError { code: ApiErrorCode::RateLimited, retry_after, ..ApiError::invalid("cid", "slow") };
    let extensions = async_graphql::Error::from(error).extensions.expect("extensions");
    assert_eq!(extensions.get("code"), Some(&"rate_limited".into()));
    assert_eq!(extensions.get("field"), Some(&"cid".into()));
    assert_eq!(extensions.get("retryAfterMs"), Some(&1_500.into()));
}

#[test]
fn a_conflict_says_what_stands_against_the_change() {
    let error = ApiError::from(service::error::Error::too_many(ConflictReason::TooManyPinned, 3, "three are pinned"));
    let extensions = async_graphql::Error::from(error).extensions.expect("extensions");
    assert_eq!(extensions.get("reason"), Some(&"TOO_MANY_PINNED".into()));
    assert_eq!(extensions.get("limit"), Some(&3.into()));
}
