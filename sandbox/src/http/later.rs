//! Routes whose place is taken while the phone cannot do what they are for.

use super::error::ApiError;

pub(super) async fn calls() -> ApiError {
    ApiError::not_implemented("calls")
}

pub(super) async fn mappings() -> ApiError {
    ApiError::not_implemented("telling that a LID and a number are one person")
}
