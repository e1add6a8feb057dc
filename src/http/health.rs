//! Health checks and metrics: `/healthz` reports whether the process serves, `/readyz` whether it can do its work, and
//! `/metrics` returns metrics. None requires a token, so none contains names. Frequent requests cost no more than rare
//! ones.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE},
    middleware,
    response::{IntoResponse as _, Response},
    routing::get,
};
use futures_util::future::BoxFuture;
use serde_json::json;

use super::{exposition, security_headers};

/// A probe provided by the composition root, so that this layer does not depend on what it probes.
pub type Probe<T> = Arc<dyn Fn() -> BoxFuture<'static, T> + Send + Sync>;

/// The probes.
#[derive(Clone)]
pub struct Health {
    /// Readiness of the server.
    pub ready: Probe<Readiness>,
    /// All metrics, as `OpenMetrics` text.
    pub metrics_route: Probe<String>,
}

/// Readiness of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// True while the server is stopping. It should get no new requests.
    pub draining: bool,
    /// Number of sessions by status; `None` if the database does not respond. It does not affect readiness.
    pub sessions: Option<BTreeMap<&'static str, u64>>,
    /// True if the database accepts writes, according to the last test.
    pub writes: bool,
    /// Sessions that were not started because their row cannot be read.
    pub unreadable_sessions: u64,
}

/// Amount of detail in `/readyz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Only the readiness: for the API listener, which anyone can reach.
    Status,
    /// Also the number of sessions by status.
    Sessions,
}

impl Readiness {
    fn response(&self, detail: Detail) -> Response {
        let ready = !self.draining && self.sessions.is_some() && self.writes;
        let (status, word) = match (ready, self.draining) {
            (true, _) => (StatusCode::OK, "ready"),
            (false, true) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
            (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "unready"),
        };
        let database = if self.sessions.is_some() { "ok" } else { "unavailable" };
        let writes = if self.writes { "ok" } else { "failing" };
        let mut body = json!({"status": word, "database": database, "writes": writes});
        if detail == Detail::Sessions {
            body["sessions"] = json!(self.sessions);
            if self.unreadable_sessions > 0 {
                body["unreadableSessions"] = self.unreadable_sessions.into();
            }
        }
        (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body.to_string()).into_response()
    }
}

impl Health {
    /// Returns the routes `/healthz` and `/readyz`.
    pub(super) fn routes<S: Clone + Send + Sync + 'static>(&self, detail: Detail) -> Router<S> {
        let ready = Arc::clone(&self.ready);
        let ready = get(async move || ready().await.response(detail));
        Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", ready)
    }

    /// Returns the route `/metrics`.
    pub(super) fn figures<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let figures = Arc::clone(&self.metrics_route);
        let figures = async move |headers: HeaderMap| exposition::response(&headers, figures().await);
        Router::new().route("/metrics", get(figures))
    }
}

/// Returns the routes of the monitoring listener, which clients cannot reach.
pub fn health_router(health: &Health) -> Router {
    let routes = health.routes(Detail::Sessions).merge(health.figures());
    routes.layer(middleware::map_response(security_headers::add))
}
