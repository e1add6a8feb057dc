//! Retries of quarantined events: automatically a few times, after an upgrade, and at the operator's request.

use std::{error::Error, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use super::{
    InboundWorker,
    quarantine::{VERSION, reason},
};
use crate::{
    backoff::Backoff,
    session::{SessionEvent, SessionKey},
    store::{QuarantinedEvent, Store, error::StoreError},
};

/// Polling interval for requested retries.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// Interval of automatic retries, for events with fewer than [`AUTOMATIC`] attempts: the database may have recovered.
const RETRY_INTERVAL: Duration = Duration::from_mins(10);
const AUTOMATIC: u32 = 8;
/// Pauses after failures of the retries.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(2);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(20);

/// Retries quarantined events until `stop`: at startup those of other versions, later those due automatically or
/// requested by the operator.
pub fn start(store: Store, inbox: InboundWorker, tasks: &TaskTracker, stop: CancellationToken) {
    tasks.spawn(async move { stop.run_until_cancelled(retry(store, inbox)).await });
}

async fn retry(store: Store, inbox: InboundWorker) {
    let (mut is_upgraded, mut last) = (false, Instant::now());
    let mut pauses = Backoff::half_jitter(FIRST_RETRY_DELAY, MAX_RETRY_DELAY);
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
            metrics.count_retry("applied");
            Ok(())
        }
        Err(reason) => {
            warn!(event.id = %kept.id, kind = kept.kind, reason, "Applying a quarantined event failed again");
            metrics.count_retry("failed");
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
