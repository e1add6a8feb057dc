//! The outbox of a session: takes the pending actions to WhatsApp, one after the other, in their order, and tells the
//! lane what WhatsApp has. It keeps nothing that the store does not have, so it may end at any moment.

use std::collections::HashMap;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::sleep_until;
use tracing::Instrument as _;
use tracing::Span;
use tracing::debug;
use tracing::debug_span;
use tracing::error;
use tracing::warn;

use super::Config;
use super::Inbound;
use super::Lane;
use super::SessionEvent;
use super::SessionKey;
use super::backoff::Backoff;
use super::connection::Link;
use super::connection::Session;
use super::connection::SessionError;
use super::connection::Wanted;
use crate::domain::action::PendingAction;
use crate::domain::action::Setting;
use crate::domain::id::ChatId;
use crate::store::error::StoreError;

/// Reads what a session still has to tell WhatsApp.
pub(super) type ReadPending =
    Arc<dyn Fn(SessionKey, Asked) -> BoxFuture<'static, Result<Vec<PendingAction>, StoreError>> + Send + Sync>;

/// The pending actions that are asked for.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    /// The next ones behind this one in sending order, or the first; none at the end.
    Behind(Option<PendingAction>),
    /// This one, in this version; none if it does not wait any more.
    Same(PendingAction),
}

