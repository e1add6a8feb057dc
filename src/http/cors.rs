//! CORS: allows web pages of the configured origins to read responses of `/graphql`. Pages of the server's own origin
//! do not need it; for any other page, the browser blocks the response.

use std::{sync::Arc, time::Duration};

use axum::http::{
    HeaderName, HeaderValue, Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_NONE_MATCH, ORIGIN, RETRY_AFTER},
};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tracing::warn;

use super::{bearer_token, log_limit::LogLimit, origin, state::HttpState};

/// Lifetime of a preflight response in the browser's cache.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_hours(2);

/// Maximum length of a logged origin, in bytes.
const MAX_LOGGED_LEN: usize = 128;

/// Allowed request headers: those that this server reads, and those that common clients and tracers add.
const REQUEST_HEADERS: [HeaderName; 18] = [
    ACCEPT,
    AUTHORIZATION,
    CONTENT_TYPE,
    IF_NONE_MATCH,
    bearer_token::KEY_HEADER,
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("x-request-id"),
    // Apollo's clients; graphql-request and urql add no headers of their own.
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

/// Exposed response headers, in addition to those that CORS always exposes.
const EXPOSED_HEADERS: [HeaderName; 5] = [
    ETAG,
    HeaderName::from_static("x-request-id"),
    RETRY_AFTER,
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
];

/// Returns the layer that handles preflight requests and adds the headers to every other response.
pub(super) fn layer(http: &Arc<HttpState>) -> CorsLayer {
    let more = http.config.cors_headers.iter().cloned();
    let (http, refusals) = (Arc::clone(http), LogLimit::default());
    let origins = AllowOrigin::predicate(move |origin, request| {
        let allowed = origin::is_allowed(origin, &http.config.origins);
        if !allowed && !origin::is_own(origin, &request.headers) {
            log(origin, &refusals);
        }
        allowed
    });
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(REQUEST_HEADERS.into_iter().chain(more).collect::<Vec<_>>())
        .expose_headers(EXPOSED_HEADERS)
        .max_age(PREFLIGHT_MAX_AGE)
        // Caches must not reuse a response for other values of these headers.
        .vary([ACCEPT, AUTHORIZATION, bearer_token::KEY_HEADER, ORIGIN])
}

/// Logs a rejected origin. The page's developer only sees that the browser blocks the response.
fn log(origin: &HeaderValue, refusals: &LogLimit) {
    let Some(omitted) = refusals.permits() else { return };
    let origin = origin.to_str().ok().filter(|origin| origin.len() <= MAX_LOGGED_LEN).unwrap_or("other");
    warn!(origin, omitted, "Origin not allowed to read responses (--allowed-origin)");
}
