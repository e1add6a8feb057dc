//! Parts of requests: the phone in the path, and JSON bodies.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::StatusCode,
};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::error::ApiError;
use crate::{Phone, Sandbox};

/// Maximum size of a body; an account with a long history is large.
pub(super) const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// A request's body as JSON, whatever its content type says, so that a plain `curl -d` works.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unreadable(&rejection))?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| invalid(&error))
    }
}

/// Default of a switch that is on if left out.
pub(super) fn enabled() -> bool {
    true
}

/// Returns the error for invalid JSON.
pub(super) fn invalid(error: &serde_json::Error) -> ApiError {
    match error.classify() {
        Category::Data => ApiError::unprocessable("invalid_body", error.to_string()),
        Category::Io | Category::Syntax | Category::Eof => ApiError::bad_request("invalid_json", error.to_string()),
    }
}

fn unreadable(rejection: &BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::too_large(format!("The body is larger than {} MiB.", MAX_BODY_BYTES >> 20))
    } else {
        ApiError::bad_request("unreadable_body", rejection.body_text())
    }
}

/// Returns the phone in the path.
pub(super) fn phone(sandbox: &Sandbox, number: &str) -> Result<Phone, ApiError> {
    sandbox
        .account(number)
        .ok_or_else(|| ApiError::not_found("unknown_account", format!("There is no account {number}.")))
}
