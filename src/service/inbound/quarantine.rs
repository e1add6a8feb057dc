//! Quarantine of events that could not be applied. They are retried automatically a few times, after an upgrade, and at
//! the operator's request.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;
use tracing::info;
use tracing::warn;

use crate::backoff::Backoff;
use crate::domain::id::EventId;
use crate::session::SessionEvent;
use crate::session::SessionKey;
use crate::store::QuarantinedEvent;
use crate::store::Store;
use crate::store::error::StoreError;

use super::InboundWorker;

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Polling interval for requested retries.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Interval of automatic retries, for events with fewer than [`AUTOMATIC`] attempts: the database may have recovered.
const RETRY_INTERVAL: Duration = Duration::from_mins(10);
const AUTOMATIC: u32 = 8;
/// Pauses after failures of the retries.
const FIRST_POLL_RETRY_DELAY: Duration = Duration::from_secs(2);
const MAX_POLL_RETRY_DELAY: Duration = Duration::from_secs(20);
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

/// Retries quarantined events until `stop`: at startup those of other versions, later those due automatically or
/// requested by the operator.
pub fn start_retries(store: Store, inbox: InboundWorker, tasks: &TaskTracker, stop: CancellationToken) {
    tasks.spawn(async move { stop.run_until_cancelled(retry(store, inbox)).await });
}

async fn retry(store: Store, inbox: InboundWorker) {
    let (mut is_upgraded, mut last) = (false, Instant::now());
    let mut pauses = Backoff::half_jitter(FIRST_POLL_RETRY_DELAY, MAX_POLL_RETRY_DELAY);
    loop {
        match look(&store, &inbox, &mut is_upgraded, &mut last).await {
            Ok(()) => {
                pauses.reset();
                sleep(POLL_INTERVAL).await;
            }
            Err(failed) => {
                warn!(error = &failed as &dyn Error, "Retrying quarantined events failed");
                pauses.wait().await;
            }
        }
    }
}

async fn look(
    store: &Store,
    inbox: &InboundWorker,
    is_upgraded: &mut bool,
    last: &mut Instant,
) -> Result<(), StoreError> {
    if last.elapsed() >= RETRY_INTERVAL {
        store.request_retry_of_young(AUTOMATIC).await?;
        *last = Instant::now();
    }
    if !*is_upgraded {
        let count = store.request_retry_after_upgrade(VERSION).await?;
        *is_upgraded = true;
        if count > 0 {
            info!(count, "Retrying quarantined events of an earlier version");
        }
    }
    loop {
        let events = store.events_to_retry().await?;
        if events.is_empty() {
            return Ok(());
        }
        for event in events {
            retry_one(store, inbox, event).await?;
        }
    }
}

/// Applies an event and removes it from the quarantine, in one unit.
async fn retry_one(store: &Store, inbox: &InboundWorker, kept: QuarantinedEvent) -> Result<(), StoreError> {
    let outcome = match store.quarantined_payload(kept.id).await {
        Ok(None) => return Ok(()),
        Ok(Some(payload)) => match SessionEvent::from_stored(&payload) {
            Ok(event) => match inbox.apply_quarantined(&kept, event).await {
                Ok(()) => Ok(()),
                // An event that exceeds its time limit must not delay the others.
                Err(failed) if failed.is_passing() && !matches!(failed, StoreError::TimedOut) => return Err(failed),
                Err(failed) => Err(reason(&failed)),
            },
            Err(unreadable) => Err(unreadable.to_string()),
        },
        Err(StoreError::Sealed { reason, .. }) => Err(format!("it cannot be decrypted: {reason}")),
        Err(failed) => return Err(failed),
    };
    let metrics = &inbox.quarantine;
    match outcome {
        Ok(()) => {
            info!(event.id = %kept.id, kind = kept.kind, session.id = %kept.session, "Applied a quarantined event");
            metrics.retried.get_or_create(&[("outcome", "applied")]).inc();
            Ok(())
        }
        Err(reason) => {
            warn!(event.id = %kept.id, kind = kept.kind, reason, "Applying a quarantined event failed again");
            metrics.retried.get_or_create(&[("outcome", "failed")]).inc();
            store.retry_failed(&kept, &reason, VERSION).await
        }
    }
}

impl InboundWorker {
    /// Applies a quarantined event and removes it.
    async fn apply_quarantined(&self, kept: &QuarantinedEvent, event: SessionEvent) -> Result<(), StoreError> {
        let key = SessionKey { organization: kept.organization.clone(), session: kept.session };
        self.apply_kept(&key, Arc::from([event]), kept.clone()).await
    }
}
