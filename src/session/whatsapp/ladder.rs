//! What is done when a collection of settings cannot be read, or does not add up: step by step, each after a longer pause,
//! until it can be, or until only a person can help (decision 25).

use std::collections::HashMap;

use tokio::time::Instant;
use tokio::time::sleep_until;
use tracing::info;
use tracing::warn;
use whatsapp_rust::wacore::appstate::patch_decode::WAPatchName;

use super::collections::Collections;
use super::collections::Outcome;
use crate::session::Config;
use crate::session::Events;
use crate::session::backoff::Backoff;

/// So many times a collection is read from its beginning soon after each other: what was damaged on the way is whole then.
const RESYNCS: u32 = 3;
/// So many times more it is read so after longer pauses: what WhatsApp itself has wrong may be mended by then. The library
/// has no way of asking the phone for it.
const RECOVERIES: u32 = 2;

/// The steps that are counted.
const RESYNC: &str = "resync";
const RECOVERY: &str = "recovery";
const GIVEN_UP: &str = "given_up";

/// The collections of one connection that are in trouble.
pub(super) struct Ladder {
    collections: Collections,
    config: Config,
    events: Events,
    troubles: HashMap<&'static str, Trouble>,
}

struct Trouble {
    name: WAPatchName,
    /// How far the collection has moved, as far as is known.
    moved_to: u64,
    steps: u32,
    due: Instant,
    pauses: Backoff,
}

/// A collection could not be read however often it was tried.
pub(super) struct GivenUp(pub(super) WAPatchName);

impl Ladder {
    /// None is in trouble yet.
    pub(super) fn new(collections: Collections, config: Config, events: Events) -> Self {
        Self { collections, config, events, troubles: HashMap::new() }
    }

    /// Waits until a collection is to be read from its beginning. Cancel-safe.
    pub(super) async fn due(&self) -> WAPatchName {
        match self.troubles.values().min_by_key(|trouble| trouble.due) {
            Some(next) => {
                sleep_until(next.due).await;
                next.name
            }
            None => std::future::pending().await,
        }
    }

    /// Fetches what changed in a collection, which has moved as far as `moved_to`.
    ///
    /// # Errors
    /// [`GivenUp`].
    pub(super) async fn fetch(&mut self, name: WAPatchName, moved_to: u64) -> Result<(), GivenUp> {
        // One in trouble is read whole in its time; that brings what is new, too.
        if let Some(trouble) = self.troubles.get_mut(name.as_str()) {
            trouble.moved_to = trouble.moved_to.max(moved_to);
            return Ok(());
        }
        let moved_to = self.collections.read_to(name).await.max(moved_to);
        let outcome = self.collections.fetch(name, moved_to).await;
        self.take(name, moved_to, outcome)
    }

    /// Reads a collection from its beginning.
    ///
    /// # Errors
    /// [`GivenUp`].
    pub(super) async fn step(&mut self, name: WAPatchName) -> Result<(), GivenUp> {
        let moved_to = self.troubles.get(name.as_str()).map_or(0, |trouble| trouble.moved_to);
        let outcome = self.collections.fetch_anew(name, moved_to).await;
        self.take(name, moved_to, outcome)
    }

    /// What builds on a collection was refused: it is read from its beginning soon.
    ///
    /// # Errors
    /// [`GivenUp`].
    pub(super) async fn refused(&mut self, name: WAPatchName) -> Result<(), GivenUp> {
        if self.troubles.contains_key(name.as_str()) {
            return Ok(());
        }
        let moved_to = self.collections.read_to(name).await;
        self.take(name, moved_to, Outcome::Unreadable)
    }

    fn take(&mut self, name: WAPatchName, moved_to: u64, outcome: Outcome) -> Result<(), GivenUp> {
        match outcome {
            Outcome::Read => {
                if self.troubles.remove(name.as_str()).is_some() {
                    self.collections.set_trouble(name, false);
                    info!(collection = name.as_str(), "App state recovered");
                }
                return Ok(());
            }
            Outcome::Gone => {
                // The next connection reads on, and tells whether there is trouble. This one may take a moment to end.
                if let Some(trouble) = self.troubles.get_mut(name.as_str()) {
                    trouble.due = Instant::now() + trouble.pauses.next();
                }
                return Ok(());
            }
            Outcome::Late if !self.troubles.contains_key(name.as_str()) => return Ok(()),
            Outcome::Late | Outcome::Unreadable | Outcome::KeyMissing => {}
        }
        let (base, max) = (self.config.repair_base, self.config.repair_max);
        let trouble = self.troubles.entry(name.as_str()).or_insert_with(|| {
            let pauses = Backoff::half_jitter(base, max);
            Trouble { name, moved_to, steps: 0, due: Instant::now(), pauses }
        });
        self.collections.set_trouble(name, true);
        trouble.steps += 1;
        let pause = trouble.pauses.next();
        trouble.due = Instant::now() + pause;
        let step = match trouble.steps {
            ..=RESYNCS => RESYNC,
            steps if steps <= RESYNCS + RECOVERIES => RECOVERY,
            // The phone may be off for days; it sends the key when it is back.
            _ if outcome == Outcome::KeyMissing => RECOVERY,
            _ => GIVEN_UP,
        };
        self.events.repairs(step);
        if step == GIVEN_UP {
            warn!(collection = name.as_str(), "App-state recovery failed; giving up");
            return Err(GivenUp(name));
        }
        warn!(
            collection = name.as_str(),
            step,
            pause_ms = pause.as_millis(),
            "App state is inconsistent; reading it again from the start"
        );
        Ok(())
    }
}
