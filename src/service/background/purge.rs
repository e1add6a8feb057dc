//! Background purge of deleted rows, and of the remains of a logout, in small batches.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use crate::{
    backoff::Backoff,
    domain::clock::Clock,
    service::{inbound::rejection, session::lifecycle},
    session::SessionKey,
    store::{Store, error::StoreError},
};

/// Pauses after failures.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(2);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(20);

/// Handle to wake the sweeper. Cheap to clone.
#[derive(Clone, Default)]
pub struct Purger {
    wake: Arc<Notify>,
    rest: Arc<Mutex<VecDeque<Rest>>>,
}

/// A purge of one session that continues in the background. If the process ends first, the next one resumes it.
#[derive(Debug, Clone)]
enum Rest {
    /// A session was logged out at a time: its pending actions of before are rejected, and its device's keys deleted.
    LoggedOut(SessionKey, i64),
    /// A session was deleted: its chats are purged, then the session.
    Removed(SessionKey),
}

impl Purger {
    /// Starts the sweeper until `stop`; rows that an earlier process left are purged first.
    #[must_use]
    pub fn start(store: Store, clock: Arc<dyn Clock>, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let purger = Self::default();
        let task = Task { store, clock, purger: purger.clone() };
        tasks.spawn(async move { stop.run_until_cancelled(task.run()).await });
        purger
    }

    /// Reports that there are rows to purge.
    pub(in crate::service) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Purges the remains of a logout at a time, in milliseconds.
    pub(in crate::service) fn logged_out(&self, key: SessionKey, at: i64) {
        self.add(Rest::LoggedOut(key, at));
    }

    /// Purges the remaining chats of a deleted session.
    pub(in crate::service) fn removed(&self, key: SessionKey) {
        self.add(Rest::Removed(key));
    }

    fn add(&self, rest: Rest) {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).push_back(rest);
        self.wake();
    }

    fn take(&self) -> Option<Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

struct Task {
    store: Store,
    clock: Arc<dyn Clock>,
    purger: Purger,
}

impl Task {
    async fn run(&self) {
        let mut pauses = Backoff::half_jitter(FIRST_RETRY_DELAY, MAX_RETRY_DELAY);
        while let Err(failed) = self.resume().await {
            warn!(error = &failed as &dyn std::error::Error, "Reading unfinished purges failed; it will be retried");
            pauses.wait().await;
        }
        loop {
            match self.step().await {
                Ok(true) => pauses.reset(),
                Ok(false) => {
                    pauses.reset();
                    self.purger.wake.notified().await;
                }
                Err(failed) => {
                    warn!(error = &failed as &dyn std::error::Error, "Purging deleted rows failed; it will be retried");
                    pauses.wait().await;
                }
            }
        }
    }

    /// Resumes the purges that an earlier process did not finish.
    async fn resume(&self) -> Result<(), StoreError> {
        let (half_deleted, removed) = (self.store.half_deleted_devices().await?, self.store.removed_sessions().await?);
        for (organization, session) in half_deleted {
            self.purger.logged_out(SessionKey { organization, session }, self.clock.now());
        }
        for (organization, session) in removed {
            self.purger.removed(SessionKey { organization, session });
        }
        Ok(())
    }

    /// Purges one batch. Returns whether there may be more.
    async fn step(&self) -> Result<bool, StoreError> {
        let Some(rest) = self.purger.take() else { return self.store.purge_batch().await };
        let done = self.step_of(&rest).await;
        // The sessions take turns, so that none waits until another one is purged completely.
        if !matches!(done, Ok(false)) {
            self.purger.add(rest);
        }
        done?;
        self.store.purge_batch().await?;
        Ok(true)
    }

    async fn step_of(&self, rest: &Rest) -> Result<bool, StoreError> {
        match rest {
            Rest::LoggedOut(key, at) => {
                // The keys are deleted last: their rows show the next process that the purge is unfinished.
                if rejection::reject_some(&self.store, key, *at).await? {
                    return Ok(true);
                }
                self.store.device_state(&key.organization, key.session).clear_rest().await?;
                Ok(false)
            }
            Rest::Removed(key) => {
                let session = key.session;
                self.store
                    .write_session_with_retry(&key.organization, session, (), move |(), unit| {
                        Box::pin(lifecycle::delete_batch(unit, session))
                    })
                    .await
            }
        }
    }
}

#[cfg(test)]
mod tests;
