//! Removes what was deleted, in the background and a little at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::store::Store;

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(10);

/// The way to wake the sweeper. Cheap to clone.
#[derive(Clone, Default)]
pub struct Sweeper {
    wake: Arc<Notify>,
}

impl Sweeper {
    /// Starts sweeping, first what an earlier process left, until `stop`.
    #[must_use]
    pub fn start(store: Store, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let sweeper = Self::default();
        let wake = Arc::clone(&sweeper.wake);
        tasks.spawn(async move { stop.run_until_cancelled(sweep(store, wake)).await });
        sweeper
    }

    /// There is something to sweep.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }
}

async fn sweep(store: Store, wake: Arc<Notify>) {
    loop {
        match store.sweep().await {
            Ok(true) => {}
            Ok(false) => wake.notified().await,
            Err(failed) => {
                warn!(error = &failed as &dyn std::error::Error, "What was deleted could not be removed; later again");
                sleep(PAUSE).await;
            }
        }
    }
}
