//! The HTTP and WebSocket server in front of `graphql`. Called by `server`, which passes the router to a listener.
//!
//! Connections: `listener` accepts them, `tls` encrypts them, `client_ip` determines the client's address, and
//! `metrics` counts. `config` declares the flags. Requests: `request_id` assigns ids, `bearer_token` extracts the
//! token, `graphql_request` parses the GraphQL request, `content_negotiation` negotiates the content type.
//! `graphql_http` handles POST and GET on `/graphql`, `streaming` the streamed responses, and `websocket` the
//! WebSockets on the same path. `response` and `rate_limit_headers` write responses and rate-limit headers.
//! `token_watch` verifies the tokens of long-lived connections again, `origin` and `cors` check web pages, `health`
//! serves probes and metrics. `graphiql` and `pairing_page` are pages, made of `static_file`s. To add a route, add a
//! line in [`router`] and a file. A route that requires no token must be documented there.

mod bearer_token;
mod body_guard;
mod client_ip;
mod config;
mod content_negotiation;
mod cors;
mod exposition;
mod forwarded;
mod graphiql;
mod graphql_http;
mod graphql_request;
mod health;
mod listener;
mod log_limit;
mod message_rate;
mod metrics;
mod origin;
mod pairing_page;
mod rate_limit_headers;
mod request_id;
mod request_log;
mod request_source;
mod response;
mod security_headers;
mod state;
mod static_file;
mod streaming;
mod tls;
mod token_watch;
mod unread_body;
mod websocket;

use std::sync::Arc;

use axum::{Router, middleware, routing::post};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer, Predicate as _,
        predicate::{NotForContentType, SizeAbove},
    },
};

use health::Detail;
use state::HttpState;

pub use client_ip::Network;
pub use config::{Config, ConnectionConfig, Invitations, PageArgs, ProxyArgs, TlsArgs};
pub use health::{Health, Probe, Readiness, health_router};
pub use listener::{ListenerContext, serve};
pub use metrics::Metrics;
pub use origin::Origins;
pub use state::HttpServices;
pub use tls::{CertificateFiles, Tls, TlsError};

/// Responses up to this size are not compressed, in bytes.
const MIN_COMPRESSED_LEN: u64 = 1024;

/// Returns the router. `/graphql` accepts POST and WebSockets, and GET for queries and subscriptions. `/healthz` and
/// `/readyz` are always served, `/metrics` and GraphiQL (at `/`) if enabled, and the pairing page below `/pair`. Only
/// `/graphql` requires a token.
pub fn router(parts: HttpServices, config: Config) -> Router {
    let page = config.graphiql.map_or_else(Router::new, graphiql::routes);
    let figures = if config.figures { parts.health.figures() } else { Router::new() };
    let health = parts.health.routes(Detail::Status).merge(figures);
    let http = Arc::new(HttpState { parts, config, forwarded: forwarded::IgnoredHeader::default() });
    // Compression would delay the events of a stream until a block is complete.
    let worth_it =
        SizeAbove::new(MIN_COMPRESSED_LEN).and(NotForContentType::SSE).and(NotForContentType::const_new("multipart/"));
    let shrink = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth_it);
    // HEAD would execute the query and return nothing.
    let operations = post(graphql_http::post)
        .get(websocket::upgrade)
        .head(graphql_http::method_not_allowed)
        .fallback(graphql_http::method_not_allowed);
    Router::new()
        .route("/graphql", operations)
        .route_layer(shrink)
        .route_layer(cors::layer(&http))
        .merge(health)
        .merge(page)
        .merge(pairing_page::routes())
        .layer(middleware::from_fn(request_log::catch_panic))
        .layer(middleware::from_fn_with_state(Arc::clone(&http), unread_body::discard))
        .layer(middleware::from_fn_with_state(Arc::clone(&http), request_log::assign_request_id))
        .layer(middleware::map_response(security_headers::add))
        .with_state(http)
}

#[cfg(test)]
mod tests;
