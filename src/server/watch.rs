//! How the server is doing, for whoever asks: one look at the database at a time, and what it found is shared for a second,
//! so that asking often costs nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::future::Shared;
use tokio::time::Instant;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::domain::session::SessionStatus;
use crate::http::Readiness;
use crate::store::Census;
use crate::store::Store;

/// How long what was found is shared.
const SHARED: Duration = Duration::from_secs(1);
/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks at the database. Clones share what they find.
#[derive(Clone)]
pub(super) struct Watch {
    store: Store,
    tasks: TaskTracker,
    stop: CancellationToken,
    look: Arc<Mutex<Option<Look>>>,
}

type Found = Shared<BoxFuture<'static, Option<Arc<Census>>>>;

struct Look {
    begun: Instant,
    found: Found,
}

impl Watch {
    pub(super) fn new(store: Store, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { store, tasks, stop, look: Arc::default() }
    }

    /// Whether the server can do its work.
    pub(super) async fn readiness(&self) -> Readiness {
        let census = self.census().await;
        let sessions = census.map(|census| {
            let counts = census.sessions.iter().map(|(status, count)| (word(*status), *count));
            counts.collect::<BTreeMap<_, _>>()
        });
        Readiness { draining: self.stop.is_cancelled(), sessions }
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
