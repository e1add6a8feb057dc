//! Watches a long-lived connection, a WebSocket or stream: verifies its token periodically, and closes it when the
//! server stops.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio::time::sleep;
use tracing::Span;

use crate::auth::authenticator::AuthError;
use crate::auth::viewer::Principal;
use crate::auth::viewer::Viewer;
use crate::graphql::error::ApiError;

use super::Door;
use super::client_ip::Source;

/// Maximum number of consecutive failed verifications (database or key set unavailable) before the connection is
/// closed.
const UNKNOWN: u32 = 5;

/// Reason for rejecting a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The token is invalid or has expired.
    Token,
    /// Its address sent too many invalid tokens; the client can retry after this time.
    TooMany(Duration),
    /// The token cannot be verified at present. The cause is logged.
    Unknown,
}

/// Watches one client's token.
pub(super) struct Vigil {
    door: Arc<Door>,
    token: String,
    due: Instant,
    /// Expiry of the token.
    end: Option<Instant>,
    /// Number of consecutive failed verifications.
    unknown: u32,
}

impl Vigil {
    /// Watches `viewer`, who was authenticated with `token`.
    pub(super) fn over(door: Arc<Door>, token: String, viewer: &Viewer) -> Self {
        let mut vigil = Self { door, token, due: Instant::now(), end: None, unknown: 0 };
        vigil.come_again(viewer);
        vigil
    }

    /// Returns the time of the next verification: every few seconds, because the token can be revoked, and at its
    /// expiry.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Verifies the token, and returns its viewer.
    pub(super) async fn look(&mut self) -> Result<Arc<Viewer>, Refused> {
        let viewer = verify(&self.door, &self.token).await?;
        self.come_again(&viewer);
        Ok(Arc::new(viewer))
    }

    /// Returns an error if the connection must be closed. If verification fails, the connection stays open for some
    /// more attempts, unless the token has expired: a short database outage must not close all connections.
    pub(super) async fn still(&mut self) -> Result<(), Refused> {
        match self.look().await {
            Err(Refused::Unknown) if self.unknown < UNKNOWN => {
                if self.end.is_some_and(|end| end <= Instant::now()) {
                    return Err(Refused::Token);
                }
                self.unknown += 1;
                self.wait();
                Ok(())
            }
            looked => looked.map(drop),
        }
    }

    fn come_again(&mut self, viewer: &Viewer) {
        let remaining = self.door.parts.tokens.remaining(viewer);
        self.end = remaining.and_then(|remaining| Instant::now().checked_add(remaining));
        self.unknown = 0;
        self.wait();
    }

    fn wait(&mut self) {
        let next = Instant::now() + self.door.config.verify;
        self.due = self.end.map_or(next, |end| next.min(end));
    }
}

/// Authenticates a token from this address, and records the client in the request's span.
pub(super) async fn admit(door: &Door, token: &str, from: &Source) -> Result<Viewer, Refused> {
    let admitted = door.parts.tokens.admit(token, from.0).await.map_err(|cause| match cause {
        AuthError::TooMany { retry_after } => {
            door.parts.metrics.unheard();
            Refused::TooMany(retry_after)
        }
        AuthError::Store(cause) => unknown(&cause),
    });
    let viewer = admitted?.ok_or(Refused::Token)?;
    from.authenticated();
    let span = Span::current();
    match &viewer.principal {
        Principal::ApiKey(id) => span.record("client.kind", "api_key").record("client.id", id.to_string()),
        Principal::User { id, .. } => span.record("client.kind", "user").record("client.id", &**id),
    };
    Ok(viewer)
}

/// Verifies a token again.
async fn verify(door: &Door, token: &str) -> Result<Viewer, Refused> {
    let verified = door.parts.tokens.verify(token).await.map_err(|cause| unknown(&cause));
    verified?.ok_or(Refused::Token)
}

fn unknown(cause: &dyn std::error::Error) -> Refused {
    let _logged = ApiError::failed(cause);
    Refused::Unknown
}

/// Resolves when a connection must close because the server stops. Each has a random delay, so that clients do not all
/// reconnect at the same time.
pub(super) async fn leaving(door: Arc<Door>) {
    door.parts.drain.cancelled().await;
    sleep(some_of(door.config.drain_window)).await;
}

/// Returns a random part of the window.
fn some_of(window: Duration) -> Duration {
    let random = getrandom::u32().expect("the operating system has random bytes");
    window.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_leaves_at_a_moment_of_their_own_within_the_window() {
        let window = Duration::from_secs(2);
        let moments: Vec<_> = (0..100).map(|_| some_of(window)).collect();
        assert!(moments.iter().all(|moment| *moment <= window));
        let in_quarter = |quarter: u32| {
            let (from, to) = (window * quarter / 4, window * (quarter + 1) / 4);
            moments.iter().filter(|moment| (from..to).contains(*moment)).count()
        };
        assert!((0..4).all(|quarter| in_quarter(quarter) > 0), "not spread: {moments:?}");
    }
}
