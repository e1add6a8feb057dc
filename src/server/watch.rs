//! How the server is doing, for whoever asks: one look at the database at a time, and what it found is shared for a second,
//! so that asking often costs nothing. A small write is tried now and then, asked for or not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::future::Shared;
use tokio::time::Instant;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;
use tracing::warn;

use crate::domain::clock::Clock;
use crate::domain::session::SessionStatus;
use crate::http::Readiness;
use crate::session::Events;
use crate::store::Census;
use crate::store::Store;

/// How long what was found is shared.
const SHARED: Duration = Duration::from_secs(1);
/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a write is tried; how soon again after one that failed; how long it may take.
const CHECK: Duration = Duration::from_secs(10);
const CHECK_AGAIN: Duration = Duration::from_secs(1);
const CHECK_PATIENCE: Duration = Duration::from_secs(5);

/// Looks at the database. Clones share what they find.
#[derive(Clone)]
pub(super) struct Watch {
    store: Store,
    events: Events,
    tasks: TaskTracker,
    stop: CancellationToken,
    look: Arc<Mutex<Option<Look>>>,
    writes_fail: Arc<AtomicBool>,
}

type Found = Shared<BoxFuture<'static, Option<Arc<Census>>>>;

struct Look {
    begun: Instant,
    found: Found,
}

impl Watch {
    pub(super) fn new(store: Store, events: Events, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { store, events, tasks, stop, look: Arc::default(), writes_fail: Arc::default() }
    }

    /// Tries a small write now and then, and as soon as another one fails, until `stop`.
    pub(super) async fn check_writes(self, clock: Arc<dyn Clock>, stop: CancellationToken) {
        let mut pause = CHECK;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.store.write_failed(), if pause == CHECK => {}
            }
            let written = timeout(CHECK_PATIENCE, self.store.check_writes(clock.now())).await;
            let fail = !matches!(written, Ok(Ok(())));
            if self.writes_fail.swap(fail, Ordering::Relaxed) != fail {
                if fail { warn!("The database takes no writes") } else { info!("The database takes writes again") }
            }
            pause = if fail { CHECK_AGAIN } else { CHECK };
        }
    }

    /// Whether the server can do its work.
    pub(super) async fn readiness(&self) -> Readiness {
        let census = self.census().await;
        let sessions = census.map(|census| {
            let counts = census.sessions.iter().map(|(status, count)| (word(*status), *count));
            counts.collect::<BTreeMap<_, _>>()
        });
        let writes = self.takes_writes();
        let unreadable_sessions = self.events.unreadable();
        Readiness { draining: self.stop.is_cancelled(), sessions, writes, unreadable_sessions }
    }

    /// Whether the database takes writes, as far as was tried.
    pub(super) fn takes_writes(&self) -> bool {
        !self.writes_fail.load(Ordering::Relaxed) && !self.store.writes_fail()
    }

    /// What there is; none when the database does not answer.
    pub(super) async fn census(&self) -> Option<Arc<Census>> {
        self.look().await
    }

    fn look(&self) -> Found {
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = &*look
            && (look.found.peek().is_none() || look.begun.elapsed() < SHARED)
        {
            return look.found.clone();
        }
        let store = self.store.clone();
        // On a task of its own: whoever asked first may stop waiting, and asking again must not begin anew.
        let looking = self.tasks.spawn(async move { timeout(PATIENCE, store.census()).await });
        let found = looking.map(|looked| match looked {
            Ok(Ok(Ok(census))) => Some(Arc::new(census)),
            Ok(Ok(Err(failed))) => {
                warn!(error = &failed as &dyn std::error::Error, "The database does not answer");
                None
            }
            Ok(Err(_)) | Err(_) => {
                warn!("The database does not answer in time");
                None
            }
        });
        let found = found.boxed().shared();
        *look = Some(Look { begun: Instant::now(), found: found.clone() });
        found
    }
}

/// As callers of the API know it.
pub(super) fn word(status: SessionStatus) -> &'static str {
    match status {
        SessionStatus::Starting => "STARTING",
        SessionStatus::ScanQrCode => "SCAN_QR_CODE",
        SessionStatus::Working => "WORKING",
        SessionStatus::Failed => "FAILED",
        SessionStatus::Stopped => "STOPPED",
        SessionStatus::LoggedOut => "LOGGED_OUT",
    }
}
