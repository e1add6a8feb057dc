//! The public keys of whoever signs login tokens: a JSON Web Key Set, fetched when it is first needed and kept.
//!
//! It is fetched anew every hour, and at most once a minute when a token names a key that is not in it. Who needs it
//! meanwhile waits for the one fetch under way. When that fails the set as it was is used on; when there never was one,
//! nobody gets in.

mod fetch;
mod key;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::future::Shared;
use serde_json::Value;
use tracing::debug;
use tracing::warn;

use crate::domain::clock::Clock;

use fetch::Fetch;
use fetch::FetchError;
pub(super) use key::VerificationKey;

/// How long a set is used without asking whether it changed, in milliseconds.
const LIFETIME_MS: i64 = 60 * 60 * 1000;
/// How long until a set is fetched again that could not be, or that lacked a key, in milliseconds.
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

/// A fetch under way, to be joined.
type Flight = Shared<BoxFuture<'static, ()>>;

/// The set. Clones share it.
#[derive(Clone)]
pub(super) struct Jwks {
    fetch: Fetch,
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    keys: Vec<Arc<VerificationKey>>,
    /// How many sets came so far.
    generation: u64,
    fetched_at: i64,
    /// When the set was last asked for because there was none or it was old.
    renewed_at: Option<i64>,
    /// When the set was last asked for because it lacked a key.
    sought_at: Option<i64>,
    unknown: HashMap<String, i64>,
    flight: Option<Flight>,
}

impl Jwks {
    /// The set at `url`.
    pub(super) fn at(url: String, clock: Arc<dyn Clock>) -> Self {
        Self::of(fetch::from(url), clock)
    }

    fn of(fetch: Fetch, clock: Arc<dyn Clock>) -> Self {
        Self { fetch, clock, state: Arc::default() }
    }

    /// The key of this name; without a name, the set's only one. Waits for the set where it has to be fetched.
    pub(super) async fn key(&self, id: Option<&str>) -> Option<Arc<VerificationKey>> {
        let generation = self.state().generation;
        if let Some(flight) = self.renewal() {
            flight.await;
        }
        if let Some(key) = self.state().key(id) {
            return Some(key);
        }
        let id = id?;
        // What came just now need not be asked for again.
        if self.state().generation == generation {
            self.search(id)?.await;
        }
        let mut state = self.state();
        let key = state.key(Some(id));
        if key.is_none() && state.generation != generation {
            state.remember_unknown(id, self.clock.now());
        }
        key
    }

    /// The fetch to wait for before anything else: of a set that is missing or old.
    fn renewal(&self) -> Option<Flight> {
        let (mut state, now) = (self.state(), self.clock.now());
        if !state.keys.is_empty() && is_within(Some(state.fetched_at), LIFETIME_MS, now) {
            return None;
        }
        let pause = if state.keys.is_empty() { PAUSE_WITHOUT_MS } else { PAUSE_MS };
        if state.flight.is_none() {
            if is_within(state.renewed_at, pause, now) {
                return None;
            }
            state.renewed_at = Some(now);
        }
        Some(self.fly(&mut state))
    }

    /// The fetch that may bring the key of this name; none when it was looked for lately.
    fn search(&self, id: &str) -> Option<Flight> {
        let (mut state, now) = (self.state(), self.clock.now());
        if state.keys.is_empty() || is_within(state.unknown.get(id).copied(), UNKNOWN_MS, now) {
            return None;
        }
        if state.flight.is_none() {
            if is_within(state.sought_at, PAUSE_MS, now) {
                return None;
            }
            state.sought_at = Some(now);
        }
        Some(self.fly(&mut state))
    }

    /// Joins the fetch that is under way, or starts one.
    fn fly(&self, state: &mut State) -> Flight {
        let start = || {
            let (fetch, this) = ((self.fetch)(), self.clone());
            let flight = async move {
                let fetched = fetch.await.map_err(Refused::from).and_then(|content| read(&content));
                this.land(fetched);
            };
            flight.boxed().shared()
        };
        state.flight.get_or_insert_with(start).clone()
    }

    fn land(&self, fetched: Result<Vec<Arc<VerificationKey>>, Refused>) {
        let mut state = self.state();
        state.flight = None;
        match fetched {
            Ok(keys) => {
                debug!(keys = keys.len(), "The key set of login tokens was fetched");
                state.keys = keys;
                state.generation += 1;
                state.fetched_at = self.clock.now();
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
    fn key(&self, id: Option<&str>) -> Option<Arc<VerificationKey>> {
        match id {
            Some(_) => self.keys.iter().find(|key| key.id.as_deref() == id).cloned(),
            None => self.keys.first().filter(|_| self.keys.len() == 1).cloned(),
        }
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
fn read(content: &[u8]) -> Result<Vec<Arc<VerificationKey>>, Refused> {
    let set: Value = serde_json::from_slice(content).map_err(|_| Refused::Malformed)?;
    let keys = set.get("keys").and_then(Value::as_array).ok_or(Refused::Malformed)?;
    if keys.len() > MOST_KEYS {
        return Err(Refused::TooMany);
    }
    let usable = keys.iter().enumerate().filter_map(|(place, key)| {
        let read = VerificationKey::read(key);
        read.inspect_err(|why| debug!(place, why = %why, "A key of the set is passed over")).ok().map(Arc::new)
    });
    let usable: Vec<_> = usable.collect();
    if usable.is_empty() { Err(Refused::Empty) } else { Ok(usable) }
}

#[cfg(test)]
mod tests;
