//! Retention. An hourly pass removes expired data in small steps with pauses, so that clients do not notice it.

use std::{sync::Arc, time::Duration};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    domain::{
        clock::{Clock, DAY_MS},
        cursor::TimeKey,
        id::ChatId,
    },
    service::RetentionConfig,
    store::{Store, error::StoreError},
};

/// Interval between the starts of two passes.
const PASS_INTERVAL: Duration = Duration::from_hours(1);
/// Pause between two steps of a pass.
const STEP_DELAY: Duration = Duration::from_millis(20);

/// Retention of quarantined events, in days.
const QUARANTINE_DAYS: i64 = 90;

/// Removes expired data.
pub struct Retention {
    store: Store,
    clock: Arc<dyn Clock>,
    config: RetentionConfig,
}

impl Retention {
    /// Creates the retention; [`Retention::run`] starts it.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, config: RetentionConfig) -> Self {
        Self { store, clock, config }
    }

    /// Runs a pass at once and then every hour, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut passes = tokio::time::interval(PASS_INTERVAL);
        passes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let all = async {
            loop {
                passes.tick().await;
                match self.pass().await {
                    Ok((0, 0)) => {}
                    Ok((changes, messages)) => info!(changes, messages, "Removed expired changes and messages"),
                    Err(failed) => error!(error = &failed as &dyn std::error::Error, "Removing expired data failed"),
                }
            }
        };
        stop.run_until_cancelled(all).await;
    }

    /// Runs one pass; returns the number of removed changes and messages.
    ///
    /// # Errors
    /// [`StoreError`]; the next pass continues.
    pub async fn pass(&self) -> Result<(u64, u64), StoreError> {
        self.quarantined_events().await?;
        Ok((self.changes().await?, self.messages().await?))
    }

    async fn changes(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let before = now - self.config.changes_ms;
        let (mut removed, mut place) = (0, None);
        loop {
            let organizations = self.store.organizations(place.as_ref()).await?;
            for organization in &organizations {
                let Some(up_to) = self.store.changes_before(organization, before, now).await? else { continue };
                loop {
                    let step: Result<_, StoreError> = self
                        .store
                        .write(organization, move |unit| Box::pin(async move { unit.remove_changes(up_to).await }))
                        .await;
                    let step = step?;
                    removed += step;
                    if step == 0 {
                        break;
                    }
                    tokio::time::sleep(STEP_DELAY).await;
                }
            }
            place = organizations.into_iter().next_back();
            if place.is_none() {
                return Ok(removed);
            }
        }
    }

    async fn quarantined_events(&self) -> Result<(), StoreError> {
        let before = self.clock.now() - QUARANTINE_DAYS * DAY_MS;
        loop {
            let events = self.store.quarantined_before(before).await?;
            if events.is_empty() {
                return Ok(());
            }
            warn!(count = events.len(), "Deleting expired quarantined events");
            for event in events {
                self.store.delete_quarantined(&event).await?;
            }
            tokio::time::sleep(STEP_DELAY).await;
        }
    }

    async fn messages(&self) -> Result<u64, StoreError> {
        let (mut removed, mut place) = (0, None);
        loop {
            let chats = self.store.all_chats(place).await?;
            for (chat, up_to) in self.store.surplus_messages(&chats, self.config.messages).await? {
                removed += self.remove_messages(chat, up_to).await?;
            }
            place = chats.last().copied();
            if place.is_none() {
                return Ok(removed);
            }
            tokio::time::sleep(STEP_DELAY).await;
        }
    }

    /// Removes the chat's messages up to this one, a few hundred per unit.
    async fn remove_messages(&self, chat: ChatId, up_to: TimeKey) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let oldest = self.store.oldest_messages(chat, up_to).await?;
            if oldest.is_empty() {
                return Ok(removed);
            }
            for (organization, messages) in oldest {
                let step: Result<_, StoreError> = self
                    .store
                    .write(&organization, move |unit| Box::pin(async move { unit.remove_messages(&messages).await }))
                    .await;
                removed += step?;
            }
            tokio::time::sleep(STEP_DELAY).await;
        }
    }
}

#[cfg(test)]
mod tests;
