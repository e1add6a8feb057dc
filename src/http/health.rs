//! What whoever watches the server asks: `/healthz`, whether the process serves; `/readyz`, whether it can do its work;
//! `/metrics`, what it did. None needs a token, so none tells a name, and none costs more when it is asked more often.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::IntoResponse as _;
use axum::response::Response;
use axum::routing::get;
use futures_util::future::BoxFuture;
use serde_json::json;

use super::exposition;
use super::protect;

/// A question that the wiring answers, so that this layer need not know whom it asks.
pub type Ask<T> = Arc<dyn Fn() -> BoxFuture<'static, T> + Send + Sync>;

/// What may be asked.
#[derive(Clone)]
pub struct Health {
    /// Whether the server can do its work.
    pub ready: Ask<Readiness>,
    /// All figures, as `OpenMetrics` text.
    pub figures: Ask<String>,
}

/// Whether the server can do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Whether it is stopping: nobody should be sent here any more.
    pub draining: bool,
    /// Sessions by status where the database answered. How they stand does not matter here.
    pub sessions: Option<BTreeMap<&'static str, u64>>,
    /// Whether the database takes writes, as far as was tried.
    pub writes: bool,
    /// Sessions that were not started, since their row cannot be read.
    pub unreadable_sessions: u64,
}

/// How much `/readyz` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Whether the server is ready: anybody may ask on the address of the API.
    Status,
    /// How many sessions there are in each status, too.
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
    /// `/healthz` and `/readyz`.
    pub(super) fn signs_of_life<S: Clone + Send + Sync + 'static>(&self, detail: Detail) -> Router<S> {
        let ready = Arc::clone(&self.ready);
        let ready = get(async move || ready().await.response(detail));
        Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", ready)
    }

    /// `/metrics`.
    pub(super) fn figures<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let figures = Arc::clone(&self.figures);
        let figures = async move |headers: HeaderMap| exposition::response(&headers, figures().await);
        Router::new().route("/metrics", get(figures))
    }
}

/// The routes of a listener that only whoever watches the server reaches.
pub fn health_router(health: &Health) -> Router {
    let routes = health.signs_of_life(Detail::Sessions).merge(health.figures());
    routes.layer(middleware::map_response(protect::answer))
}
