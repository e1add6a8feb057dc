//! Lets web pages of the configured origins read what `/graphql` answers. Pages of the server's own origin need nothing
//! of this, and any other page's browser keeps the answer from it.

use std::sync::Arc;

use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header::ACCESS_CONTROL_ALLOW_HEADERS;
use axum::http::header::ACCESS_CONTROL_ALLOW_METHODS;
use axum::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use axum::http::header::ACCESS_CONTROL_EXPOSE_HEADERS;
use axum::http::header::ACCESS_CONTROL_MAX_AGE;
use axum::http::header::ACCESS_CONTROL_REQUEST_METHOD;
use axum::http::header::ORIGIN;
use axum::http::header::VARY;
use axum::middleware::Next;
use axum::response::IntoResponse as _;
use axum::response::Response;

use super::Door;

/// Answers a browser that asks beforehand, and labels every other answer.
pub(super) async fn label(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let origin = allowed(request.headers(), &door.config.allowed_origins);
    let asks_beforehand =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if asks_beforehand { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("x-request-id, retry-after, ratelimit, ratelimit-policy"),
        );
        if asks_beforehand {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
            let allowed = "authorization, content-type, last-event-id, x-api-key, x-request-id";
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
        }
    }
    response
}

/// The page's origin, if it was named.
fn allowed(headers: &HeaderMap, origins: &[String]) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    let text = origin.to_str().ok()?.to_ascii_lowercase();
    origins.contains(&text).then(|| origin.clone())
}
