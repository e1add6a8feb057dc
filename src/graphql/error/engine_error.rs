//! Completion of the engine's errors, so that they have the extensions of the contract.

use async_graphql::{ErrorExtensionValues, ServerError};

use super::ApiErrorCode;

/// Adds a code to an error of the engine, and the request id to an internal error.
pub(in crate::graphql) fn translate(error: &mut ServerError, request_id: &str) {
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_none() {
        extensions.set("code", ApiErrorCode::ValidationError.as_str());
    }
    if extensions.get("code") == Some(&ApiErrorCode::Internal.as_str().into()) {
        extensions.set("requestId", request_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphql::error::ApiError;

    #[test]
    fn a_failure_of_ours_carries_the_request() {
        let mut error =
            async_graphql::Error::from(ApiError::internal()).into_server_error(async_graphql::Pos::default());
        translate(&mut error, "req_1");
        let extensions = error.extensions.expect("extensions");
        assert_eq!(extensions.get("requestId"), Some(&"req_1".into()));
    }
}
