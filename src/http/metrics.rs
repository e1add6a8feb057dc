//! HTTP metrics. Label values are constants and numbers of the server, never data of a client.

use axum::http::StatusCode;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Connection and response counters. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    connections: Gauge,
    rejected: Family<[(&'static str, &'static str); 1], Counter>,
    responses: Family<[(&'static str, u16); 1], Counter>,
    closed: Family<[(&'static str, u16); 1], Counter>,
    throttled_tokens: Counter,
}

/// Reason for rejecting a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RejectReason {
    /// The connection limit is reached.
    Full,
    /// The connection limit of its address is reached.
    FullForAddress,
    /// The limit of its address for connections without a valid token is reached.
    FullForAnonymous,
    /// The TLS handshake failed or timed out.
    Handshake,
}

impl Metrics {
    /// Registers the metrics.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("connections", "Open connections, including WebSockets", self.connections.clone());
        registry.register("connections_rejected", "Rejected connections, by reason", self.rejected.clone());
        registry.register("http_responses", "HTTP responses, by status", self.responses.clone());
        let closed = "WebSockets closed by the server, by close code";
        registry.register("websocket_closes", closed, self.closed.clone());
        let throttled_tokens = "Tokens rejected with 429 because their address sent too many invalid ones";
        registry.register("tokens_throttled", throttled_tokens, self.throttled_tokens.clone());
    }

    /// Counts a connection as open until the returned guard is dropped.
    pub(super) fn connected(&self) -> Connected {
        self.connections.inc();
        Connected(self.connections.clone())
    }

    pub(super) fn refused(&self, why: RejectReason) {
        let why = match why {
            RejectReason::Full => "full",
            RejectReason::FullForAddress => "full_for_address",
            RejectReason::FullForAnonymous => "full_for_anonymous",
            RejectReason::Handshake => "handshake",
        };
        self.rejected.get_or_create(&[("reason", why)]).inc();
    }

    pub(super) fn responded(&self, status: StatusCode) {
        self.responses.get_or_create(&[("status", status.as_u16())]).inc();
    }

    /// Counts a token that is rejected because its address sent too many invalid ones.
    pub(super) fn throttled(&self) {
        self.throttled_tokens.inc();
    }

    /// Counts a WebSocket that the server closes with this code.
    pub(super) fn closed(&self, code: u16) {
        self.closed.get_or_create(&[("code", code)]).inc();
    }
}

/// Guard of an open connection.
pub(super) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}
