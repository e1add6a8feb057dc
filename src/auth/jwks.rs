//! The public keys that verify login tokens: a JSON Web Key Set, fetched on first use and cached.
//!
//! The set is fetched again every hour. It is also fetched, at most once a minute, if it lacks a token's key or no key
//! verifies a signature. Fetches are single-flight: all requests wait for the fetch in progress, which continues if
//! they are cancelled. If a fetch fails, the current keys stay in use. Without keys, no login token is accepted.

mod fetch;
mod key;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use super::root_certificates::RootCertificates;
use crate::{cache::BoundedMap, domain::clock::Clock};
use fetch::{Fetch, FetchError};

pub(super) use key::VerificationKey;

/// Lifetime of a set before it is refreshed, in milliseconds.
const KEY_SET_TTL_MS: i64 = 60 * 60 * 1000;
/// Minimum interval between fetches after a failure, or after a token that no key verified, in milliseconds.
const FETCH_INTERVAL_MS: i64 = 60 * 1000;
/// The same interval while there is no set and all login tokens are rejected.
const FETCH_INTERVAL_WITHOUT_KEYS_MS: i64 = 5 * 1000;
/// Time for which a missing key is not searched for again, in milliseconds.
const UNKNOWN_KEY_TTL_MS: i64 = 5 * 60 * 1000;
/// Maximum number of remembered missing keys.
const MAX_UNKNOWN_KEYS: usize = 1_000;
/// Maximum number of keys in a set.
const MAX_KEYS: usize = 64;

/// Reason for rejecting a set.
#[derive(Debug, thiserror::Error)]
enum KeySetError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("invalid key set: expected a JSON object with an array `keys`")]
    Malformed,
    #[error("key set has more than {MAX_KEYS} keys")]
    TooMany,
    #[error("key set has no usable key")]
    Empty,
}

/// Reason why no key verified a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unverified {
    /// The set has no key with the token's `kid`, or no key at all.
    UnknownKey,
    /// No key with the token's `kid` verifies the signature; for a token without `kid`, no key at all.
    Signature,
}

/// A cached key set. Clones share it.
#[derive(Clone)]
pub(super) struct Jwks {
    fetch: Fetch,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    state: Arc<Mutex<State>>,
}

struct State {
    keys: Arc<[VerificationKey]>,
    /// Number of started fetches.
    begun: u64,
    /// Number of the fetch that returned the keys, counted from 1; 0 without keys.
    origin: u64,
    /// Start of that fetch, in milliseconds: a key that was withdrawn since may still be among the keys.
    fetched_at: i64,
    /// Last fetch because the set was missing or expired.
    renewed_at: Option<i64>,
    /// Last fetch because no key verified a token.
    sought_at: Option<i64>,
    unknown: BoundedMap<String, i64>,
    /// The fetch in progress; cancelled when it ends, in any way.
    flight: Option<CancellationToken>,
}

impl Jwks {
    /// Creates the cache of the set at `url`, whose server is verified with `roots` or the public CAs. Fetches run on
    /// `tasks`.
    pub(super) fn new(
        url: String,
        roots: Option<&RootCertificates>,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
    ) -> Self {
        Self::with_fetch(fetch::from(url, roots), clock, tasks)
    }

    fn with_fetch(fetch: Fetch, clock: Arc<dyn Clock>, tasks: TaskTracker) -> Self {
        Self { fetch, clock, tasks, state: Arc::default() }
    }

    /// Returns the age of the set in milliseconds; `None` without one.
    pub(super) fn age_ms(&self) -> Option<i64> {
        let state = self.state();
        (!state.keys.is_empty()).then(|| self.clock.now() - state.fetched_at)
    }

    /// Returns the first result of `verify` on the keys with this `kid`, or on all keys without one. Waits for the set
    /// if it must be fetched, and fetches it again if no key verifies.
    ///
    /// Cancel-safe: the fetch continues.
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
        // A set whose fetch started after this call cannot be improved by another fetch.
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

