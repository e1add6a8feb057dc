//! Worker that applies WhatsApp's events to the stored copy. There is one event queue per session, drained in order; an
//! event is acknowledged once it is committed.

mod apply;
mod clear;
mod contact;
pub(super) mod context;
mod edit;
mod history;
mod history_unread;
mod merge;
pub(super) mod message;
mod message_move;
pub mod metrics;
mod person;
pub mod quarantine;
pub mod quarantine_retry;
mod receipt;
mod recount;
pub(super) mod rejection;
mod session;
mod setting;
mod split;
mod unarchive;
mod unread;

use std::{ops::Range, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, error, info_span, warn};

use super::{
    background::{mute_expiry::MuteExpirer, purge::Purger},
    call::broadcast::CallBroadcast,
    session::broadcast::SessionBroadcast,
};
use crate::{
    backoff::Backoff,
    domain::{clock::Clock, session::SessionStatus, setting::SettingValue},
    session::{EventSender, InboundEvent, SessionEvent, SessionKey},
    store::{QuarantinedEvent, Store, error::StoreError},
};
use apply::apply_all;
use metrics::InboundMetrics;
use quarantine::{FailedEvent, QuarantineMetrics};

/// Capacity of an event queue.
const QUEUE_CAPACITY: usize = 256;
/// Number of messages, names and people after which no further events join a unit; bounds the wait of others.
const MAX_BATCH_WEIGHT: usize = 100;
/// Attempts of an event before it is quarantined, and pauses between them. While the database is unavailable, the
/// events wait.
const MAX_ATTEMPTS: u32 = 5;
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(400);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(1);
/// Attempts of an event before it is split.
const ATTEMPTS_BEFORE_SPLIT: u32 = 2;
/// Attempts of an event that exceeds the time limit of a unit: each takes that long.
const ATTEMPTS_IN_TIME: u32 = 2;
/// Time limit of an empty unit while the database is available.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Receivers of notifications after a commit.
#[derive(Clone, Default)]
pub struct Notifiers {
    /// Changes of sessions.
    pub sessions: SessionBroadcast,
    /// Deletions.
    pub purger: Purger,
    /// Mutes with an end.
    pub mutes: MuteExpirer,
    /// Ringing calls.
    pub calls: CallBroadcast,
}

/// Opens event queues and applies their events to the stored copy.
#[derive(Clone)]
pub struct InboundWorker {
    store: Store,
    notifiers: Notifiers,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    stop: CancellationToken,
    pub(super) quarantine: QuarantineMetrics,
    metrics: InboundMetrics,
}

impl InboundWorker {
    /// Creates the worker; its tasks end when their event queues close or `stop` is cancelled.
    #[must_use]
    pub fn new(
        store: Store,
        notifiers: Notifiers,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self {
            store,
            notifiers,
            clock,
            tasks,
            stop,
            quarantine: QuarantineMetrics::default(),
            metrics: InboundMetrics::default(),
        }
    }

    /// Metrics of applied events.
    #[must_use]
    pub fn metrics(&self) -> &InboundMetrics {
        &self.metrics
    }

    /// Metrics of quarantined events.
    #[must_use]
    pub fn quarantine_metrics(&self) -> &QuarantineMetrics {
        &self.quarantine
    }

    /// Opens the event queue of a session.
    #[must_use]
    pub fn open(&self, key: SessionKey) -> EventSender {
        let (sender, events) = mpsc::channel(QUEUE_CAPACITY);
        let span = info_span!(parent: None, "inbound", session.id = %key.session);
        self.tasks.spawn(self.clone().run(key, events).instrument(span));
        sender
    }

