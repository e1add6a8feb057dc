//! Reports of calls that ring, from the inbox to the subscriptions that are open now, and to `RingingCalls`. No
//! subscription receives what rang before it was opened, or while it was far behind.

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::domain::call::Call;
use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;
use crate::session::SessionKey;

use super::call_ringing::RingingCalls;

/// So many calls wait for a slow listener.
const CALLS: usize = 256;

/// The way to tell. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CallNews {
    calls: broadcast::Sender<(SessionKey, Call)>,
    pub(super) ringing: RingingCalls,
}

impl Default for CallNews {
    fn default() -> Self {
        Self { calls: broadcast::Sender::new(CALLS), ringing: RingingCalls::default() }
    }
}

impl CallNews {
    /// Reports a call that rings at the session at `now`, in milliseconds.
    pub(super) fn tell(&self, key: &SessionKey, call: &Call, now: i64) {
        self.ringing.began(key.session, call, now);
        // Without a listener there is nobody to tell.
        let _ = self.calls.send((key.clone(), call.clone()));
    }

    /// Listens to the calls of an organization, or of one of its sessions, from here on.
    pub(super) fn listen(&self, organization: OrganizationId, session: Option<SessionId>) -> CallEar {
        CallEar { calls: self.calls.subscribe(), organization, session }
    }
}

/// One listener's end.
pub struct CallEar {
    calls: broadcast::Receiver<(SessionKey, Call)>,
    organization: OrganizationId,
    session: Option<SessionId>,
}

impl CallEar {
    /// The next call, and the session that it rings at. Cancel-safe.
    pub(super) async fn next(&mut self) -> (SessionId, Call) {
        loop {
            match self.calls.recv().await {
                Ok((key, call)) => {
                    let is_followed = self.session.is_none_or(|session| session == key.session);
                    if is_followed && key.organization == self.organization {
                        return (key.session, call);
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                // Nobody is left who could tell.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
