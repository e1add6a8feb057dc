//! HTTP responses. All of them have the form of a GraphQL response, including errors before execution.

use std::{slice, sync::Arc};

use async_graphql::{Response as Answer, ServerError};
use axum::{
    body::Bytes,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse as _, Response},
};

use super::{content_negotiation::ResponseType, rate_limit_headers, request_id::RequestId};
use crate::graphql::{
    Executed, StoredResponse,
    error::{ApiError, ApiErrorCode},
    json, was_executed,
};

/// JSON text that several responses share.
struct SharedText(Arc<str>);

impl AsRef<[u8]> for SharedText {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Returns the result of a POST request in the media type that the client accepts.
pub(super) fn to_post(result: &Executed, media: ResponseType) -> Response {
    match result {
        Executed::Own(answer) => response(answer, media),
        Executed::Stored(stored) => stored_response(stored, media),
    }
}

/// Returns the result of a GET request in the media type that the client accepts. One without errors has an entity tag,
/// with which the client can ask whether it is still the same.
pub(super) fn to_get(result: &Executed, media: ResponseType, request: &HeaderMap) -> Response {
    let Executed::Stored(stored) = result else { return to_post(result, media) };
    // Weak, since the text may be compressed. A response of another media type is another representation.
    let tag = match media {
        ResponseType::Json => format!("W/\"{}\"", stored.digest()),
        ResponseType::GraphQl => format!("W/\"{}.g\"", stored.digest()),
    };
    let mut response =
        if is_known(&tag, request) { StatusCode::NOT_MODIFIED.into_response() } else { stored_response(stored, media) };
    let headers = response.headers_mut();
    headers.insert(ETAG, HeaderValue::from_str(&tag).expect("Base64 in quotes"));
    // A browser may store the response, and must ask before it uses it again.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

fn stored_response(stored: &StoredResponse, media: ResponseType) -> Response {
    ([(CONTENT_TYPE, media.header())], Bytes::from_owner(SharedText(stored.json()))).into_response()
}

/// Returns whether the client already has the response with this tag.
fn is_known(etag: &str, request: &HeaderMap) -> bool {
    let known = request.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.flat_map(|tags| tags.split(',')).any(|tag| tag.trim() == "*" || opaque(tag) == opaque(etag))
}

/// Returns the response in the media type that the client accepts.
pub(super) fn response(answer: &Answer, media: ResponseType) -> Response {
    let status = if was_executed(answer) { StatusCode::OK } else { media.error_status() };
    let response = (status, [(CONTENT_TYPE, media.header())], json(answer)).into_response();
    rate_limit_headers::into_too_many_requests(response, slice::from_ref(answer))
}

/// Returns the responses to a batch, in order. The status is an error only if all operations exceeded the rate limit.
pub(super) fn batch(answers: &[Answer], media: ResponseType) -> Response {
    let written: Vec<_> = answers.iter().map(json).collect();
    let response = ([(CONTENT_TYPE, media.header())], format!("[{}]", written.join(","))).into_response();
    rate_limit_headers::into_too_many_requests(response, answers)
}

/// Converts an error without a location in the document.
pub(super) fn error(error: ApiError, request: &RequestId) -> ServerError {
    let code = error.code;
    let mut error = async_graphql::Error::from(error).into_server_error(async_graphql::Pos::default());
    error.locations.clear();
    if let (ApiErrorCode::Internal, Some(extensions)) = (code, &mut error.extensions) {
        extensions.set("requestId", &*request.0);
    }
    error
}

/// Returns the response to a request that was rejected before execution.
pub(super) fn error_response(status: StatusCode, error: ApiError, request: &RequestId) -> Response {
    let retry_after = error.retry_after;
    let answer = Answer::from_errors(vec![self::error(error, request)]);
    let mut response = (status, [(CONTENT_TYPE, ResponseType::Json.header())], json(&answer)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(retry_after) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, rate_limit_headers::seconds(retry_after).into());
    }
    response
}

#[cfg(test)]
mod tests {
    use async_graphql::{PathSegment, Value};
    use axum::body::to_bytes;

    use super::*;

    fn failed(path: Vec<PathSegment>) -> Answer {
        Answer::from_errors(vec![ServerError { path, ..ServerError::new("no", None) }])
    }

    fn written(answer: &Answer) -> serde_json::Value {
        serde_json::from_str(&super::json(answer)).expect("JSON")
    }

    #[test]
    fn rejected_operation_has_no_data() {
        assert_eq!(written(&failed(vec![])), serde_json::json!({"errors": [{"message": "no"}]}));
        let carried_out = failed(vec![PathSegment::Field("a".into())]);
        assert_eq!(
            written(&carried_out),
            serde_json::json!({"data": null, "errors": [{"message": "no", "path": ["a"]}]})
        );
        assert_eq!(written(&Answer::new(Value::from(1))), serde_json::json!({"data": 1}));
    }

    #[test]
    fn a_rejected_document_is_a_bad_request_in_the_new_media_type() {
        let status = |media, answer: Answer| response(&answer, media).status();
        assert_eq!(status(ResponseType::GraphQl, failed(vec![])), StatusCode::BAD_REQUEST);
        assert_eq!(status(ResponseType::GraphQl, Answer::new(Value::from(1))), StatusCode::OK);
        assert_eq!(status(ResponseType::Json, failed(vec![])), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_request_without_a_token_gets_only_a_challenge() {
        let id = RequestId("req_1".into());
        let response = error_response(StatusCode::UNAUTHORIZED, ApiError::unauthorized(), &id);
        assert_eq!(response.headers().get(WWW_AUTHENTICATE), Some(&HeaderValue::from_static("Bearer")));
        let body = to_bytes(response.into_body(), 1_000).await.expect("a body");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let error = serde_json::json!({"message": "a valid token is required", "extensions": {"code": "unauthorized"}});
        assert_eq!(body, serde_json::json!({"errors": [error]}));
    }

    #[tokio::test]
    async fn a_failure_of_ours_names_the_request() {
        let id = RequestId("req_1".into());
        let response = error_response(StatusCode::INTERNAL_SERVER_ERROR, ApiError::internal(), &id);
        let body = to_bytes(response.into_body(), 1_000).await.expect("a body");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["errors"][0]["extensions"], serde_json::json!({"code": "internal", "requestId": "req_1"}));
    }
}
