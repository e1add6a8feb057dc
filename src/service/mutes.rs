//! Mutes that end by the clock: each is taken off its chat in the moment it ends, and told. One that ended while nobody
//! looked is taken off as soon as somebody does.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::domain::change::Origin;
use crate::domain::chat::ChatPatch;
use crate::domain::clock::Clock;
use crate::domain::id::ChatId;
use crate::domain::id::OrganizationId;
use crate::store::EndingMute;
use crate::store::Store;
use crate::store::Unit;
use crate::store::error::StoreError;

/// How often to look though no mute is known to end: for what another process stored, and for clocks that are set.
const LOOK: Duration = Duration::from_secs(30);
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(5);
/// Mutes that are looked at together.
const AT_ONCE: u64 = 100;

/// The way to tell of a new mute. Cheap to clone.
#[derive(Clone, Default)]
pub struct Mutes {
    /// When somebody looks next, in milliseconds.
    next: Arc<AtomicI64>,
    wake: Arc<Notify>,
}

impl Mutes {
    /// Ends mutes when they are due, first those that ended while no process ran, until `stop`.
    #[must_use]
    pub fn start(store: Store, clock: Arc<dyn Clock>, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let mutes = Self::default();
        let watching = mutes.clone().watch(store, clock);
        tasks.spawn(async move { stop.run_until_cancelled(watching).await });
        mutes
    }

    /// A chat is muted until then, in milliseconds, and that is committed.
    pub(super) fn until(&self, end: i64) {
        if end < self.next.load(Ordering::Acquire) {
            self.wake.notify_one();
        }
    }

    async fn watch(self, store: Store, clock: Arc<dyn Clock>) {
        loop {
            // Whoever mutes while the next end is looked for wakes this once more.
            self.next.store(i64::MAX, Ordering::Release);
            match end_due(&store, clock.now()).await {
                Ok(next) => {
                    let now = clock.now();
                    let until = next.map_or(LOOK, |next| {
                        Duration::from_millis(u64::try_from(next - now).unwrap_or_default()).min(LOOK)
                    });
                    self.next.store(next.unwrap_or(i64::MAX), Ordering::Release);
                    // Late is the rule here: whoever wakes it looks at what is stored.
                    let _ = timeout(until, self.wake.notified()).await;
                }
                Err(failed) => {
                    warn!(error = &failed as &dyn std::error::Error, "Ending expired mutes failed");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Ends the mutes that are over at `now`, and tells when the next one will be.
async fn end_due(store: &Store, now: i64) -> Result<Option<i64>, StoreError> {
    loop {
        let ending = store.next_mutes_to_end(AT_ONCE).await?;
        let next = ending.iter().map(|mute| mute.until).find(|until| *until > now);
        let looked_at = ending.len();
        for EndingMute { organization, session, chat, .. } in ending.into_iter().filter(|mute| mute.until <= now) {
            let whose = organization.clone();
            let ended: Result<(), StoreError> = store
                .write_in(&organization, session, move |unit| {
                    Box::pin(async move { end(unit, &whose, chat, now).await })
                })
                .await;
            ended?;
        }
        if next.is_some() || looked_at == 0 {
            return Ok(next);
        }
    }
}

/// Takes a mute off that is over; not one that was made longer meanwhile. It keeps the time of the mute: what the phone
/// made of it before it ended may still be on its way.
async fn end(unit: &mut Unit<'_>, whose: &OrganizationId, chat: ChatId, now: i64) -> Result<(), StoreError> {
    let Some(mut chat) = unit.chat_by_id_for_update(whose, chat).await? else { return Ok(()) };
    if chat.muted_until.value.is_none_or(|until| until > now) {
        return Ok(());
    }
    let patch = ChatPatch { as_of: chat.muted_until.as_of, muted_until: Some(None), ..ChatPatch::default() };
    if let Some(change) = chat.apply(&patch, now, Origin::Expired) {
        unit.save_chat(whose, &chat).await?;
        unit.record(whose, change);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