impl Asked {
    /// Picks them out of all that there are.
    #[cfg(test)]
    pub(super) fn of(&self, all: &[PendingAction]) -> Vec<PendingAction> {
        const PAGE: usize = 20;
        let key = |action: &PendingAction| (action.chat, action.desired.setting(), action.version);
        match self {
            Self::Behind(None) => all.iter().take(PAGE).cloned().collect(),
            Self::Behind(Some(after)) => {
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
    pub(super) lane: Lane,
    /// The session while it is in step with WhatsApp; marked as changed each time it comes into step.
    pub(super) link: watch::Receiver<Link>,
    pub(super) wake: Arc<Notify>,
    pub(super) config: Config,
}

/// How a round of sending ended.
enum Round {
    /// Nothing is left to send before this moment.
    Idle(Option<Instant>),
    /// Something failed that would fail the next action, too.
    Failed,
    /// Nobody drains the lane any more.
    LaneClosed,
}

/// So many refusals of one request on one connection are believed; before, WhatsApp may have had other reasons.
const BELIEVED: u32 = 3;

/// So many actions in a row that fail without a refusal are the connection's failure.
const MOST_FAILURES: u32 = 3;

/// The actions that are not taken for now, each with its own pause, so that one does not hold up the others.
#[derive(Default)]
struct Refusals {
    actions: HashMap<(ChatId, Setting), Refusal>,
    /// The settings that cannot be sent, of whatever chat, before this moment.
    settings: HashMap<Setting, Instant>,
}

/// What is to be sent next.
enum Due {
    /// This action.
    Now(Box<PendingAction>),
    /// Nothing before this moment.
    From(Option<Instant>),
}

struct Refusal {
    version: i64,
    times: u32,
    retry_at: Instant,
    backoff: Backoff,
    /// WhatsApp may have it or not: what is asked for next of this chat goes out behind it.
    holds_chat: bool,
}

impl Refusals {
    /// Whether the action is to be sent now.
    fn is_due(&self, action: &PendingAction, now: Instant) -> bool {
        let setting = action.desired.setting();
        let waits = |retry_at: &Instant| *retry_at > now;
        let is_paused = |((chat, paused), refusal): (&(ChatId, Setting), &Refusal)| {
            let same = *paused == setting && refusal.version == action.version;
            *chat == action.chat && waits(&refusal.retry_at) && (same || refusal.holds_chat && *paused != setting)
        };
        !self.settings.get(&setting).is_some_and(waits) && !self.actions.iter().any(is_paused)
    }

    /// Forgets all but those of the actions that `wait`.
    fn retain(&mut self, waiting: &HashSet<(ChatId, Setting, i64)>, now: Instant) {
        self.actions.retain(|&(chat, setting), refusal| waiting.contains(&(chat, setting, refusal.version)));
        self.settings.retain(|_, retry_at| *retry_at > now);
    }

    /// When the next of the pauses is over that are not over at `now`.
    fn next(&self, now: Instant) -> Option<Instant> {
        let pauses = self.actions.values().map(|refusal| refusal.retry_at).chain(self.settings.values().copied());
        pauses.filter(|retry_at| *retry_at > now).min()
    }
}

impl Outbox {
    /// Sends until the supervisor or the lane is gone; begins again after a pause if that panics.
    pub(super) async fn keep_running(self) {
        let mut pauses = Backoff::half_jitter(self.config.refused_base, self.config.refused_max);
        while AssertUnwindSafe(self.clone().run()).catch_unwind().await.is_err() {
            error!("Sending chat settings panicked; restarting it");
            sleep(pauses.next()).await;
        }
    }

    /// Sends until the supervisor or the lane is gone.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::half_jitter(self.config.action_retry_base, self.config.action_retry_max);
        let mut refusals = Refusals::default();
        loop {
            let Ok(link) = self.link.wait_for(|link| link.in_step().is_some()).await.map(|link| link.clone()) else {
                return;
            };
            let Some(session) = link.in_step() else { continue };
            let wait = match self.send_all(session.as_ref(), &mut refusals).await {
                Round::Idle(retry_at) => {
                    backoff.reset();
                    let poll = Instant::now() + self.config.pending_poll;
                    retry_at.map_or(poll, |retry_at| retry_at.min(poll))
                }
                Round::Failed => Instant::now() + backoff.next(),
                Round::LaneClosed => return,
            };
            let failed = backoff.running();
            tokio::select! {
                changed = self.link.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // Whatever failed, it failed on the connection that was.
                    backoff.reset();
                    refusals = Refusals::default();
                }
                // A pause after a failure is not cut short by one more request.
                () = self.wake.notified(), if !failed => {}
                () = sleep_until(wait) => {}
            }
        }
    }

    /// Sends what is pending. Reads again after each action: meanwhile a newer request may have taken its place, or an
    /// event may have settled it.
    async fn send_all(&self, session: &dyn Session, refusals: &mut Refusals) -> Round {
        let mut failures = 0;
        loop {
            let action = match self.next_due(refusals).await {
                Ok(Due::Now(action)) => *action,
                Ok(Due::From(moment)) => return Round::Idle(moment),
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "Reading pending actions failed");
                    return Round::Failed;
                }
            };
            let action = &action;
            let before = action.reading_before();
            let next = before.as_ref().unwrap_or(action);
            match session.set(next, self.wanted(action)).instrument(self.command_span(next)).await {
                Ok(()) => match self.tell(next, sent(next)).await {
                    Told::Committed => failures = 0,
                    Told::NotCommitted => return Round::Failed,
                    Told::LaneClosed => return Round::LaneClosed,
                },
                Err(SessionError::Refused(reason)) => {
                    warn!(chat.id = %action.chat, setting = ?action.desired.setting(), %reason, "WhatsApp rejected a chat setting");
                    let refusal = self.refusal(refusals, action);
                    refusal.times += 1;
                    refusal.retry_at = Instant::now() + refusal.backoff.next();
                    if refusal.times >= BELIEVED {
                        match self.tell(action, refused(action, reason)).await {
                            // One that could not be stored is tried again in its time.
                            Told::Committed | Told::NotCommitted => {}
                            Told::LaneClosed => return Round::LaneClosed,
                        }
                    }
                }
                Err(SessionError::NotNow) => {
                    debug!(chat.id = %action.chat, "A chat setting waits until app state is readable");
                    // So does that setting of any other chat.
                    let retry_at = Instant::now() + self.config.action_retry_base;
                    refusals.settings.insert(action.desired.setting(), retry_at);
                }
                // The next reading shows what took its place.
                Err(SessionError::NotWanted) => {
                    debug!(chat.id = %action.chat, "A chat setting was superseded before it was sent")
                }
                Err(SessionError::NotConnected) => {
                    debug!("Connection lost; pending actions wait");
                    return Round::Failed;
                }
                Err(error) => {
                    warn!(
                        chat.id = %action.chat,
                        setting = ?action.desired.setting(),
                        error = &error as &dyn std::error::Error,
                        "Sending a chat setting failed; it will be retried"
                    );
                    let refusal = self.refusal(refusals, action);
                    refusal.retry_at = Instant::now() + refusal.backoff.next();
                    refusal.holds_chat = true;
                    failures += 1;
                    if matches!(error, SessionError::Damaged) || failures >= MOST_FAILURES {
                        return Round::Failed;
                    }
                }
            }
        }
    }

    /// The next action that is due. Reads no further than that.
    async fn next_due(&self, refusals: &mut Refusals) -> Result<Due, StoreError> {
        let (mut waiting, mut last) = (HashSet::new(), None);
        loop {
            let page = (self.read)(self.key.clone(), Asked::Behind(last)).await?;
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

    /// Whether an action still waits.
    fn wanted(&self, action: &PendingAction) -> Wanted {
        let (read, key, action) = (Arc::clone(&self.read), self.key.clone(), action.clone());
        Arc::new(move || {
            let same = read(key.clone(), Asked::Same(action.clone()));
            Box::pin(async move { same.await.is_ok_and(|same| !same.is_empty()) })
        })
    }

    /// The refusals of an action so far.
    fn refusal<'a>(&self, refusals: &'a mut Refusals, action: &PendingAction) -> &'a mut Refusal {
        let fresh = || Refusal {
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

    /// The span of telling WhatsApp of an action: the start of a trace of its own, since nobody waits for it.
    fn command_span(&self, action: &PendingAction) -> Span {
        let setting = action.desired.setting();
        debug_span!(parent: None, "session command", session.id = %self.key.session, chat.id = %action.chat, ?setting)
    }

    /// Tells the lane what WhatsApp said to the action, and waits until that is stored.
    async fn tell(&self, action: &PendingAction, event: SessionEvent) -> Told {
        let (committed, stored) = oneshot::channel();
        if self.lane.send(Inbound { event, committed: Some(committed) }).await.is_err() {
            return Told::LaneClosed;
        }
        if stored.await.is_ok() {
            return Told::Committed;
        }
        warn!(chat.id = %action.chat, "Storing WhatsApp's answer to a chat setting failed; the setting will be sent again");
        Told::NotCommitted
    }
}

/// WhatsApp has the action.
fn sent(action: &PendingAction) -> SessionEvent {
    let &PendingAction { chat, version, desired, .. } = action;
    SessionEvent::ActionSent { chat, desired, version }
}

/// WhatsApp does not want it.
fn refused(action: &PendingAction, reason: String) -> SessionEvent {
    let &PendingAction { chat, version, desired, .. } = action;
    SessionEvent::ActionRefused { chat, setting: desired.setting(), version, reason }
}

/// What became of the news what WhatsApp said.
enum Told {
    Committed,
    NotCommitted,
    LaneClosed,
}

#[cfg(test)]
mod tests;
