use crate::domain::capability::Capability;

use crate::store::error::StoreError;

use super::*;

fn told(error: service::error::Error) -> (&'static str, String, Option<&'static str>) {
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
        (Error::Conflict("four".into()), "conflict", None),
        (Error::CursorExpired, "cursor_expired", None),
        (Error::Closed, "gateway_unavailable", None),
        (Error::Store(StoreError::Closed), "internal", None),
        (Error::Store(StoreError::TimedOut), "internal", None),
        (Error::Store(StoreError::Unconfirmed(unanswered.into())), "outcome_unknown", None),
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
