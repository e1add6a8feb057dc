//! Outbox of a session: sends the pending actions to WhatsApp one by one, in order, and reports the results to the
//! event queue. It has no state that the store does not have, so it can be stopped at any time.

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::Arc,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::{Notify, oneshot, watch},
    time::{Instant, sleep, sleep_until},
};
use tracing::{Instrument as _, Span, debug, debug_span, error, warn};

use super::{
    Config, EventSender, InboundEvent, SessionEvent, SessionKey,
    connection::{Connection, ConnectionState, SessionError, StillWanted},
};
use crate::{
    backoff::Backoff,
    domain::{id::ChatId, pending_action::PendingAction, setting::Setting},
    store::error::StoreError,
};

/// Reads a session's pending actions.
pub(super) type ReadPending =
    Arc<dyn Fn(SessionKey, PendingQuery) -> BoxFuture<'static, Result<Vec<PendingAction>, StoreError>> + Send + Sync>;

/// A query for pending actions.
#[derive(Debug, Clone)]
pub(super) enum PendingQuery {
    /// The next ones after this one in sending order, or the first ones; empty at the end.
    After(Option<PendingAction>),
    /// This one, in this version; empty if it is no longer pending.
    Same(PendingAction),
}

impl PendingQuery {
    /// Selects them from all pending actions.
    #[cfg(test)]
    pub(super) fn of(&self, all: &[PendingAction]) -> Vec<PendingAction> {
        const PAGE: usize = 20;
        let key = |action: &PendingAction| (action.chat, action.desired.setting(), action.version);
        match self {
            Self::After(None) => all.iter().take(PAGE).cloned().collect(),
            Self::After(Some(after)) => {
                all.iter().skip_while(|action| key(action) != key(after)).skip(1).take(PAGE).cloned().collect()
            }
            Self::Same(same) => all.iter().filter(|action| key(action) == key(same)).cloned().collect(),
        }
    }
}

/// The sending loop of one session.
#[derive(Clone)]
pub(super) struct Outbox {
    pub(super) key: SessionKey,
    pub(super) read: ReadPending,
    pub(super) sender: EventSender,
    /// The session's connection; marked as changed each time it has caught up.
    pub(super) link: watch::Receiver<ConnectionState>,
    pub(super) wake: Arc<Notify>,
    pub(super) config: Config,
}

/// Result of a round of sending.
enum SendRound {
    /// Nothing is due before this moment.
    Idle(Option<Instant>),
    /// A failure that would affect the next action, too.
    Failed,
    /// The consumer of the event queue is gone.
    ReceiverClosed,
}

/// Rejections of one request on one connection after which it is final; earlier ones may have had other reasons.
const MAX_REJECTIONS: u32 = 3;

/// Consecutive failures other than rejections that count as a failure of the connection.
const MAX_FAILURES: u32 = 3;

/// Rejected actions, each with its own backoff, so that one does not delay the others.
#[derive(Default)]
struct Retries {
    actions: HashMap<(ChatId, Setting), RetryState>,
    /// Settings that cannot be sent for any chat before this moment.
    settings: HashMap<Setting, Instant>,
}

/// The next action to send.
enum Due {
    /// This action.
    Now(Box<PendingAction>),
    /// None before this moment.
    From(Option<Instant>),
}

struct RetryState {
    version: i64,
    times: u32,
    retry_at: Instant,
    backoff: Backoff,
    /// WhatsApp may or may not have it: later requests for this chat wait for it.
    holds_chat: bool,
}

impl Retries {
    /// Returns whether the action is due.
    fn is_due(&self, action: &PendingAction, now: Instant) -> bool {
        let setting = action.desired.setting();
        let waits = |retry_at: &Instant| *retry_at > now;
        let is_paused = |((chat, paused), refusal): (&(ChatId, Setting), &RetryState)| {
            let same = *paused == setting && refusal.version == action.version;
            *chat == action.chat && waits(&refusal.retry_at) && (same || refusal.holds_chat && *paused != setting)
        };
        !self.settings.get(&setting).is_some_and(waits) && !self.actions.iter().any(is_paused)
    }

