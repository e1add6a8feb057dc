//! An upload of ours, as the memory sees it. When another device was faster, the library reads what that one said and
//! builds the same upload anew behind it, whatever it was. It looks up the version of the collection each time that it
//! builds, with the collection to itself and all before it told; there it is asked whether the upload is still wanted. So
//! nothing goes out behind a change of the phone that overtook it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use tokio::task_local;

use crate::session::connection::Wanted;

task_local! {
    /// The upload that this task is at.
    static CURRENT: Arc<Upload>;
}

/// One upload.
pub(in super::super) struct Upload {
    wanted: Wanted,
    /// It was built, and nothing that others said was read since: whoever looks now is a fetch that follows it.
    is_built: AtomicBool,
    is_dropped: AtomicBool,
}

impl Upload {
    /// One that goes on while it is `wanted`.
    pub(in super::super) fn new(wanted: Wanted) -> Arc<Self> {
        Arc::new(Self { wanted, is_built: AtomicBool::new(false), is_dropped: AtomicBool::new(false) })
    }

    /// Whether it was dropped since nobody wanted it any more.
    pub(in super::super) fn is_dropped(&self) -> bool {
        self.is_dropped.load(Ordering::Relaxed)
    }

    /// Lets the library send it.
    pub(in super::super) async fn scope<T>(self: Arc<Self>, sending: impl Future<Output = T>) -> T {
        CURRENT.scope(self, sending).await
    }
}

/// Somebody looks up where a collection stands; tells whether that is an upload that nobody wants any more.
pub(super) async fn is_dropped() -> bool {
    let Ok(upload) = CURRENT.try_with(Arc::clone) else { return false };
    if upload.is_built.swap(true, Ordering::Relaxed) || (upload.wanted)().await {
        return false;
    }
    upload.is_dropped.store(true, Ordering::Relaxed);
    true
}

/// What others said was read.
pub(super) fn reads() {
    let _ = CURRENT.try_with(|upload| upload.is_built.store(false, Ordering::Relaxed));
}
