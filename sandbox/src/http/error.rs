//! Error responses.

use std::error::Error as _;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::Error;

/// An error response: a status, a machine-readable code and a message.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl ApiError {
    /// The request cannot be parsed.
    pub(super) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }

    /// The request is from a forbidden origin.
    pub(super) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, code, message: message.into() }
    }

    /// The object of the request does not exist.
    pub(super) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code, message: message.into() }
    }

    /// The route exists, but not with this method.
    pub(super) fn method_not_allowed(message: impl Into<String>) -> Self {
        Self { status: StatusCode::METHOD_NOT_ALLOWED, code: "method_not_allowed", message: message.into() }
    }

    /// The body exceeds the size limit.
    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, code: "body_too_large", message: message.into() }
    }

    /// The request can be parsed, but is invalid.
    pub(super) fn unprocessable(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, code, message: message.into() }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let (status, code) = match &error {
            Error::AccountExists(_) => (StatusCode::CONFLICT, "account_exists"),
            Error::InvalidAccount(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_account"),
            Error::InvalidQr(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_qr"),
            Error::UnknownQr => (StatusCode::NOT_FOUND, "unknown_qr"),
            Error::InvalidCode => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_code"),
            Error::UnknownCode => (StatusCode::NOT_FOUND, "unknown_code"),
            Error::WrongCode => (StatusCode::CONFLICT, "wrong_code"),
            Error::UnknownCompanion(_) => (StatusCode::NOT_FOUND, "unknown_companion"),
            Error::PairingFailed(_) => (StatusCode::CONFLICT, "pairing_failed"),
            Error::UnknownChat(_) => (StatusCode::NOT_FOUND, "unknown_chat"),
            Error::UnknownMessage(_) => (StatusCode::NOT_FOUND, "unknown_message"),
            Error::UnknownCall(_) => (StatusCode::NOT_FOUND, "unknown_call"),
            Error::TooManyPinned => (StatusCode::CONFLICT, "too_many_pinned"),
            Error::TakenAddress(_) => (StatusCode::CONFLICT, "taken_address"),
            Error::UnknownPrivacy(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unknown_privacy"),
            Error::UnknownContact(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unknown_contact"),
            Error::Unsupported(_) => (StatusCode::NOT_IMPLEMENTED, "not_implemented"),
            Error::Timeout(_) => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            Error::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "stopped"),
            Error::NotLoopback(_)
            | Error::Listen { .. }
            | Error::Randomness(_)
            | Error::Protocol { .. }
            | Error::InUse(_)
            | Error::Storage { .. } => {
                tracing::error!(error = &error as &dyn std::error::Error, "A request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "internal_error")
            }
        };
        Self { status, code, message: sentence(&error) }
    }
}

/// Returns the error and its causes in one line. They are not hidden: the client is a script's developer.
fn sentence(error: &Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"error": {"code": self.code, "message": self.message}}))).into_response()
    }
}
