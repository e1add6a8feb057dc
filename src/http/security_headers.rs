//! Headers of every response that protect it from shared caches and from content-type sniffing.

use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::response::Response;

/// Adds the headers. Static files set their own `Cache-Control`.
pub(super) async fn add(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
