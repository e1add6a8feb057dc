//! The public keys that verify login tokens: a JSON Web Key Set, fetched when it is first needed and kept.
//!
//! It is fetched again every hour, and at most once a minute if a token names a key that it lacks or has a signature that
//! no key verifies. All who need it meanwhile wait for the one fetch under way, which goes on if they give up. If a fetch
//! fails, the keys stay as they were; without any, no login token is accepted.

mod fetch;
mod key;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;
use tracing::warn;

use crate::domain::clock::Clock;

use super::roots::Roots;

use fetch::Fetch;
use fetch::FetchError;
pub(super) use key::VerificationKey;

/// How long a set is used without asking whether it changed, in milliseconds.
const LIFETIME_MS: i64 = 60 * 60 * 1000;
/// How long until a set is fetched again that could not be, or that did not verify a token, in milliseconds.
const PAUSE_MS: i64 = 60 * 1000;
/// The same while there is no set at all and nobody gets in.
const PAUSE_WITHOUT_MS: i64 = 5 * 1000;
/// How long a key that the set was found not to have is not looked for again, in milliseconds.
const UNKNOWN_MS: i64 = 5 * 60 * 1000;
/// How many of those are remembered.
const UNKNOWN: usize = 1_000;
/// How many keys a set may have.
const MOST_KEYS: usize = 64;

/// Why a set is not taken.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("it is no JSON object with a list of keys")]
    Malformed,
    #[error("it has more than {MOST_KEYS} keys")]
    TooMany,
    #[error("it has no key that can be used")]
    Empty,
}

/// Why no key of the set verified a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unverified {
    /// The set has no key of the name, or no key at all.
    UnknownKey,
    /// No key of the name signed it; for a token without a name, no key at all.
    Signature,
}

/// The set. Clones share it.
#[derive(Clone)]
pub(super) struct Jwks {
    fetch: Fetch,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    keys: Arc<[VerificationKey]>,
    /// How many fetches were begun so far.
    begun: u64,
    /// Which of them, counted from 1, the keys came from; 0 while there are none.
    origin: u64,
    /// When that fetch began, in milliseconds: a key that was withdrawn since may still be among the keys.
    fetched_at: i64,
    /// When the set was last asked for because there was none or it was old.
    renewed_at: Option<i64>,
    /// When the set was last asked for because it did not verify a token.
    sought_at: Option<i64>,
    unknown: HashMap<String, i64>,
    /// The fetch under way; cancelled when it is over, however it ends.
    flight: Option<CancellationToken>,
}

impl Jwks {
    /// The set at `url`, whose server is verified with `roots` or the public CAs; fetches run on `tasks`.
    pub(super) fn at(url: String, roots: Option<&Roots>, clock: Arc<dyn Clock>, tasks: TaskTracker) -> Self {
        Self::of(fetch::from(url, roots), clock, tasks)
    }

    fn of(fetch: Fetch, clock: Arc<dyn Clock>, tasks: TaskTracker) -> Self {
        Self { fetch, clock, tasks, state: Arc::default() }
    }

    /// How long ago the set was fetched, in milliseconds; `None` without one.
    pub(super) fn age_ms(&self) -> Option<i64> {
        let state = self.state();
        (!state.keys.is_empty()).then(|| self.clock.now() - state.fetched_at)
    }

    /// The first result of `verify` on the keys of this name, or on all keys if there is no name. Waits for the set if it
    /// has to be fetched, and fetches it once more if no key verifies.
    ///
    /// Cancel-safe: the fetch goes on.
    pub(super) async fn verify<T>(
        &self,
        id: Option<&str>,
        verify: impl Fn(&VerificationKey) -> Option<T>,
    ) -> Result<T, Unverified> {
        let begun = self.state().begun;
        if let Some(renewal) = self.renewal() {
            renewal.cancelled().await;
        }
        let unverified = match self.verify_now(id, &verify) {
            Ok(verified) => return Ok(verified),
            Err(unverified) => unverified,
        };
        // A set whose fetch began since is as new as another one would be.
        let is_newest = |state: &State| state.origin > begun;
        let outcome = if is_newest(&self.state()) {
            Err(unverified)
        } else {
            self.search(id).ok_or(unverified)?.cancelled().await;
            self.verify_now(id, &verify)
        };
        let mut state = self.state();
        if let (Err(Unverified::UnknownKey), Some(id), true) = (&outcome, id, is_newest(&state)) {
            state.remember_unknown(id, self.clock.now());
        }
        outcome
    }