    async fn run(self, key: SessionKey, mut events: mpsc::Receiver<InboundEvent>) {
        let mut next = None;
        while !self.stop.is_cancelled() {
            let waited = match next.take() {
                None => tokio::select! {
                    () = self.stop.cancelled() => None,
                    waited = events.recv() => waited,
                },
                before => before,
            };
            let Some(first) = waited else { return };
            // Calls are not stored, and are of no use later.
            match &first.event {
                SessionEvent::CallOffered(call) => {
                    self.notifiers.calls.publish(&key, call, self.clock.now());
                    continue;
                }
                SessionEvent::CallEnded { call } => {
                    self.notifiers.calls.ringing.ended(key.session, call);
                    continue;
                }
                _ => {}
            }
            let mut weight = batch_weight(&first.event);
            let mut together = vec![first];
            while let Some(before) = weight.filter(|weight| *weight < MAX_BATCH_WEIGHT) {
                let Ok(more) = events.try_recv() else { break };
                weight = batch_weight(&more.event).map(|more| before + more);
                if weight.is_some() { together.push(more) } else { next = Some(more) }
            }
            self.apply_batch(&key, together).await;
        }
    }

    /// Stores events in one unit, or each in its own unit if one of them fails.
    async fn apply_batch(&self, key: &SessionKey, together: Vec<InboundEvent>) {
        let (events, waiting): (Vec<_>, Vec<_>) = together.into_iter().map(|it| (it.event, it.committed)).unzip();
        let events: Arc<[SessionEvent]> = events.into();
        let all = events.len() > 1 && self.apply(key, &events, 0..events.len()).await.is_ok();
        for (place, committed) in waiting.into_iter().enumerate() {
            if !all && !self.apply_with_retry(key, events[place].clone()).await {
                // On shutdown the remaining events are not acknowledged; WhatsApp delivers them again.
                if self.stop.is_cancelled() {
                    return;
                }
                continue;
            }
            self.metrics.stored(events[place].kind());
            self.notifiers.of(key, &events[place]);
            if let Some(committed) = committed {
                // If the receiver is gone, the event is delivered again and changes nothing.
                let _ = committed.send(());
            }
        }
    }

    /// Retries an event until it is committed. If it keeps failing while the database is available, it is split; an
    /// event that cannot be split is quarantined, so that it does not block the queue. Returns whether all of it is
    /// stored or quarantined.
    fn apply_with_retry<'a>(&'a self, key: &'a SessionKey, event: SessionEvent) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let events: Arc<[SessionEvent]> = Arc::from([event]);
            let halves = split::halves(&events[0]);
            let (mut attempt, mut late) = (0, 0);
            let mut pauses = Backoff::half_jitter(FIRST_RETRY_DELAY, MAX_RETRY_DELAY);
            let reason = loop {
                let Err(failed) = self.apply(key, &events, 0..1).await else { return true };
                error!(error = &failed as &dyn std::error::Error, attempt, "Applying an event failed");
                let is_late = matches!(failed, StoreError::TimedOut) && self.is_alive(key).await;
                late += u32::from(is_late);
                attempt += u32::from(is_late || !failed.is_passing());
                let is_over = match (&events[0], &halves) {
                    (SessionEvent::Untranslated(_), _) => true,
                    (_, Some(_)) => attempt >= ATTEMPTS_BEFORE_SPLIT || late > 0,
                    (_, None) => attempt >= MAX_ATTEMPTS || late >= ATTEMPTS_IN_TIME,
                };
                if is_over {
                    break quarantine::reason(&failed);
                }
                if self.stop.run_until_cancelled(pauses.wait()).await.is_none() {
                    return false;
                }
            };
            if let Some(halves) = halves {
                warn!(kind = events[0].kind(), reason, "Splitting an event that cannot be applied as a whole");
                let mut all = true;
                for half in halves {
                    all &= self.apply_with_retry(key, half).await;
                }
                return all;
            }
            let failed = FailedEvent { key, event: &events[0], reason, attempts: attempt, at: self.clock.now() };
            quarantine::quarantine(&self.store, &self.quarantine, failed, &self.stop).await
        })
    }

    /// Returns whether the database runs units, so that a timeout is due to the event itself.
    async fn is_alive(&self, key: &SessionKey) -> bool {
        let nothing = self.store.write_session(&key.organization, key.session, |_| Box::pin(async { Ok(()) }));
        let nothing = async { nothing.await.map_err(|failed: StoreError| failed) };
        matches!(timeout(PROBE_TIMEOUT, nothing).await, Ok(Ok(())))
    }

    /// Applies a quarantined event and removes it, in one unit.
    pub(super) async fn apply_kept(
        &self,
        key: &SessionKey,
        events: Arc<[SessionEvent]>,
        kept: QuarantinedEvent,
    ) -> Result<(), StoreError> {
        let (session, applied) = (key.session, Arc::clone(&events));
        self.store
            .write_session(&key.organization, key.session, move |unit| {
                Box::pin(async move {
                    apply_all(unit, session, &applied).await?;
                    unit.remove_quarantined(&kept).await.map(drop)
                })
            })
            .await?;
        events.iter().for_each(|event| self.notifiers.of(key, event));
        self.notifiers.sessions.publish(key);
        Ok(())
    }

    async fn apply(
        &self,
        key: &SessionKey,
        events: &Arc<[SessionEvent]>,
        which: Range<usize>,
    ) -> Result<(), StoreError> {
        let (session, events, now) = (key.session, Arc::clone(events), self.clock.now());
        let logged_out = |event: &_| matches!(event, SessionEvent::Status { status: SessionStatus::LoggedOut, .. });
        let logged_out = events[which.clone()].iter().any(logged_out);
        self.store
            .write_session(&key.organization, key.session, move |unit| {
                Box::pin(async move { apply_all(unit, session, &events[which]).await })
            })
            .await?;
        if logged_out {
            rejection::reject_some(&self.store, key, now).await?;
            self.notifiers.purger.logged_out(key.clone(), now);
        }
        Ok(())
    }
}

