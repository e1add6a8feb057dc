//! What goes back over HTTP: always GraphQL-shaped, failures of the door too.

use async_graphql::Response as Answer;
use async_graphql::ServerError;
use async_graphql::Value;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::ACCEPT;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::IntoResponse as _;
use axum::response::Response;
use serde::Serialize;

use crate::graphql::error::ApiError;
use crate::graphql::error::Code;

use super::request::RequestId;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const GRAPHQL: &str = "application/graphql-response+json";
const GRAPHQL_UTF_8: HeaderValue = HeaderValue::from_static("application/graphql-response+json; charset=utf-8");

/// An answer as it is written: without `data` when nothing was carried out.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
}

/// Whether the operation was carried out, with whatever result, rather than refused before.
pub(super) fn was_carried_out(answer: &Answer) -> bool {
    answer.errors.is_empty() || answer.data != Value::Null || answer.errors.iter().any(|error| !error.path.is_empty())
}

/// The answer as JSON.
pub(super) fn json(answer: &Answer) -> String {
    let written = Written { data: was_carried_out(answer).then_some(&answer.data), errors: &answer.errors };
    serde_json::to_string(&written).expect("values and errors can be written")
}

/// The answer in the media type the caller prefers: that decides on the status of a request that was refused, since
/// older callers take anything but 200 for a broken connection.
pub(super) fn response(answer: &Answer, headers: &HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if !accept.contains(GRAPHQL) {
        return (StatusCode::OK, [(CONTENT_TYPE, JSON)], json(answer)).into_response();
    }
    let status = if was_carried_out(answer) { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    (status, [(CONTENT_TYPE, GRAPHQL_UTF_8)], json(answer)).into_response()
}

/// A failure before anything was carried out.
pub(super) fn refusal(status: StatusCode, error: ApiError, request: &RequestId) -> Response {
    let code = error.code;
    let mut error = async_graphql::Error::from(error).into_server_error(async_graphql::Pos::default());
    error.locations.clear();
    if let (Code::Internal, Some(extensions)) = (code, &mut error.extensions) {
        extensions.set("requestId", &*request.0);
    }
    let answer = Answer::from_errors(vec![error]);
    let mut response = (status, [(CONTENT_TYPE, JSON)], json(&answer)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
