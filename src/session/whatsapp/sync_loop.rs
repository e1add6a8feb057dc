//! App-state sync of a connection. It catches up with every collection at each login, fetches announced collections,
//! and recovers inconsistent ones.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::app_state_sync::COLLECTIONS;
use super::app_state_sync::Doubt;
use super::event_queue::Ears;
use super::event_queue::Item;
use super::sync_notifications::Notices;
use super::sync_recovery::GivenUp;
use super::sync_recovery::Ladder;

/// Runs until the login channel closes or a collection is given up. `listening` has the notices, and the guard that
/// keeps them coming.
pub(super) async fn run<L: Send>(
    mut ladder: Ladder,
    logged_in: mpsc::Receiver<u64>,
    (notices, _listening): (Arc<Notices>, L),
    doubted: mpsc::Receiver<Doubt>,
    ears: Ears,
) {
    if let Err(GivenUp(name)) = keep_up(&mut ladder, logged_in, &notices, doubted, &ears).await {
        ears.hear(Item::Unreadable { collection: name.as_str() });
    }
}

async fn keep_up(
    ladder: &mut Ladder,
    mut logged_in: mpsc::Receiver<u64>,
    notices: &Notices,
    mut doubted: mpsc::Receiver<Doubt>,
    ears: &Ears,
) -> Result<(), GivenUp> {
    loop {
        tokio::select! {
            login = logged_in.recv() => {
                let Some(login) = login else { return Ok(()) };
                for name in COLLECTIONS {
                    ladder.fetch(name, 0).await?;
                }
                ears.hear(Item::CaughtUp { login });
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
                Doubt::MayNotAddUp(name) => ladder.fetch(name, 0).await?,
                Doubt::Refused(name) => ladder.refused(name).await?,
            },
        }
    }
}
