//! Expiry of mutes: each mute is removed from its chat at its end, with a change. Mutes that ended while no server ran
//! are removed at the next start.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use crate::{
    backoff::Backoff,
    domain::{change::Origin, chat::ChatPatch, clock::Clock, id::ChatId, setting::SettingValue},
    store::{EndingMute, Store, UnitOfWork, error::StoreError},
};

/// Polling interval if no mute is known to end, for mutes stored by other processes and for clock changes.
const POLL_INTERVAL: Duration = Duration::from_secs(30);
/// Pauses after failures.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(10);
/// Mutes per read.
const BATCH_LEN: u64 = 100;

/// Handle to report a new mute. Cheap to clone.
#[derive(Clone, Default)]
pub struct MuteExpirer {
    /// Time of the next check, in milliseconds.
    next: Arc<AtomicI64>,
    wake: Arc<Notify>,
}

impl MuteExpirer {
    /// Starts ending mutes when they are due, first those that ended while no server ran, until `stop`.
    #[must_use]
    pub fn start(store: Store, clock: Arc<dyn Clock>, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        let mutes = Self::default();
        let watching = mutes.clone().watch(store, clock);
        tasks.spawn(async move { stop.run_until_cancelled(watching).await });
        mutes
    }

    /// Reports a committed mute until `end`, in milliseconds.
    pub(in crate::service) fn schedule(&self, end: i64) {
        if end < self.next.load(Ordering::Acquire) {
            self.wake.notify_one();
        }
    }

    async fn watch(self, store: Store, clock: Arc<dyn Clock>) {
        let mut pauses = Backoff::half_jitter(FIRST_RETRY_DELAY, MAX_RETRY_DELAY);
        loop {
            // A mute that is stored during the check wakes this loop again.
            self.next.store(i64::MAX, Ordering::Release);
            match end_due(&store, clock.now()).await {
                Ok(next) => {
                    pauses.reset();
                    let now = clock.now();
                    let until = next.map_or(POLL_INTERVAL, |next| {
                        Duration::from_millis(u64::try_from(next - now).unwrap_or_default()).min(POLL_INTERVAL)
                    });
                    self.next.store(next.unwrap_or(i64::MAX), Ordering::Release);
                    // A timeout is the normal case: the loop reads the stored mutes either way.
                    let _ = timeout(until, self.wake.notified()).await;
                }
                Err(failed) => {
                    warn!(error = &failed as &dyn std::error::Error, "Ending expired mutes failed");
                    pauses.wait().await;
                }
            }
        }
    }
}

/// Ends the mutes that are over at `now`, and returns the end of the next one.
async fn end_due(store: &Store, now: i64) -> Result<Option<i64>, StoreError> {
    loop {
        let ending = store.next_mutes_to_end(BATCH_LEN).await?;
        let next = ending.iter().map(|mute| mute.until).find(|until| *until > now);
        let looked_at = ending.len();
        for EndingMute { organization, session, chat, .. } in ending.into_iter().filter(|mute| mute.until <= now) {
            let ended: Result<(), StoreError> =
                store.write_session(&organization, session, move |unit| Box::pin(end(unit, chat))).await;
            ended?;
        }
        if next.is_some() || looked_at == 0 {
            return Ok(next);
        }
    }
}

/// Removes an expired mute, unless it was extended meanwhile. The mute's time stays: the phone's earlier changes may
/// still be on their way.
async fn end(unit: &mut UnitOfWork<'_>, chat: ChatId) -> Result<(), StoreError> {
    let Some(mut chat) = unit.chat_by_id_for_update(chat).await? else { return Ok(()) };
    if chat.settings.muted_until.value.is_none_or(|until| until > unit.now()) {
        return Ok(());
    }
    let patch = ChatPatch {
        as_of: chat.settings.muted_until.as_of,
        settings: [SettingValue::MutedUntil(None)].into(),
        ..ChatPatch::default()
    };
    if let Some(change) = chat.apply(&patch, unit.now(), Origin::Expired) {
        unit.save_chat(&chat).await?;
        unit.record(change);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
