//! Reports of ringing calls, from the inbox to the open subscriptions and to `RingingCalls`. A subscription does not
//! receive calls that rang before it was opened, or that it was too slow to receive.

use tokio::sync::broadcast::{self, error::RecvError};

use super::ringing::RingingCalls;
use crate::{
    domain::{
        call::Call,
        id::{OrganizationId, SessionId},
    },
    session::SessionKey,
};

/// Calls buffered for a slow subscriber.
const CHANNEL_CAPACITY: usize = 256;

/// Publisher of ringing calls. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CallBroadcast {
    calls: broadcast::Sender<(SessionKey, Call)>,
    pub(in crate::service) ringing: RingingCalls,
}

impl Default for CallBroadcast {
    fn default() -> Self {
        Self { calls: broadcast::Sender::new(CHANNEL_CAPACITY), ringing: RingingCalls::default() }
    }
}

impl CallBroadcast {
    /// Reports a call that rings at the session at `now`, in milliseconds.
    pub(in crate::service) fn publish(&self, key: &SessionKey, call: &Call, now: i64) {
        self.ringing.began(key.session, call, now);
        // An error only means that there is no subscriber.
        let _ = self.calls.send((key.clone(), call.clone()));
    }

    /// Subscribes to the calls of an organization, or of one of its sessions, from now on.
    pub(in crate::service) fn subscribe(
        &self,
        organization: OrganizationId,
        session: Option<SessionId>,
    ) -> CallListener {
        CallListener { calls: self.calls.subscribe(), organization, session }
    }
}

/// Receiver of one subscription.
pub struct CallListener {
    calls: broadcast::Receiver<(SessionKey, Call)>,
    organization: OrganizationId,
    session: Option<SessionId>,
}

impl CallListener {
    /// Returns the next call and its session. Cancel-safe.
    pub(in crate::service) async fn next(&mut self) -> (SessionId, Call) {
        loop {
            match self.calls.recv().await {
                Ok((key, call)) => {
                    let is_followed = self.session.is_none_or(|session| session == key.session);
                    if is_followed && key.organization == self.organization {
                        return (key.session, call);
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                // The publisher is gone.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
