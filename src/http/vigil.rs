//! What is watched over as long as a caller stays, on a WebSocket or a stream: whether its token still counts, and
//! whether the server wants it to leave.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio::time::sleep;
use tracing::Span;

use crate::auth::token::Unheard;
use crate::auth::viewer::Principal;
use crate::auth::viewer::Viewer;
use crate::graphql::error::ApiError;

use super::Door;
use super::network::Source;

/// So many times in a row it may not be found out whether a token still counts, before its caller has to leave.
const UNKNOWN: u32 = 5;

/// Why a caller may not stay, or not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The token is none, or no more.
    Token,
    /// There were too many invalid tokens from this address; it may try again after so long.
    TooMany(Duration),
    /// Whether it is one cannot be found out now. The cause is in the log.
    Unknown,
}

/// The watch over one caller.
pub(super) struct Vigil {
    door: Arc<Door>,
    token: String,
    due: Instant,
    /// When the token ends by itself.
    end: Option<Instant>,
    /// How often in a row nothing could be found out.
    unknown: u32,
}

impl Vigil {
    /// Over `viewer`, who was admitted with `token`.
    pub(super) fn over(door: Arc<Door>, token: String, viewer: &Viewer) -> Self {
        let mut vigil = Self { door, token, due: Instant::now(), end: None, unknown: 0 };
        vigil.come_again(viewer);
        vigil
    }

    /// When the token has to be looked at again: every few seconds, as it may have been revoked, and when it ends.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Who has the token, if it still counts.
    pub(super) async fn look(&mut self) -> Result<Arc<Viewer>, Refused> {
        let viewer = verify(&self.door, &self.token).await?;
        self.come_again(&viewer);
        Ok(Arc::new(viewer))
    }

    /// Whether whoever is here may stay. Where that cannot be found out, they may for some looks more, if the token does
    /// not end by itself: a database that is away for a moment is no reason to send everybody away.
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

/// Whose token it is that comes from there; the span of the request learns it, too.
pub(super) async fn admit(door: &Door, token: &str, from: &Source) -> Result<Viewer, Refused> {
    let admitted = door.parts.tokens.admit(token, from.0).await.map_err(|cause| match cause {
        Unheard::TooMany { retry_after } => {
            door.parts.metrics.unheard();
            Refused::TooMany(retry_after)
        }
        Unheard::Store(cause) => unknown(&cause),
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

/// Whose token it still is.
async fn verify(door: &Door, token: &str) -> Result<Viewer, Refused> {
    let verified = door.parts.tokens.verify(token).await.map_err(|cause| unknown(&cause));
    verified?.ok_or(Refused::Token)
}

fn unknown(cause: &dyn std::error::Error) -> Refused {
    let _logged = ApiError::failed(cause);
    Refused::Unknown
}

/// Ends when a caller has to leave, since the server stops: each at a moment of its own, so that they do not all come
/// back in the same one.
pub(super) async fn leaving(door: Arc<Door>) {
    door.parts.drain.cancelled().await;
    sleep(some_of(door.config.drain_window)).await;
}

/// A random part of the window.
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
