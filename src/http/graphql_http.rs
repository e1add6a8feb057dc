//! GraphQL over HTTP: an operation or a batch by POST as JSON, a query by GET. If the client accepts a stream,
//! subscriptions and all other operations can be streamed.

use std::sync::Arc;

use async_graphql::{Request, parser::types::OperationType};
use axum::{
    Extension,
    body::{self, Body},
    extract::State,
    http::{
        HeaderMap, HeaderValue, StatusCode, Uri,
        header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE},
    },
    response::Response,
};
use tokio::time::timeout;

use super::{
    bearer_token,
    content_negotiation::Negotiated,
    graphql_request, rate_limit_headers,
    request_id::RequestId,
    request_source::RequestSource,
    response,
    state::HttpState,
    streaming,
    token_watch::{self, TokenWatch},
};
use crate::graphql::{
    Caller,
    error::{ApiError, ApiErrorCode},
};

/// Response to a request that was rejected before execution.
struct HttpError {
    status: StatusCode,
    error: ApiError,
}

impl HttpError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, error: ApiError::new(ApiErrorCode::ValidationError, message) }
    }

    fn limit(status: StatusCode, message: String) -> Self {
        Self { status, error: ApiError::limit_exceeded(message) }
    }

    fn response(self, id: &RequestId) -> Response {
        let mut response = response::error_response(self.status, self.error, id);
        let headers = response.headers_mut();
        match self.status {
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
            }
            // The connection is closed instead of waiting for the rest of the body.
            StatusCode::REQUEST_TIMEOUT => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

/// Handles a POST request with one operation, or a batch in an array. The token is verified first, so that the body of
/// an unauthenticated request is not read.
pub(super) async fn post(
    State(http): State<Arc<HttpState>>,
    Extension(id): Extension<RequestId>,
    Extension(source): Extension<RequestSource>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    handle_post(&http, &id, &source, &headers, body).await.unwrap_or_else(|refused| refused.response(&id))
}

async fn handle_post(
    http: &Arc<HttpState>,
    id: &RequestId,
    source: &RequestSource,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let caller = caller(http, id, source, headers).await?;
    let accepted = negotiate(headers)?;
    // CSRF protection: an HTML form on any web page could send other content types.
    if !is_json(headers) {
        return Err(HttpError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported content type: expected application/json",
        ));
    }
    let body = read_body(http, headers, body).await?;
    if let Some(error) = ApiError::too_many_values(&body) {
        return Err(HttpError { status: StatusCode::BAD_REQUEST, error });
    }
    let payload = serde_json::from_slice(&body)
        .map_err(|_| HttpError::new(StatusCode::BAD_REQUEST, "the body is not valid JSON"))?;
    let serde_json::Value::Array(batch) = payload else {
        let request = graphql_request::from_json(payload).ok_or_else(invalid_request)?;
        return execute_one(http, id, headers, &caller, accepted, request, Mutations::Allowed).await;
    };
    let media = accepted.single_response_type().ok_or_else(not_acceptable)?;
    let longest = http.config.max_batch;
    if batch.is_empty() || batch.len() > longest {
        return Err(HttpError::limit(StatusCode::BAD_REQUEST, format!("a batch must have 1 to {longest} operations")));
    }
    let requests =
        batch.into_iter().map(graphql_request::from_json).collect::<Option<Vec<_>>>().ok_or_else(invalid_request)?;
    let mut answers = Vec::with_capacity(requests.len());
    // In sequence, so that an operation sees the effect of the mutations before it.
    for request in requests {
        answers.push(http.parts.api.execute(&caller, request).await);
    }
    Ok(rate_limit_headers::add_headers(response::batch(&answers, media), http, &caller))
}

/// Handles a GET request with a query or subscription in the URL. Mutations require POST, because a link or an image on
/// any web page can cause a GET request.
pub(super) async fn get(
    http: &Arc<HttpState>,
    id: &RequestId,
    source: &RequestSource,
    headers: &HeaderMap,
    uri: &Uri,
) -> Response {
    let answered = async {
        let caller = caller(http, id, source, headers).await?;
        let accepted = negotiate(headers)?;
        let request = graphql_request::from_query_string(uri).ok_or_else(invalid_request)?;
        execute_one(http, id, headers, &caller, accepted, request, Mutations::Rejected).await
    };
    answered.await.unwrap_or_else(|refused: HttpError| refused.response(id))
}

/// Permission for mutations.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mutations {
    Allowed,
    Rejected,
}