    fn verify_now<T>(&self, id: Option<&str>, verify: impl Fn(&VerificationKey) -> Option<T>) -> Result<T, Unverified> {
        let keys = Arc::clone(&self.state().keys);
        let mut fitting = keys.iter().filter(|key| id.is_none() || key.id.as_deref() == id).peekable();
        fitting.peek().ok_or(Unverified::UnknownKey)?;
        fitting.find_map(verify).ok_or(Unverified::Signature)
    }

    /// The fetch to wait for before anything else: of a set that is missing or old.
    fn renewal(&self) -> Option<CancellationToken> {
        let (mut state, now) = (self.state(), self.clock.now());
        if !state.keys.is_empty() && is_within(Some(state.fetched_at), LIFETIME_MS, now) {
            return None;
        }
        let pause = if state.keys.is_empty() { PAUSE_WITHOUT_MS } else { PAUSE_MS };
        if !state.is_in_flight() {
            if is_within(state.renewed_at, pause, now) {
                return None;
            }
            state.renewed_at = Some(now);
        }
        Some(self.fly(&mut state, now))
    }

    /// The fetch that may bring a key that verifies a token of this name; `None` if there was one lately.
    fn search(&self, id: Option<&str>) -> Option<CancellationToken> {
        let (mut state, now) = (self.state(), self.clock.now());
        let missed_at = id.and_then(|id| state.unknown.get(id).copied());
        if state.keys.is_empty() || is_within(missed_at, UNKNOWN_MS, now) {
            return None;
        }
        if !state.is_in_flight() {
            if is_within(state.sought_at, PAUSE_MS, now) {
                return None;
            }
            state.sought_at = Some(now);
        }
        Some(self.fly(&mut state, now))
    }

    /// Joins the fetch that is under way, or starts one. It is a task of its own: a request whose client hangs up would
    /// leave it unfinished, and the next one would take its old result for a new one.
    fn fly(&self, state: &mut State, now: i64) -> CancellationToken {
        if let Some(flight) = state.flight.as_ref().filter(|flight| !flight.is_cancelled()) {
            return flight.clone();
        }
        state.begun += 1;
        let (this, number, flight) = (self.clone(), state.begun, CancellationToken::new());
        let over = flight.clone().drop_guard();
        self.tasks.spawn(async move {
            let _over = over;
            let fetched = (this.fetch)().await.map_err(Refused::from).and_then(|content| read(&content));
            this.land(fetched, number, now);
        });
        state.flight = Some(flight.clone());
        flight
    }

    fn land(&self, fetched: Result<Vec<VerificationKey>, Refused>, number: u64, began_at: i64) {
        let mut state = self.state();
        match fetched {
            Ok(keys) => {
                debug!(keys = keys.len(), "The key set of login tokens was fetched");
                state.unknown.retain(|id, _| keys.iter().all(|key| key.id.as_ref() != Some(id)));
                (state.keys, state.origin, state.fetched_at) = (keys.into(), number, began_at);
            }
            Err(error) => {
                let kept = state.keys.len();
                warn!(error = %error, keys = kept, "The key set of login tokens was not renewed");
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_in_flight(&self) -> bool {
        self.flight.as_ref().is_some_and(|flight| !flight.is_cancelled())
    }

    fn remember_unknown(&mut self, id: &str, now: i64) {
        if self.unknown.len() >= UNKNOWN {
            self.unknown.retain(|_, found_at| is_within(Some(*found_at), UNKNOWN_MS, now));
        }
        if self.unknown.len() >= UNKNOWN {
            self.unknown.clear();
        }
        self.unknown.insert(id.to_owned(), now);
    }
}

/// Whether `at` is less than `time_ms` ago. A clock that was set back makes it longer ago, not for ever.
fn is_within(at: Option<i64>, time_ms: i64, now: i64) -> bool {
    at.is_some_and(|at| (0..time_ms).contains(&now.saturating_sub(at)))
}

/// Reads a set; keys that cannot be used are passed over.
fn read(content: &[u8]) -> Result<Vec<VerificationKey>, Refused> {
    let set: Value = serde_json::from_slice(content).map_err(|_| Refused::Malformed)?;
    let keys = set.get("keys").and_then(Value::as_array).ok_or(Refused::Malformed)?;
    if keys.len() > MOST_KEYS {
        return Err(Refused::TooMany);
    }
    let usable = keys.iter().enumerate().filter_map(|(place, key)| {
        let read = VerificationKey::read(key);
        read.inspect_err(|why| debug!(place, why = %why, "A key of the set is passed over")).ok()
    });
    let usable: Vec<_> = usable.collect();
    if usable.is_empty() { Err(Refused::Empty) } else { Ok(usable) }
}

#[cfg(test)]
mod tests;
