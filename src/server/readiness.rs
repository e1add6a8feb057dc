//! Readiness and counts. There is one read of the database at a time, and its result is shared for a second, so that
//! frequent probes cost nothing. A small write is tested periodically, independently of probes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use tokio::time::{Instant, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    http::Readiness,
    session::SessionMetrics,
    store::{Counts, Store},
};

/// Time for which a result is shared.
const CACHE_TTL: Duration = Duration::from_secs(1);
/// Timeout of a read.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// Interval between test writes, interval after a failed one, and timeout of one.
const WRITE_CHECK_INTERVAL: Duration = Duration::from_secs(10);
const WRITE_CHECK_RETRY_INTERVAL: Duration = Duration::from_secs(1);
const WRITE_CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Probes the database. Clones share the results.
#[derive(Clone)]
pub(super) struct ReadinessProbe {
    store: Store,
    events: SessionMetrics,
    tasks: TaskTracker,
    stop: CancellationToken,
    refresh: Arc<Mutex<Option<ProbeResult>>>,
    writes_fail: Arc<AtomicBool>,
}

type Found = Shared<BoxFuture<'static, Option<Arc<Counts>>>>;

struct ProbeResult {
    begun: Instant,
    found: Found,
}

impl ReadinessProbe {
    pub(super) fn new(store: Store, events: SessionMetrics, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { store, events, tasks, stop, refresh: Arc::default(), writes_fail: Arc::default() }
    }

    /// Tests a small write periodically, and as soon as any other write fails, until `stop`.
    pub(super) async fn check_writes(self, stop: CancellationToken) {
        let mut pause = WRITE_CHECK_INTERVAL;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.store.write_failed(), if pause == WRITE_CHECK_INTERVAL => {}
            }
            let written = timeout(WRITE_CHECK_TIMEOUT, self.store.check_writes()).await;
            let fail = !matches!(written, Ok(Ok(())));
            if self.writes_fail.swap(fail, Ordering::Relaxed) != fail {
                if fail { warn!("Writes to the database fail") } else { info!("Writes to the database succeed again") }
            }
            pause = if fail { WRITE_CHECK_RETRY_INTERVAL } else { WRITE_CHECK_INTERVAL };
        }
    }

    /// Returns the server's readiness.
    pub(super) async fn readiness(&self) -> Readiness {
        let census = self.counts().await;
        let sessions = census.map(|census| {
            let counts = census.sessions.iter().map(|(status, count)| (status.as_str(), *count));
            counts.collect::<BTreeMap<_, _>>()
        });
        let writes = self.accepts_writes();
        let unreadable_sessions = self.events.unreadable();
        Readiness { draining: self.stop.is_cancelled(), sessions, writes, unreadable_sessions }
    }

    /// Returns whether the database accepts writes, according to the last test and to failed commits.
    pub(super) fn accepts_writes(&self) -> bool {
        !self.writes_fail.load(Ordering::Relaxed) && !self.store.writes_fail()
    }

    /// Returns the counts; `None` if the database does not respond.
    pub(super) async fn counts(&self) -> Option<Arc<Counts>> {
        self.look().await
    }

    fn look(&self) -> Found {
        let mut look = self.refresh.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = &*look
            && (look.found.peek().is_none() || look.begun.elapsed() < CACHE_TTL)
        {
            return look.found.clone();
        }
        let store = self.store.clone();
        // A separate task: the first request can be cancelled, and a later one must not start a second read.
        let looking = self.tasks.spawn(async move { timeout(PROBE_TIMEOUT, store.counts()).await });
        let found = looking.map(|looked| match looked {
            Ok(Ok(Ok(census))) => Some(Arc::new(census)),
            Ok(Ok(Err(failed))) => {
                warn!(error = &failed as &dyn std::error::Error, "Reading the database failed");
                None
            }
            Ok(Err(_)) | Err(_) => {
                warn!("The database did not respond in time");
                None
            }
        });
        let found = found.boxed().shared();
        *look = Some(ProbeResult { begun: Instant::now(), found: found.clone() });
        found
    }
}
