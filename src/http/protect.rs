//! Headers of every answer that keep it from others than the client: from caches in between, and from browsers that would
//! guess a type that runs.

use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::response::Response;

/// The answer with these headers. Files of pages say themselves how long they are kept.
pub(super) async fn answer(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
