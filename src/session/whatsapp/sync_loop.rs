//! App-state sync of a connection. It catches up with every collection at each login, fetches announced collections,
//! and recovers inconsistent ones.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::app_state_sync::COLLECTIONS;
use super::app_state_sync::SyncSuspicion;
use super::event_queue::EventSink;
use super::event_queue::QueueItem;
use super::sync_notifications::SyncNotifications;
use super::sync_recovery::RecoveryFailed;
use super::sync_recovery::SyncRecovery;

/// Runs until the login channel closes or a collection is given up. `listening` has the notices, and the guard that
/// keeps them coming.
pub(super) async fn run<L: Send>(
    mut ladder: SyncRecovery,
    logged_in: mpsc::Receiver<u64>,
    (notices, _listening): (Arc<SyncNotifications>, L),
    doubted: mpsc::Receiver<SyncSuspicion>,
    ears: EventSink,
) {
    if let Err(RecoveryFailed(name)) = keep_up(&mut ladder, logged_in, &notices, doubted, &ears).await {
        ears.push(QueueItem::Unreadable { collection: name.as_str() });
    }
}

async fn keep_up(
    ladder: &mut SyncRecovery,
    mut logged_in: mpsc::Receiver<u64>,
    notices: &SyncNotifications,
    mut doubted: mpsc::Receiver<SyncSuspicion>,
    ears: &EventSink,
) -> Result<(), RecoveryFailed> {
    loop {
        tokio::select! {
            login = logged_in.recv() => {
                let Some(login) = login else { return Ok(()) };
                for name in COLLECTIONS {
                    ladder.fetch(name, 0).await?;
                }
                ears.push(QueueItem::CaughtUp { login });
            }
            announced = notices.next() => {
                for (name, moved_to) in announced {
                    if let Ok(name) = name.parse() {
                        ladder.fetch(name, moved_to).await?;
                    }
                }
            }
            name = ladder.due() => ladder.step(name).await?,
            Some(doubt) = doubted.recv() => match doubt {
                SyncSuspicion::MacMismatch(name) => ladder.fetch(name, 0).await?,
                SyncSuspicion::Refused(name) => ladder.rejected(name).await?,
            },
        }
    }
}
