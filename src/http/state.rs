//! State of all routes.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Config, forwarded, health::Health, metrics::Metrics};
use crate::{auth::authenticator::Authenticator, graphql::GraphqlExecutor};

/// Services that handle requests.
#[derive(Clone)]
pub struct HttpServices {
    /// Executes GraphQL requests.
    pub api: GraphqlExecutor,
    /// Verifies tokens.
    pub tokens: Authenticator,
    /// Tracks long-lived tasks: WebSockets, their operations, and streams.
    pub tasks: TaskTracker,
    /// Cancelled when the server stops: WebSockets and streams are then closed.
    pub drain: CancellationToken,
    /// Health checks and metrics.
    pub health: Health,
    /// HTTP metrics.
    pub metrics: Metrics,
}

/// State of all routes.
pub(super) struct HttpState {
    pub(super) parts: HttpServices,
    pub(super) config: Config,
    /// Logs `X-Forwarded-For` of untrusted peers.
    pub(super) forwarded: forwarded::IgnoredHeader,
}

impl HttpState {
    /// Returns whether the server is stopping.
    pub(super) fn is_closing(&self) -> bool {
        self.parts.drain.is_cancelled()
    }
}
