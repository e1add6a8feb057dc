//! Rate limits per session for actions that WhatsApp notices: a burst, then some a minute, over all clients.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::error::Error;
use crate::{
    rate_limit::{MonotonicClock, Rate, RateLimiter},
    session::SessionKey,
};

/// A rate-limited action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LimitedAction {
    /// A start, which may open a connection to WhatsApp.
    Start,
    /// A pairing code: WhatsApp notifies the phone with a number that the client chooses.
    PairingCode,
    /// A fetch of all settings from WhatsApp.
    Resync,
}

impl LimitedAction {
    const ALL: [Self; 3] = [Self::Start, Self::PairingCode, Self::Resync];

    fn rate(self) -> Rate {
        match self {
            Self::Start => Rate { per_minute: 10, burst: 10 },
            Self::PairingCode => Rate { per_minute: 3, burst: 5 },
            Self::Resync => Rate { per_minute: 6, burst: 5 },
        }
    }
}

/// The rate limits of all sessions. Clones share them.
#[derive(Clone)]
pub(super) struct ActionRateLimiter {
    clock: MonotonicClock,
    taken: Arc<[Mutex<RateLimiter<SessionKey>>; 3]>,
}

impl Default for ActionRateLimiter {
    fn default() -> Self {
        let taken = LimitedAction::ALL.map(|action| Mutex::new(RateLimiter::new(action.rate())));
        Self { clock: MonotonicClock::start(), taken: Arc::new(taken) }
    }
}

impl ActionRateLimiter {
    /// Counts an action of the session.
    ///
    /// # Errors
    /// `TooSoon` if the limit is reached; the action is not counted then.
    pub(super) fn try_begin(&self, action: LimitedAction, key: &SessionKey) -> Result<(), Error> {
        let now_ms = self.clock.now_ms();
        let mut taken = self.taken[action as usize].lock().unwrap_or_else(PoisonError::into_inner);
        let too_soon = |retry_after_ms| Error::TooSoon { retry_after: Duration::from_millis(retry_after_ms) };
        taken.check(key, now_ms).map_err(|exhausted| too_soon(exhausted.retry_after_ms))?;
        taken.take(key.clone(), 1, now_ms);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::domain::id::SessionId;

    #[tokio::test(start_paused = true)]
    async fn each_session_has_pauses_of_its_own_for_each_action() {
        let pauses = ActionRateLimiter::default();
        let [one, other] =
            [1, 2].map(|at| SessionKey { organization: "org_1".parse().expect("an id"), session: SessionId::new(at) });
        let begun = (0..20).filter(|_| pauses.try_begin(LimitedAction::PairingCode, &one).is_ok()).count();
        assert_eq!(begun, 5);
        let Err(Error::TooSoon { retry_after }) = pauses.try_begin(LimitedAction::PairingCode, &one) else {
            panic!("too soon")
        };
        assert!(
            pauses.try_begin(LimitedAction::PairingCode, &other).is_ok()
                && pauses.try_begin(LimitedAction::Resync, &one).is_ok()
        );
        advance(retry_after).await;
        assert!(pauses.try_begin(LimitedAction::PairingCode, &one).is_ok());
        assert!(pauses.try_begin(LimitedAction::PairingCode, &one).is_err());
    }
}
