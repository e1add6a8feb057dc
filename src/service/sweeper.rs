//! Background purge of deleted rows, in small batches.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::store::Store;
use crate::store::error::StoreError;

/// Pause after a failure.
const PAUSE: Duration = Duration::from_secs(10);

/// Handle to wake the sweeper. Cheap to clone.
#[derive(Clone, Default)]
pub struct Sweeper {
    wake: Arc<Notify>,
}

impl Sweeper {
    /// Starts the sweeper until `stop`; rows that an earlier process left are purged first.
    #[must_use]
    pub fn start(store: Store, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let sweeper = Self::default();
        let wake = Arc::clone(&sweeper.wake);
        tasks.spawn(async move { stop.run_until_cancelled(sweep(store, wake)).await });
        sweeper
    }

    /// Reports that there are rows to purge.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }
}

async fn sweep(store: Store, wake: Arc<Notify>) {
    while let Err(failed) = clear_devices(&store).await {
        warn!(error = &failed as &dyn std::error::Error, "Removing a deleted device failed; it will be retried");
        sleep(PAUSE).await;
    }
    loop {
        match store.sweep().await {
            Ok(true) => {}
            Ok(false) => wake.notified().await,
            Err(failed) => {
                warn!(error = &failed as &dyn std::error::Error, "Purging deleted rows failed; it will be retried");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Purges devices whose deletion an earlier process did not finish.
async fn clear_devices(store: &Store) -> Result<(), StoreError> {
    for (organization, session) in store.half_deleted_devices().await? {
        store.device_state(&organization, session).clear_rest().await?;
    }
    Ok(())
}