    /// Drops the rejections of actions that are no longer pending.
    fn retain(&mut self, waiting: &HashSet<(ChatId, Setting, i64)>, now: Instant) {
        self.actions.retain(|&(chat, setting), refusal| waiting.contains(&(chat, setting, refusal.version)));
        self.settings.retain(|_, retry_at| *retry_at > now);
    }

    /// Returns the end of the next pause.
    fn next(&self, now: Instant) -> Option<Instant> {
        let pauses = self.actions.values().map(|refusal| refusal.retry_at).chain(self.settings.values().copied());
        pauses.filter(|retry_at| *retry_at > now).min()
    }
}

impl Outbox {
    /// Sends until the supervisor or the event queue is gone; restarts after a pause if that panics.
    pub(super) async fn keep_running(self) {
        let mut pauses = Backoff::half_jitter(self.config.refused_base, self.config.refused_max);
        while AssertUnwindSafe(self.clone().run()).catch_unwind().await.is_err() {
            error!("Sending chat settings panicked; restarting it");
            sleep(pauses.next()).await;
        }
    }

    /// Sends until the supervisor or the event queue is gone.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::half_jitter(self.config.action_retry_base, self.config.action_retry_max);
        let mut refusals = Retries::default();
        loop {
            let Ok(link) = self.link.wait_for(|link| link.synced().is_some()).await.map(|link| link.clone()) else {
                return;
            };
            let Some(session) = link.synced() else { continue };
            let wait = match self.send_all(session.as_ref(), &mut refusals).await {
                SendRound::Idle(retry_at) => {
                    backoff.reset();
                    let poll = Instant::now() + self.config.pending_poll;
                    retry_at.map_or(poll, |retry_at| retry_at.min(poll))
                }
                SendRound::Failed => Instant::now() + backoff.next(),
                SendRound::ReceiverClosed => return,
            };
            let failed = backoff.running();
            tokio::select! {
                changed = self.link.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // All failures belong to the previous connection.
                    backoff.reset();
                    refusals = Retries::default();
                }
                // A new request does not shorten the pause after a failure.
                () = self.wake.notified(), if !failed => {}
                () = sleep_until(wait) => {}
            }
        }
    }

    /// Sends all pending actions. Reads again after each one: it may have been superseded or settled meanwhile.
    async fn send_all(&self, session: &dyn Connection, refusals: &mut Retries) -> SendRound {
        let mut failures = 0;
        loop {
            let action = match self.next_due(refusals).await {
                Ok(Due::Now(action)) => *action,
                Ok(Due::From(moment)) => return SendRound::Idle(moment),
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "Reading pending actions failed");
                    return SendRound::Failed;
                }
            };
            let action = &action;
            let before = action.previous_read();
            let next = before.as_ref().unwrap_or(action);
            match session.set(next, self.wanted(action)).instrument(self.command_span(next)).await {
                Ok(()) => match self.report(next, sent(next)).await {
                    CommitOutcome::Committed => failures = 0,
                    CommitOutcome::NotCommitted => return SendRound::Failed,
                    CommitOutcome::ReceiverClosed => return SendRound::ReceiverClosed,
                },
                Err(SessionError::Refused(reason)) => {
                    warn!(chat.id = %action.chat, setting = ?action.desired.setting(), %reason, "WhatsApp rejected a chat setting");
                    let refusal = self.retry_state(refusals, action);
                    refusal.times += 1;
                    refusal.retry_at = Instant::now() + refusal.backoff.next();
                    if refusal.times >= MAX_REJECTIONS {
                        match self.report(action, refused(action, reason)).await {
                            // If that could not be stored, the action is retried later.
                            CommitOutcome::Committed | CommitOutcome::NotCommitted => {}
                            CommitOutcome::ReceiverClosed => return SendRound::ReceiverClosed,
                        }
                    }
                }
                Err(SessionError::NotNow) => {
                    debug!(chat.id = %action.chat, "A chat setting waits until app state is readable");
                    // The same setting of other chats waits, too.
                    let retry_at = Instant::now() + self.config.action_retry_base;
                    refusals.settings.insert(action.desired.setting(), retry_at);
                }
                // The next read returns what superseded it.
                Err(SessionError::NotWanted) => {
                    debug!(chat.id = %action.chat, "A chat setting was superseded before it was sent");
                }
                Err(SessionError::NotConnected) => {
                    debug!("Connection lost; pending actions wait");
                    return SendRound::Failed;
                }
                Err(error) => {
                    warn!(
                        chat.id = %action.chat,
                        setting = ?action.desired.setting(),
                        error = &error as &dyn std::error::Error,
                        "Sending a chat setting failed; it will be retried"
                    );
                    let refusal = self.retry_state(refusals, action);
                    refusal.retry_at = Instant::now() + refusal.backoff.next();
                    refusal.holds_chat = true;
                    failures += 1;
                    if matches!(error, SessionError::Damaged) || failures >= MAX_FAILURES {
                        return SendRound::Failed;
                    }
                }
            }
        }
    }

    /// Returns the next action that is due, and reads no further.
    async fn next_due(&self, refusals: &mut Retries) -> Result<Due, StoreError> {
        let (mut waiting, mut last) = (HashSet::new(), None);
        loop {
            let page = (self.read)(self.key.clone(), PendingQuery::After(last)).await?;
            let now = Instant::now();
            if let Some(action) = page.iter().find(|action| refusals.is_due(action, now)) {
                return Ok(Due::Now(Box::new(action.clone())));
            }
            let Some(end) = page.last() else {
                refusals.retain(&waiting, now);
                return Ok(Due::From(refusals.next(now)));
            };
            last = Some(end.clone());
            waiting.extend(page.iter().map(|action| (action.chat, action.desired.setting(), action.version)));
        }
    }

    /// Returns a check whether an action is still pending.
    fn wanted(&self, action: &PendingAction) -> StillWanted {
        let (read, key, action) = (Arc::clone(&self.read), self.key.clone(), action.clone());
        Arc::new(move || {
            let same = read(key.clone(), PendingQuery::Same(action.clone()));
            Box::pin(async move { same.await.is_ok_and(|same| !same.is_empty()) })
        })
    }

    /// Returns the rejections of an action so far.
    fn retry_state<'a>(&self, refusals: &'a mut Retries, action: &PendingAction) -> &'a mut RetryState {
        let fresh = || RetryState {
            version: action.version,
            times: 0,
            retry_at: Instant::now(),
            backoff: Backoff::half_jitter(self.config.action_retry_base, self.config.action_retry_max),
            holds_chat: false,
        };
        let refusal = refusals.actions.entry((action.chat, action.desired.setting())).or_insert_with(fresh);
        if refusal.version != action.version {
            *refusal = fresh();
        }
        refusal
    }

    /// Creates the span of sending an action. It starts a trace of its own, since no request waits for it.
    fn command_span(&self, action: &PendingAction) -> Span {
        let setting = action.desired.setting();
        debug_span!(parent: None, "session command", session.id = %self.key.session, chat.id = %action.chat, ?setting)
    }

    /// Sends WhatsApp's answer to the event queue and waits until it is stored.
    async fn report(&self, action: &PendingAction, event: SessionEvent) -> CommitOutcome {
        let (committed, stored) = oneshot::channel();
        if self.sender.send(InboundEvent { event, committed: Some(committed) }).await.is_err() {
            return CommitOutcome::ReceiverClosed;
        }
        if stored.await.is_ok() {
            return CommitOutcome::Committed;
        }
        warn!(chat.id = %action.chat, "Storing WhatsApp's answer to a chat setting failed; the setting will be sent again");
        CommitOutcome::NotCommitted
    }
}

/// The event for an accepted action.
fn sent(action: &PendingAction) -> SessionEvent {
    let &PendingAction { chat, version, desired, .. } = action;
    SessionEvent::ActionSent { chat, desired, version }
}

/// The event for a rejected action.
fn refused(action: &PendingAction, reason: String) -> SessionEvent {
    let &PendingAction { chat, version, desired, .. } = action;
    SessionEvent::ActionRejected { chat, setting: desired.setting(), version, reason }
}

/// Outcome of storing WhatsApp's answer.
enum CommitOutcome {
    Committed,
    NotCommitted,
    ReceiverClosed,
}

#[cfg(test)]
mod tests;