impl Notifiers {
    /// Sends the notifications for a committed event.
    fn of(&self, key: &SessionKey, event: &SessionEvent) {
        match event {
            SessionEvent::Status { .. }
            | SessionEvent::Paired { .. }
            | SessionEvent::PairingRenewed
            | SessionEvent::HistoryExpected
            | SessionEvent::HistoryLost => self.sessions.publish(key),
            SessionEvent::History(chunk) => {
                self.sessions.publish(key);
                chunk
                    .chats
                    .iter()
                    .filter_map(|chat| chat.muted_until.flatten())
                    .for_each(|end| self.mutes.schedule(end));
            }
            SessionEvent::Setting { value: SettingValue::MutedUntil(Some(end)), .. } => self.mutes.schedule(*end),
            SessionEvent::ChatCleared { .. } => self.purger.wake(),
            SessionEvent::Setting { .. }
            | SessionEvent::Message(_)
            | SessionEvent::Delivered { .. }
            | SessionEvent::MessageUpdated(_)
            | SessionEvent::ContactNamed { .. }
            | SessionEvent::ContactRemoved { .. }
            | SessionEvent::UnarchivesChats { .. }
            | SessionEvent::BusinessNamed { .. }
            | SessionEvent::NumberChanged { .. }
            | SessionEvent::GroupNamed { .. }
            | SessionEvent::CallOffered(_)
            | SessionEvent::CallEnded { .. }
            | SessionEvent::SamePerson { .. }
            | SessionEvent::ReadOnOtherDevice { .. }
            | SessionEvent::HistoryAnnounced { .. }
            | SessionEvent::HistoryPartDone { .. }
            | SessionEvent::CollectionSynced { .. }
            | SessionEvent::Barrier
            | SessionEvent::Untranslated(_)
            | SessionEvent::ActionSent { .. }
            | SessionEvent::ActionRejected { .. } => {}
        }
    }
}

/// Returns the number of messages, names or people in an event that can share a unit with others. Messages wait together
/// after a time offline, and an account's contacts and groups arrive all at once after the pairing.
fn batch_weight(event: &SessionEvent) -> Option<usize> {
    match event {
        SessionEvent::SamePerson { people, .. } => Some(people.len()),
        SessionEvent::Message(_)
        | SessionEvent::Delivered { .. }
        | SessionEvent::ContactNamed { .. }
        | SessionEvent::GroupNamed { .. } => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
