//! Quarantine of events that could not be applied; `quarantine_retry` retries them.

use std::{error::Error, time::Duration};

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{
    backoff::Backoff,
    domain::id::EventId,
    session::{SessionEvent, SessionKey},
    store::{QuarantinedEvent, Store, error::StoreError},
};

/// The version of this program.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Attempts to quarantine an event while the database is available.
const MAX_ATTEMPTS: u32 = 5;
/// Pauses between those attempts, and between attempts to reach the database.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(2);

/// Counters of quarantined and retried events. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct QuarantineMetrics {
    quarantined: Family<[(&'static str, &'static str); 1], Counter>,
    retried: Family<[(&'static str, &'static str); 1], Counter>,
    rejected: Family<[(&'static str, &'static str); 1], Counter>,
}

impl QuarantineMetrics {
    /// Registers the metrics with `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let quarantined = "Events quarantined because they could not be applied, by kind";
        registry.register("events_quarantined", quarantined, self.quarantined.clone());
        let retried = "Retries of quarantined events, by outcome";
        registry.register("events_retried", retried, self.retried.clone());
        let rejected = "Events dropped because they could be neither applied nor quarantined, by reason";
        registry.register("events_rejected", rejected, self.rejected.clone());
    }
    /// Counts a retry with this outcome.
    pub(super) fn count_retry(&self, outcome: &'static str) {
        self.retried.get_or_create(&[("outcome", outcome)]).inc();
    }
}

/// An event that could not be applied.
pub(in crate::service) struct FailedEvent<'e> {
    pub(in crate::service) key: &'e SessionKey,
    pub(in crate::service) event: &'e SessionEvent,
    pub(in crate::service) reason: String,
    pub(in crate::service) attempts: u32,
    pub(in crate::service) at: i64,
}

/// Quarantines an event that could not be applied; returns whether it is stored. Waits while the database is
/// unavailable.
pub(in crate::service) async fn quarantine(
    store: &Store,
    metrics: &QuarantineMetrics,
    failed: FailedEvent<'_>,
    stop: &CancellationToken,
) -> bool {
    let FailedEvent { key, event, reason, attempts, at } = failed;
    let kind = event.kind();
    let reject = |reason| {
        metrics.rejected.get_or_create(&[("reason", reason)]).inc();
    };
    let Some(payload) = event.to_stored() else {
        error!(kind, reason, "Dropped an event that cannot be retried later");
        reject("transient");
        return false;
    };
    let kept = QuarantinedEvent {
        id: EventId::new(at),
        organization: key.organization.clone(),
        session: key.session,
        kind: kind.to_owned(),
        reason,
        attempts,
        received_at: at,
        is_import: matches!(event, SessionEvent::History(_) | SessionEvent::HistoryLost),
        version: VERSION.to_owned(),
        retry_at: None,
    };
    let (mut attempt, mut pauses) = (1, Backoff::half_jitter(FIRST_RETRY_DELAY, MAX_RETRY_DELAY));
    loop {
        match store.quarantine(&kept, payload.clone()).await {
            Ok(true) => {
                let (id, reason) = (kept.id, &kept.reason);
                error!(event.id = %id, kind, reason, "Quarantined an event that could not be applied");
                metrics.quarantined.get_or_create(&[("kind", kind)]).inc();
                return true;
            }
            Ok(false) => {
                error!(kind, "Dropped an event: the session's quarantine is full");
                reject("quarantine_full");
                return false;
            }
            Err(failed) => {
                error!(error = &failed as &dyn Error, attempt, "Quarantining an event failed");
                attempt += u32::from(!failed.is_passing());
                if attempt > MAX_ATTEMPTS {
                    reject("quarantine_failed");
                    return false;
                }
            }
        }
        if stop.run_until_cancelled(pauses.wait()).await.is_none() {
            return false;
        }
    }
}

/// Returns the message of an error with its causes.
pub(in crate::service) fn reason(failed: &StoreError) -> String {
    let first: &(dyn Error + 'static) = failed;
    let causes = std::iter::successors(Some(first), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
