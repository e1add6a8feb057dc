//! Routes whose place is taken while the phone cannot do what they are for.

use super::error::ApiError;

pub(super) async fn calls() -> ApiError {
    ApiError::not_implemented("calls")
}
