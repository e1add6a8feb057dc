//! Routes whose place is taken while the phone cannot do what they are for.

use super::error::ApiError;

pub(super) async fn enter() -> ApiError {
    ApiError::not_implemented("entering a pairing code")
}

pub(super) async fn mappings() -> ApiError {
    ApiError::not_implemented("telling that a LID and a number are one person")
}

pub(super) async fn unlink() -> ApiError {
    ApiError::not_implemented("unlinking a companion on the phone")
}
