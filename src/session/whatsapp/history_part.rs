//! Announced parts of the history: the one that the library downloads in a task, and the announcements that are stored.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, task_local, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Time for which a message waits until its announcement is stored, which is under way by then.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

task_local! {
    /// The part that the library downloads in this task.
    static CURRENT: Arc<Part>;
}

/// One part of the history.
pub(super) struct Part {
    /// Id of its announcement.
    pub(super) notice: String,
    has_arrived: AtomicBool,
    /// Cancelled when all of it is stored, or when it is not needed.
    done: CancellationToken,
}

impl Part {
    pub(super) fn new(notice: String) -> Arc<Self> {
        Arc::new(Self { notice, has_arrived: AtomicBool::new(false), done: CancellationToken::new() })
    }

    /// Runs a download of the library, whose [`arrived`] then returns this part.
    pub(super) async fn receive_from(self: &Arc<Self>, download: impl Future<Output = ()>) {
        CURRENT.scope(Arc::clone(self), download).await;
    }

    /// Returns whether the library has downloaded it.
    pub(super) fn has_arrived(&self) -> bool {
        self.has_arrived.load(Ordering::Relaxed)
    }

    /// Waits until it is finished on this connection.
    pub(super) async fn wait_until_done(&self) {
        self.done.cancelled().await;
    }

    /// Marks it as finished on this connection.
    pub(super) fn is_done(&self) {
        self.done.cancel();
    }
}

/// Returns the part that just arrived, in the library's own task.
pub(super) fn arrived() -> Arc<Part> {
    let part = CURRENT.try_with(Arc::clone).unwrap_or_else(|_| {
        // It was not announced, but is read nevertheless.
        let random = getrandom::u64().expect("the operating system has random bytes");
        Part::new(format!("unannounced {random:016x}"))
    });
    part.has_arrived.store(true, Ordering::Relaxed);
    part
}

/// The stored announcements.
#[derive(Default)]
pub(super) struct StoredNotices {
    notices: Mutex<HashSet<String>>,
    more: Notify,
}

impl StoredNotices {
    pub(super) fn add(&self, notice: &str) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).insert(notice.to_owned());
        self.more.notify_waiters();
    }

    /// Returns whether the announcement is stored, or was until its part was.
    pub(super) fn has(&self, notice: &str) -> bool {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).contains(notice)
    }

    /// Waits until the announcement is stored, or until a timeout: WhatsApp may have sent it again after an earlier
    /// process handled it.
    pub(super) async fn wait(&self, notice: &str) {
        let waiting = async {
            loop {
                let more = self.more.notified();
                if self.has(notice) {
                    return;
                }
                more.await;
            }
        };
        if timeout(STORE_TIMEOUT, waiting).await.is_err() {
            warn!("Storing a history announcement timed out");
        }
    }
}
