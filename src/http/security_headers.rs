//! Headers of every response that protect it from shared caches and from content-type sniffing.

use axum::{
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS},
    },
    response::Response,
};

/// Adds the headers. Static files set their own `Cache-Control`.
pub(super) async fn add(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