    /// Returns the fetch to wait for before verification: of a set that is missing or expired.
    fn renewal(&self) -> Option<CancellationToken> {
        let (mut state, now) = (self.state(), self.clock.now());
        if !state.keys.is_empty() && is_within(Some(state.fetched_at), KEY_SET_TTL_MS, now) {
            return None;
        }
        let pause = if state.keys.is_empty() { FETCH_INTERVAL_WITHOUT_KEYS_MS } else { FETCH_INTERVAL_MS };
        if !state.is_fetching() {
            if is_within(state.renewed_at, pause, now) {
                return None;
            }
            state.renewed_at = Some(now);
        }
        Some(self.start_fetch(&mut state, now))
    }

    /// Returns the fetch that may return the key of this token; `None` if there was one recently.
    fn search(&self, id: Option<&str>) -> Option<CancellationToken> {
        let (mut state, now) = (self.state(), self.clock.now());
        let missed_at = id.and_then(|id| state.unknown.get(id).copied());
        if state.keys.is_empty() || is_within(missed_at, UNKNOWN_KEY_TTL_MS, now) {
            return None;
        }
        if !state.is_fetching() {
            if is_within(state.sought_at, FETCH_INTERVAL_MS, now) {
                return None;
            }
            state.sought_at = Some(now);
        }
        Some(self.start_fetch(&mut state, now))
    }

    /// Joins the fetch in progress, or starts one. It is a separate task: a cancelled request would leave it
    /// unfinished, and the next request would use its old result as a new one.
    fn start_fetch(&self, state: &mut State, now: i64) -> CancellationToken {
        if let Some(flight) = state.flight.as_ref().filter(|flight| !flight.is_cancelled()) {
            return flight.clone();
        }
        state.begun += 1;
        let (this, number, flight) = (self.clone(), state.begun, CancellationToken::new());
        let over = flight.clone().drop_guard();
        self.tasks.spawn(async move {
            let _over = over;
            let fetched = (this.fetch)().await.map_err(KeySetError::from).and_then(|content| read(&content));
            this.finish_fetch(fetched, number, now);
        });
        state.flight = Some(flight.clone());
        flight
    }

    fn finish_fetch(&self, fetched: Result<Vec<VerificationKey>, KeySetError>, number: u64, began_at: i64) {
        let mut state = self.state();
        match fetched {
            Ok(keys) => {
                debug!(keys = keys.len(), "Key set of login tokens fetched");
                state.unknown.retain(|id, _| keys.iter().all(|key| key.id.as_ref() != Some(id)));
                (state.keys, state.origin, state.fetched_at) = (keys.into(), number, began_at);
            }
            Err(error) => {
                let kept = state.keys.len();
                warn!(error = %error, keys = kept, "Refreshing the key set of login tokens failed");
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            keys: Arc::default(),
            begun: 0,
            origin: 0,
            fetched_at: 0,
            renewed_at: None,
            sought_at: None,
            unknown: BoundedMap::new(MAX_UNKNOWN_KEYS),
            flight: None,
        }
    }
}

impl State {
    fn is_fetching(&self) -> bool {
        self.flight.as_ref().is_some_and(|flight| !flight.is_cancelled())
    }

    fn remember_unknown(&mut self, id: &str, now: i64) {
        self.unknown.insert(id.to_owned(), now, |found_at| !is_within(Some(*found_at), UNKNOWN_KEY_TTL_MS, now));
    }
}

/// Returns whether `at` is less than `time_ms` ago. After the clock is set back, times in the future are not within it.
fn is_within(at: Option<i64>, time_ms: i64, now: i64) -> bool {
    at.is_some_and(|at| (0..time_ms).contains(&now.saturating_sub(at)))
}

/// Parses a set. Unusable keys are ignored.
fn read(content: &[u8]) -> Result<Vec<VerificationKey>, KeySetError> {
    let set: Value = serde_json::from_slice(content).map_err(|_| KeySetError::Malformed)?;
    let keys = set.get("keys").and_then(Value::as_array).ok_or(KeySetError::Malformed)?;
    if keys.len() > MAX_KEYS {
        return Err(KeySetError::TooMany);
    }
    let usable = keys.iter().enumerate().filter_map(|(place, key)| {
        let read = VerificationKey::read(key);
        read.inspect_err(|why| debug!(place, why = %why, "Ignoring a key of the set")).ok()
    });
    let usable: Vec<_> = usable.collect();
    if usable.is_empty() { Err(KeySetError::Empty) } else { Ok(usable) }
}

#[cfg(test)]
mod tests;
