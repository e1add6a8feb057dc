//! An upload of ours, as seen by the memory. If another device was faster, the library reads that device's patch and
//! builds the same upload again after it. It reads the collection's version each time it builds, with exclusive access
//! and after all earlier changes are delivered. At that point the upload is checked again, so that no upload follows a
//! change of the phone that superseded it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::task_local;

use crate::session::connection::StillWanted;

task_local! {
    /// The upload of this task.
    static CURRENT: Arc<Upload>;
}

/// One upload.
pub(in super::super) struct Upload {
    wanted: StillWanted,
    /// True if it was built and no other patch was read since: the next read of the version belongs to a later fetch.
    is_built: AtomicBool,
    is_dropped: AtomicBool,
}

impl Upload {
    /// Creates an upload that continues while it is `wanted`.
    pub(in super::super) fn new(wanted: StillWanted) -> Arc<Self> {
        Arc::new(Self { wanted, is_built: AtomicBool::new(false), is_dropped: AtomicBool::new(false) })
    }

    /// Returns whether it was dropped because it was superseded.
    pub(in super::super) fn is_dropped(&self) -> bool {
        self.is_dropped.load(Ordering::Relaxed)
    }

    /// Runs the library's sending of it.
    pub(in super::super) async fn scope<T>(self: Arc<Self>, sending: impl Future<Output = T>) -> T {
        CURRENT.scope(self, sending).await
    }
}

/// Registers a read of the version; returns whether it belongs to an upload that was superseded.
pub(super) async fn is_dropped() -> bool {
    let Ok(upload) = CURRENT.try_with(Arc::clone) else { return false };
    if upload.is_built.swap(true, Ordering::Relaxed) || (upload.wanted)().await {
        return false;
    }
    upload.is_dropped.store(true, Ordering::Relaxed);
    true
}

/// Registers that another patch was read.
pub(super) fn reads() {
    let _ = CURRENT.try_with(|upload| upload.is_built.store(false, Ordering::Relaxed));
}
