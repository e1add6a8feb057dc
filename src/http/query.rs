//! `POST /graphql`: one query or mutation as JSON.

use std::sync::Arc;

use axum::Extension;
use axum::body;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;

use crate::graphql::Caller;
use crate::graphql::error::ApiError;
use crate::graphql::error::Code;

use super::Door;
use super::answer;
use super::payload;
use super::request::RequestId;
use super::token;

/// Answers one request. The token comes first: nobody else's body is read.
pub(super) async fn post(
    State(door): State<Arc<Door>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let viewer = match token::in_headers(&headers) {
        Some(token) => door.parts.tokens.verify(token).await,
        None => Ok(None),
    };
    let viewer = match viewer {
        Ok(Some(viewer)) => Arc::new(viewer),
        Ok(None) => return answer::refusal(StatusCode::UNAUTHORIZED, ApiError::unauthorized(), &id),
        Err(cause) => return answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, ApiError::failed(&cause), &id),
    };
    let refused = |status, message: &str| answer::refusal(status, ApiError::new(Code::ValidationError, message), &id);
    // A type that a form of any web page can send would let that page act for its reader.
    if !is_json(&headers) {
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content type must be application/json");
    }
    let Ok(body) = body::to_bytes(body, door.config.max_body).await else {
        let message = format!("a request may have at most {} bytes", door.config.max_body);
        return answer::refusal(StatusCode::PAYLOAD_TOO_LARGE, ApiError::limit_exceeded(message), &id);
    };
    let Ok(payload) = serde_json::from_slice::<serde_json::Value>(&body) else {
        return refused(StatusCode::BAD_REQUEST, "the body is not JSON");
    };
    if payload.is_array() {
        return refused(StatusCode::BAD_REQUEST, "several operations in one request are not supported");
    }
    let Some(request) = payload::read(payload) else {
        return refused(
            StatusCode::BAD_REQUEST,
            "the body must be an object with the text query, and perhaps operationName, variables and extensions",
        );
    };
    let caller = Caller { viewer, request_id: id.0 };
    answer::response(door.parts.api.execute(&caller, request).await, &headers)
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
}
