//! The door: HTTP and WebSocket in front of `graphql`. Called by `server`, which puts the router behind a listener.
//!
//! `serve` accepts connections, `tls` encrypts them where a certificate is configured, `request` gives every request its
//! id, `network` tells where it comes from, `token` finds the caller, `query` answers POST and GET on `/graphql`, `stream`
//! writes answers as they come and `socket` speaks the WebSocket protocols on the same path, `vigil` watches over who comes
//! and stays, `health` is for whoever watches the server, `metrics` counts, `payload` reads what is asked, `media`,
//! `answer` and `limit` write what goes back,
//! `origin` keeps foreign web pages out of sockets and `cors` lets those in that were named, `graphiql` is the page to try
//! it all on and `pair` the one to pair a session on, both of `asset`s. A new route is a line in [`router`] and a file beside them; whoever must not need a token says so here.

mod answer;
mod asset;
mod cors;
mod exposition;
mod forwarded;
mod graphiql;
mod health;
mod held;
mod limit;
mod log_limit;
mod media;
mod metrics;
mod network;
mod origin;
mod pair;
mod payload;
mod protect;
mod query;
mod rate;
mod request;
mod serve;
mod socket;
mod stream;
mod tls;
mod token;
mod unread_body;
mod vigil;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderName;
use axum::middleware;
use axum::routing::post;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::Predicate as _;
use tower_http::compression::predicate::NotForContentType;
use tower_http::compression::predicate::SizeAbove;

use crate::auth::token::Tokens;
use crate::graphql::Api;

use health::Detail;

pub use graphiql::Invitations;
pub use health::Ask;
pub use health::Health;
pub use health::Readiness;
pub use health::health_router;
pub use metrics::Metrics;
pub use network::Network;
pub use origin::Origins;
pub use serve::Connections;
pub use serve::Listening;
pub use serve::serve;
pub use tls::Files;
pub use tls::Tls;
pub use tls::TlsError;

/// What requests are answered with.
#[derive(Clone)]
pub struct Parts {
    /// The schema with everything behind it.
    pub api: Api,
    /// Who may come in.
    pub tokens: Tokens,
    /// Runs what goes on beside an answer: WebSockets, their operations, streams.
    pub tasks: TaskTracker,
    /// Cancelled when the server stops: who stays on a WebSocket or a stream is asked to leave then.
    pub drain: CancellationToken,
    /// What whoever watches the server may ask.
    pub health: Health,
    /// Counts what goes through the door.
    pub metrics: Metrics,
}

/// How the door keeps order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Origins of web pages that may come in besides the server's own.
    pub origins: Origins,
    /// Headers that those pages may send besides the usual ones.
    pub cors_headers: Vec<HeaderName>,
    /// The proxies whose word counts on whose request they pass on.
    pub trusted_proxies: Vec<Network>,
    /// The longest request body and WebSocket message, in bytes.
    pub max_body: usize,
    /// The longest message on a WebSocket before its client has shown a valid token, in bytes. A login token has at most
    /// 8 KiB.
    pub max_init: usize,
    /// How long a request body may take to arrive.
    pub body_timeout: Duration,
    /// How many operations one request may hold.
    pub max_batch: usize,
    /// How long a WebSocket may take to say who it is.
    pub init_timeout: Duration,
    /// How often a WebSocket is asked for a sign of life, and a stream gives one.
    pub heartbeat: Duration,
    /// How long a WebSocket may leave that unanswered. It is closed when it would be asked again after that.
    pub silence: Duration,
    /// How often a WebSocket's token is verified again, besides when it ends. With the time that a verified key is
    /// remembered, it makes less than the 10 seconds after which a revoked key is out.
    pub verify: Duration,
    /// How long a WebSocket or a stream may take to accept a message.
    pub write_timeout: Duration,
    /// How many operations may run on one WebSocket.
    pub max_operations: usize,
    /// How many messages a second a WebSocket may send, on the average of ten seconds.
    pub max_messages: u32,
    /// Over how long WebSockets and streams are closed when the server stops.
    pub drain_window: Duration,
    /// The page to try the API on, if there is one.
    pub graphiql: Option<Invitations>,
    /// Whether the figures are told to anybody who can reach the server.
    pub figures: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            origins: Origins::default(),
            cors_headers: Vec::new(),
            trusted_proxies: Vec::new(),
            max_body: 1024 * 1024,
            max_init: 16 * 1024,
            body_timeout: Duration::from_secs(30),
            max_batch: 10,
            init_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(12),
            silence: Duration::from_secs(20),
            verify: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            max_operations: 100,
            max_messages: 50,
            drain_window: Duration::from_secs(2),
            graphiql: None,
            figures: false,
        }
    }
}

/// An answer as short as this is sent as it is, in bytes.
const SHORT: u64 = 1024;

/// What every route shares.
struct Door {
    parts: Parts,
    config: Config,
    /// `X-Forwarded-For` of peers that are not trusted.
    forwarded: forwarded::Ignored,
}

impl Door {
    /// Whether the server stops.
    fn is_closing(&self) -> bool {
        self.parts.drain.is_cancelled()
    }
}

/// The routes: `/graphql` for everything by POST and by WebSocket, and by GET for what changes nothing; `/healthz` and
/// `/readyz` for whoever watches the process, `/metrics` where it is wanted here; and GraphiQL's files at `/` where they are
/// wanted, and the page to pair a session on below `/pair`. Only `/graphql` needs a token.
pub fn router(parts: Parts, config: Config) -> Router {
    let page = config.graphiql.map_or_else(Router::new, graphiql::routes);
    let figures = if config.figures { parts.health.figures() } else { Router::new() };
    let health = parts.health.signs_of_life(Detail::Status).merge(figures);
    let door = Arc::new(Door { parts, config, forwarded: forwarded::Ignored::default() });
    // What is compressed comes when there is enough of it, and not when it happens.
    let worth_it = SizeAbove::new(SHORT).and(NotForContentType::SSE).and(NotForContentType::const_new("multipart/"));
    let shrink = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth_it);
    // HEAD would carry the query out, and answer nothing.
    let operations = post(query::post).get(socket::upgrade).head(query::other).fallback(query::other);
    Router::new()
        .route("/graphql", operations)
        .route_layer(shrink)
        .route_layer(cors::layer(&door))
        .merge(health)
        .merge(page)
        .merge(pair::routes())
        .layer(middleware::from_fn(request::catch))
        .layer(middleware::from_fn_with_state(Arc::clone(&door), unread_body::discard))
        .layer(middleware::from_fn_with_state(Arc::clone(&door), request::identify))
        .layer(middleware::map_response(protect::answer))
        .with_state(door)
}

#[cfg(test)]
mod tests;
