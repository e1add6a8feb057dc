//! Watches a long-lived connection, a WebSocket or stream: verifies its token periodically, and closes it when the
//! server stops.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tracing::Span;

use super::{request_source::RequestSource, state::HttpState};
use crate::{
    auth::{
        authenticator::AuthError,
        viewer::{Principal, Viewer},
    },
    graphql::error::ApiError,
};

/// Maximum number of consecutive failed verifications (database or key set unavailable) before the connection is
/// closed.
const MAX_FAILED_CHECKS: u32 = 5;

/// Reason for rejecting a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AuthFailure {
    /// The token is invalid or has expired.
    Invalid,
    /// Its address sent too many invalid tokens; the client can retry after this time.
    Throttled(Duration),
    /// The token cannot be verified at present. The cause is logged.
    Unavailable,
}

/// Watches one client's token.
pub(super) struct TokenWatch {
    http: Arc<HttpState>,
    token: String,
    due: Instant,
    /// Expiry of the token.
    end: Option<Instant>,
    /// Number of consecutive failed verifications.
    unknown: u32,
}

impl TokenWatch {
    /// Watches `viewer`, who was authenticated with `token`.
    pub(super) fn new(http: Arc<HttpState>, token: String, viewer: &Viewer) -> Self {
        let mut watch = Self { http, token, due: Instant::now(), end: None, unknown: 0 };
        watch.schedule(viewer);
        watch
    }

    /// Returns the time of the next verification: every few seconds, because the token can be revoked, and at its
    /// expiry.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Verifies the token, and returns its viewer.
    pub(super) async fn reverify(&mut self) -> Result<Arc<Viewer>, AuthFailure> {
        let viewer = verify(&self.http, &self.token).await?;
        self.schedule(&viewer);
        Ok(Arc::new(viewer))
    }

    /// Returns an error if the connection must be closed. If verification fails, the connection stays open for some
    /// more attempts, unless the token has expired: a short database outage must not close all connections.
    pub(super) async fn check_due(&mut self) -> Result<(), AuthFailure> {
        match self.reverify().await {
            Err(AuthFailure::Unavailable) if self.unknown < MAX_FAILED_CHECKS => {
                if self.end.is_some_and(|end| end <= Instant::now()) {
                    return Err(AuthFailure::Invalid);
                }
                self.unknown += 1;
                self.postpone();
                Ok(())
            }
            looked => looked.map(drop),
        }
    }

    fn schedule(&mut self, viewer: &Viewer) {
        let remaining = self.http.parts.tokens.remaining(viewer);
        self.end = remaining.and_then(|remaining| Instant::now().checked_add(remaining));
        self.unknown = 0;
        self.postpone();
    }

    fn postpone(&mut self) {
        let next = Instant::now() + self.http.config.verify;
        self.due = self.end.map_or(next, |end| next.min(end));
    }
}

/// Authenticates a token from this address, and records the client in the request's span.
pub(super) async fn authenticate(http: &HttpState, token: &str, from: &RequestSource) -> Result<Viewer, AuthFailure> {
    let admitted = http.parts.tokens.authenticate(token, from.0).await.map_err(|cause| match cause {
        AuthError::TooMany { retry_after } => {
            http.parts.metrics.throttled();
            AuthFailure::Throttled(retry_after)
        }
        AuthError::Store(cause) => unavailable(&cause),
    });
    let viewer = admitted?.ok_or(AuthFailure::Invalid)?;
    from.authenticated();
    let span = Span::current();
    match &viewer.principal {
        Principal::ApiKey(id) => span.record("client.kind", "api_key").record("client.id", id.to_string()),
        Principal::User { id, .. } => span.record("client.kind", "user").record("client.id", &**id),
    };
    Ok(viewer)
}

/// Verifies a token again.
async fn verify(http: &HttpState, token: &str) -> Result<Viewer, AuthFailure> {
    let verified = http.parts.tokens.verify(token).await.map_err(|cause| unavailable(&cause));
    verified?.ok_or(AuthFailure::Invalid)
}

fn unavailable(cause: &dyn std::error::Error) -> AuthFailure {
    let _logged = ApiError::failed(cause);
    AuthFailure::Unavailable
}

/// Resolves when a connection must close because the server stops. Each has a random delay, so that clients do not all
/// reconnect at the same time.
pub(super) async fn drained(http: Arc<HttpState>) {
    http.parts.drain.cancelled().await;
    sleep(jitter(http.config.drain_window)).await;
}

/// Returns a random part of the window.
fn jitter(window: Duration) -> Duration {
    let random = getrandom::u32().expect("the operating system has random bytes");
    window.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_leaves_at_a_moment_of_their_own_within_the_window() {
        let window = Duration::from_secs(2);
        let moments: Vec<_> = (0..100).map(|_| jitter(window)).collect();
        assert!(moments.iter().all(|moment| *moment <= window));
        let in_quarter = |quarter: u32| {
            let (from, to) = (window * quarter / 4, window * (quarter + 1) / 4);
            moments.iter().filter(|moment| (from..to).contains(*moment)).count()
        };
        assert!((0..4).all(|quarter| in_quarter(quarter) > 0), "not spread: {moments:?}");
    }
}
