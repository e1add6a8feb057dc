//! App-state sync of a connection. It catches up with every collection at each login, fetches announced collections,
//! and recovers inconsistent ones.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{
    app_state_sync::{COLLECTIONS, SyncSuspicion},
    event_queue::{EventSink, QueueItem},
    fetch_queue::FetchQueue,
    sync_recovery::{RecoveryFailed, SyncRecovery},
};

/// Runs until the login channel closes or a collection is given up. Announcements arrive as long as `_listening` is not
/// dropped.
pub(super) async fn run<L: Send>(
    mut recovery: SyncRecovery,
    logged_in: mpsc::Receiver<u64>,
    fetches: Arc<FetchQueue>,
    _listening: L,
    doubted: mpsc::Receiver<SyncSuspicion>,
    sink: EventSink,
) {
    if let Err(RecoveryFailed(name)) = keep_up(&mut recovery, logged_in, &fetches, doubted, &sink).await {
        sink.push(QueueItem::Unreadable { collection: name.as_str() });
    }
}

async fn keep_up(
    recovery: &mut SyncRecovery,
    mut logged_in: mpsc::Receiver<u64>,
    fetches: &FetchQueue,
    mut doubted: mpsc::Receiver<SyncSuspicion>,
    sink: &EventSink,
) -> Result<(), RecoveryFailed> {
    loop {
        tokio::select! {
            login = logged_in.recv() => {
                let Some(login) = login else { return Ok(()) };
                for name in COLLECTIONS {
                    recovery.fetch(name, 0).await?;
                }
                sink.push(QueueItem::CaughtUp { login });
            }
            collections = fetches.next() => {
                for (name, moved_to) in collections {
                    if let Ok(name) = name.parse() {
                        recovery.fetch(name, moved_to).await?;
                    }
                }
            }
            name = recovery.due() => recovery.step(name).await?,
            Some(doubt) = doubted.recv() => match doubt {
                SyncSuspicion::MacMismatch(name) => recovery.fetch(name, 0).await?,
                SyncSuspicion::Refused(name) => recovery.rejected(name).await?,
            },
        }
    }
}
