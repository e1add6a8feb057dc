//! What is counted at the door. Labels are words of ours and numbers that we choose: nothing that a caller sends.

use axum::http::StatusCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counts connections and what becomes of them. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    connections: Gauge,
    refused: Family<[(&'static str, &'static str); 1], Counter>,
    responses: Family<[(&'static str, u16); 1], Counter>,
    closed: Family<[(&'static str, u16); 1], Counter>,
    unheard: Counter,
}

/// Why a connection is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// All seats are taken.
    Full,
    /// All seats of its address are taken.
    FullForAddress,
    /// All seats of its address are taken that it may have without a token.
    FullForAnonymous,
    /// It did not get as far as TLS.
    Handshake,
}

impl Metrics {
    /// Makes the figures part of what `registry` tells.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("connections", "Connections that are open, WebSockets among them", self.connections.clone());
        registry.register("connections_refused", "Connections that were refused, by reason", self.refused.clone());
        registry.register("http_responses", "Answers over HTTP by status", self.responses.clone());
        let closed = "WebSockets that the server closed, by the code that it closed them with";
        registry.register("socket_closes", closed, self.closed.clone());
        let unheard = "Tokens refused with 429, after too many invalid ones from their address";
        registry.register("tokens_unheard", unheard, self.unheard.clone());
    }

    /// Counts a connection for as long as what this returns is there.
    pub(super) fn connected(&self) -> Connected {
        self.connections.inc();
        Connected(self.connections.clone())
    }

    pub(super) fn refused(&self, why: Refused) {
        let why = match why {
            Refused::Full => "full",
            Refused::FullForAddress => "full_for_address",
            Refused::FullForAnonymous => "full_for_anonymous",
            Refused::Handshake => "handshake",
        };
        self.refused.get_or_create(&[("reason", why)]).inc();
    }

    pub(super) fn answered(&self, status: StatusCode) {
        self.responses.get_or_create(&[("status", status.as_u16())]).inc();
    }

    /// Counts a token that is refused after too many invalid ones from its address.
    pub(super) fn unheard(&self) {
        self.unheard.inc();
    }

    /// Counts a WebSocket that is closed with this code.
    pub(super) fn closed(&self, code: u16) {
        self.closed.get_or_create(&[("code", code)]).inc();
    }
}

/// A connection that is open.
pub(super) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}
