//! Recovery of app-state collections that cannot be read or are inconsistent. Steps are repeated with growing pauses,
//! until the collection is read or only the operator can help (decision 25).

use std::collections::HashMap;

use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};
use whatsapp_rust::wacore::appstate::patch_decode::WAPatchName;

use super::app_state_sync::{AppStateSync, FetchOutcome};
use crate::{
    backoff::Backoff,
    session::{Config, SessionMetrics},
};

/// Number of early attempts to read a collection from the start: transfer errors are gone then.
const MAX_RESYNCS: u32 = 3;
/// Number of later attempts, after longer pauses: an error on WhatsApp's side may be fixed by then. The library cannot
/// ask the phone for the collection.
const MAX_RECOVERIES: u32 = 2;

/// Labels of the recovery steps.
const RESYNC: &str = "resync";
const RECOVERY: &str = "recovery";
const GIVEN_UP: &str = "given_up";

/// The inconsistent collections of one connection.
pub(super) struct SyncRecovery {
    collections: AppStateSync,
    config: Config,
    events: SessionMetrics,
    troubles: HashMap<&'static str, FailingCollection>,
}

struct FailingCollection {
    name: WAPatchName,
    /// Highest known version of the collection.
    moved_to: u64,
    steps: u32,
    due: Instant,
    pauses: Backoff,
}

/// A collection could not be recovered.
pub(super) struct RecoveryFailed(pub(super) WAPatchName);

impl SyncRecovery {
    /// Creates the recovery without any collection.
    pub(super) fn new(collections: AppStateSync, config: Config, events: SessionMetrics) -> Self {
        Self { collections, config, events, troubles: HashMap::new() }
    }

    /// Waits until a collection is due to be read from the start. Cancel-safe.
    pub(super) async fn due(&self) -> WAPatchName {
        match self.troubles.values().min_by_key(|trouble| trouble.due) {
            Some(next) => {
                sleep_until(next.due).await;
                next.name
            }
            None => std::future::pending().await,
        }
    }

    /// Fetches the changes of a collection, which has reached version `moved_to`.
    ///
    /// # Errors
    /// [`RecoveryFailed`].
    pub(super) async fn fetch(&mut self, name: WAPatchName, moved_to: u64) -> Result<(), RecoveryFailed> {
        // A collection in recovery is read from the start when it is due, including new changes.
        if let Some(trouble) = self.troubles.get_mut(name.as_str()) {
            trouble.moved_to = trouble.moved_to.max(moved_to);
            return Ok(());
        }
        let moved_to = self.collections.read_to(name).await.max(moved_to);
        let outcome = self.collections.fetch(name, moved_to).await;
        self.record_outcome(name, moved_to, outcome)
    }

    /// Reads a collection from the start.
    ///
    /// # Errors
    /// [`RecoveryFailed`].
    pub(super) async fn step(&mut self, name: WAPatchName) -> Result<(), RecoveryFailed> {
        let moved_to = self.troubles.get(name.as_str()).map_or(0, |trouble| trouble.moved_to);
        let outcome = self.collections.full_sync(name, moved_to).await;
        self.record_outcome(name, moved_to, outcome)
    }

    /// Schedules reading a collection from the start after a patch on top of it was rejected.
    ///
    /// # Errors
    /// [`RecoveryFailed`].
    pub(super) async fn rejected(&mut self, name: WAPatchName) -> Result<(), RecoveryFailed> {
        if self.troubles.contains_key(name.as_str()) {
            return Ok(());
        }
        let moved_to = self.collections.read_to(name).await;
        self.record_outcome(name, moved_to, FetchOutcome::Unreadable)
    }

    fn record_outcome(
        &mut self,
        name: WAPatchName,
        moved_to: u64,
        outcome: FetchOutcome,
    ) -> Result<(), RecoveryFailed> {
        match outcome {
            FetchOutcome::Read => {
                if self.troubles.remove(name.as_str()).is_some() {
                    self.collections.set_failing(name, false);
                    info!(collection = name.as_str(), "App state recovered");
                }
                return Ok(());
            }
            FetchOutcome::Gone => {
                // The next connection reads it and detects any inconsistency. This one may take a moment to end.
                if let Some(trouble) = self.troubles.get_mut(name.as_str()) {
                    trouble.due = Instant::now() + trouble.pauses.next();
                }
                return Ok(());
            }
            FetchOutcome::TimedOut if !self.troubles.contains_key(name.as_str()) => return Ok(()),
            FetchOutcome::TimedOut | FetchOutcome::Unreadable | FetchOutcome::KeyMissing => {}
        }
        let (base, max) = (self.config.repair_base, self.config.repair_max);
        let trouble = self.troubles.entry(name.as_str()).or_insert_with(|| {
            let pauses = Backoff::half_jitter(base, max);
            FailingCollection { name, moved_to, steps: 0, due: Instant::now(), pauses }
        });
        self.collections.set_failing(name, true);
        trouble.steps += 1;
        let pause = trouble.pauses.next();
        trouble.due = Instant::now() + pause;
        let step = match trouble.steps {
            ..=MAX_RESYNCS => RESYNC,
            steps if steps <= MAX_RESYNCS + MAX_RECOVERIES => RECOVERY,
            // The phone may be off for days; it sends the key when it is back.
            _ if outcome == FetchOutcome::KeyMissing => RECOVERY,
            _ => GIVEN_UP,
        };
        self.events.repairs(step);
        if step == GIVEN_UP {
            warn!(collection = name.as_str(), "App-state recovery failed; giving up");
            return Err(RecoveryFailed(name));
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