/// Executes one operation, in the format that the client accepts.
async fn execute_one(
    http: &Arc<HttpState>,
    id: &RequestId,
    headers: &HeaderMap,
    caller: &Caller,
    accepted: Negotiated,
    request: Request,
    change: Mutations,
) -> Result<Response, HttpError> {
    if matches!(accepted, Negotiated::Stream(..)) {
        check_rate_limit(http, caller)?;
    }
    let api = &http.parts.api;
    let pending = api.prepare(caller, request);
    if change == Mutations::Rejected && pending.kind() == Some(OperationType::Mutation) {
        let message = "mutations are not allowed by GET: use POST";
        return Err(HttpError::new(StatusCode::METHOD_NOT_ALLOWED, message));
    }
    let response = match accepted.for_operation(pending.kind()) {
        Negotiated::Stream(format, _) => {
            let token = bearer_token::in_headers(headers).unwrap_or_default().to_owned();
            let watch = TokenWatch::new(Arc::clone(http), token, &caller.viewer);
            let operation = streaming::start(http, caller.clone(), headers, pending);
            streaming::response(http, id, watch, format, operation)
        }
        Negotiated::Single(media) => {
            let result = api.respond(caller, pending).await;
            match change {
                Mutations::Allowed => response::to_post(&result, media),
                Mutations::Rejected => response::to_get(&result, media, headers),
            }
        }
    };
    Ok(rate_limit_headers::add_headers(response, http, caller))
}

/// Rejects a client whose rate limit is exhausted before a stream begins, because a stream's status cannot be changed
/// later.
fn check_rate_limit(http: &HttpState, caller: &Caller) -> Result<(), HttpError> {
    let refused = |error| HttpError { status: StatusCode::TOO_MANY_REQUESTS, error };
    http.parts.api.check(&caller.viewer).map_err(refused)
}

/// Rejects any other method.
pub(super) async fn method_not_allowed(Extension(id): Extension<RequestId>) -> Response {
    let refused = HttpError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method not allowed: use GET or POST for queries, POST for mutations",
    );
    let mut response = refused.response(&id);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
    response
}

async fn caller(
    http: &HttpState,
    id: &RequestId,
    source: &RequestSource,
    headers: &HeaderMap,
) -> Result<Caller, HttpError> {
    let viewer = match bearer_token::in_headers(headers) {
        Some(token) => token_watch::authenticate(http, token, source).await?,
        None => return Err(token_watch::AuthFailure::Invalid.into()),
    };
    Ok(Caller { viewer: Arc::new(viewer), request_id: Arc::clone(&id.0) })
}

impl From<token_watch::AuthFailure> for HttpError {
    fn from(refused: token_watch::AuthFailure) -> Self {
        match refused {
            token_watch::AuthFailure::Invalid => {
                Self { status: StatusCode::UNAUTHORIZED, error: ApiError::unauthorized() }
            }
            token_watch::AuthFailure::Throttled(retry_after) => {
                Self { status: StatusCode::TOO_MANY_REQUESTS, error: ApiError::rate_limited(retry_after) }
            }
            token_watch::AuthFailure::Unavailable => {
                Self { status: StatusCode::INTERNAL_SERVER_ERROR, error: ApiError::internal() }
            }
        }
    }
}

fn negotiate(headers: &HeaderMap) -> Result<Negotiated, HttpError> {
    Negotiated::new(headers).ok_or_else(not_acceptable)
}

fn not_acceptable() -> HttpError {
    let types = "not acceptable: expected application/graphql-response+json or application/json, or text/event-stream for \
                 one operation";
    HttpError::new(StatusCode::NOT_ACCEPTABLE, types)
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"))
}

/// Reads the body, within the limits of size and time.
async fn read_body(http: &HttpState, headers: &HeaderMap, body: Body) -> Result<body::Bytes, HttpError> {
    let (longest, time_limit) = (http.config.max_body, http.config.body_timeout);
    let too_long = || format!("the body is too large: at most {longest} bytes are allowed");
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > u64::try_from(longest).unwrap_or(u64::MAX)) {
        return Err(HttpError::limit(StatusCode::PAYLOAD_TOO_LARGE, too_long()));
    }
    let late = || format!("the body was not received within {} seconds", time_limit.as_secs());
    let read = timeout(time_limit, body::to_bytes(body, longest)).await;
    let read = read.map_err(|_| HttpError::limit(StatusCode::REQUEST_TIMEOUT, late()))?;
    read.map_err(|_| HttpError::limit(StatusCode::PAYLOAD_TOO_LARGE, too_long()))
}

fn invalid_request() -> HttpError {
    let message = "invalid request: expected the string `query` (or a persisted query in `extensions`), and optionally \
                   `operationName`, `variables` and `extensions`";
    HttpError::new(StatusCode::BAD_REQUEST, message)
}
