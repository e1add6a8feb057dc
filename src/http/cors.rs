//! Lets web pages of the configured origins read what `/graphql` answers. Pages of the server's own origin need nothing
//! of this, and any other page's browser keeps the answer from it.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::header::ACCEPT;
use axum::http::header::AUTHORIZATION;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::ORIGIN;
use axum::http::header::RETRY_AFTER;
use tower_http::cors::AllowOrigin;
use tower_http::cors::CorsLayer;
use tracing::warn;

use super::Door;
use super::log_limit::LogLimit;
use super::origin;
use super::token;

/// How long a browser need not ask again.
const MAX_AGE: Duration = Duration::from_hours(2);

/// The longest origin that is logged, in bytes.
const MAX_LOGGED_LEN: usize = 128;

/// Headers that a page may send: what this server reads, and what usual clients and tracers add by themselves.
const REQUEST_HEADERS: [HeaderName; 17] = [
    ACCEPT,
    AUTHORIZATION,
    CONTENT_TYPE,
    token::KEY_HEADER,
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("x-request-id"),
    // Apollo's clients; graphql-request and urql send nothing of their own.
    HeaderName::from_static("apollo-require-preflight"),
    HeaderName::from_static("apollographql-client-name"),
    HeaderName::from_static("apollographql-client-version"),
    HeaderName::from_static("graphql-require-preflight"),
    HeaderName::from_static("x-apollo-operation-name"),
    HeaderName::from_static("x-requested-with"),
    // OpenTelemetry, Sentry.
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
    HeaderName::from_static("sentry-trace"),
    HeaderName::from_static("b3"),
];

/// Headers that a page may read, besides those that every page may.
const ANSWER_HEADERS: [HeaderName; 4] = [
    HeaderName::from_static("x-request-id"),
    RETRY_AFTER,
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
];

/// Answers a browser's preflight requests, and labels every other answer.
pub(super) fn layer(door: &Arc<Door>) -> CorsLayer {
    let more = door.config.cors_headers.iter().cloned();
    let (door, refusals) = (Arc::clone(door), LogLimit::default());
    let origins = AllowOrigin::predicate(move |origin, request| {
        let allowed = origin::is_allowed(origin, &door.config.origins);
        if !allowed && !origin::is_own(origin, &request.headers) {
            log(origin, &refusals);
        }
        allowed
    });
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(REQUEST_HEADERS.into_iter().chain(more).collect::<Vec<_>>())
        .expose_headers(ANSWER_HEADERS)
        .max_age(MAX_AGE)
        // An answer depends on these, so no cache may give it for other ones.
        .vary([ACCEPT, AUTHORIZATION, token::KEY_HEADER, ORIGIN])
}

/// Logs an origin whose pages may not read answers. The page's developer only sees that the browser forbids it.
fn log(origin: &HeaderValue, refusals: &LogLimit) {
    let Some(omitted) = refusals.permits() else { return };
    let origin = origin.to_str().ok().filter(|origin| origin.len() <= MAX_LOGGED_LEN).unwrap_or("other");
    warn!(origin, omitted, "A web page of another origin may not read answers; --allowed-origin would allow it");
}
