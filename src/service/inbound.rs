//! The other door: what WhatsApp says happened, applied to the stored copy. One lane per session, drained in order; an
//! event is acknowledged once it is committed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use tracing::error;
use tracing::info_span;

use crate::domain::action::Desired;
use crate::domain::change::Origin;
use crate::domain::clock::Clock;
use crate::domain::session::SessionStatus;
use crate::session::Inbound;
use crate::session::Lane;
use crate::session::SessionEvent;
use crate::session::SessionKey;
use crate::store::Store;
use crate::store::Unit;
use crate::store::error::StoreError;

use super::call_news::CallNews;
use super::inbound_chat;
use super::inbound_contact;
use super::inbound_person;
use super::inbound_rewriting;
use super::inbound_session;
use super::mutes::Mutes;
use super::reading;
use super::refusal;
use super::session_news::SessionNews;
use super::sweeper::Sweeper;

/// Events that wait on one lane before the session has to.
const LANE: usize = 256;
/// How often an event is tried before it is set aside, and how long to wait in between.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);
/// How long to wait for a database that is away; the events wait with it.
const OUTAGE_PAUSE: Duration = Duration::from_millis(500);

/// Who is told of what was committed.
#[derive(Clone, Default)]
pub struct Told {
    /// What is new about a session.
    pub news: SessionNews,
    /// Something was deleted.
    pub sweeper: Sweeper,
    /// A chat is muted for a while.
    pub mutes: Mutes,
    /// A call rings.
    pub calls: CallNews,
}

/// Opens lanes and drains them into the stored copy.
#[derive(Clone)]
pub struct Inbox {
    store: Store,
    told: Told,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Inbox {
    /// Makes the inbox; its tasks end when their lanes close or `stop` is cancelled.
    #[must_use]
    pub fn new(store: Store, told: Told, clock: Arc<dyn Clock>, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { store, told, clock, tasks, stop }
    }

    /// Opens the lane of a session.
    #[must_use]
    pub fn open(&self, key: SessionKey) -> Lane {
        let (lane, events) = mpsc::channel(LANE);
        let span = info_span!(parent: None, "inbound", session.id = %key.session);
        self.tasks.spawn(self.clone().drain(key, events).instrument(span));
        lane
    }

    async fn drain(self, key: SessionKey, mut events: mpsc::Receiver<Inbound>) {
        loop {
            let next = tokio::select! {
                () = self.stop.cancelled() => None,
                next = events.recv() => next,
            };
            let Some(Inbound { event, committed }) = next else { return };
            // Nothing of it is stored, and it is no use later.
            if let SessionEvent::Calling(call) = &event {
                self.told.calls.tell(&key, call);
                continue;
            }
            let event = Arc::new(event);
            if self.persist(&key, &event).await {
                self.told.of(&key, &event);
                if let Some(committed) = committed {
                    // Whoever stopped waiting will hear the event again, and it will be no change.
                    let _ = committed.send(());
                }
            }
        }
    }

    /// Tries an event until it is committed; tells whether it was. One that fails each time though the database is there
    /// is set aside: it must not block the lane for ever.
    async fn persist(&self, key: &SessionKey, event: &Arc<SessionEvent>) -> bool {
        let mut attempt = 1;
        while attempt <= ATTEMPTS {
            let Err(failed) = self.apply(key, event).await else { return true };
            error!(error = &failed as &dyn std::error::Error, attempt, "An event was not applied");
            let pause = if failed.is_passing() { OUTAGE_PAUSE } else { PAUSE * attempt };
            tokio::select! {
                () = self.stop.cancelled() => return false,
                () = tokio::time::sleep(pause) => attempt += u32::from(!failed.is_passing()),
            }
        }
        error!("An event is set aside");
        false
    }

    async fn apply(&self, key: &SessionKey, event: &Arc<SessionEvent>) -> Result<(), StoreError> {
        let (whose, event, now) = (key.clone(), Arc::clone(event), self.clock.now());
        let logged_out = matches!(&*event, SessionEvent::Status { status: SessionStatus::LoggedOut, .. });
        self.store
            .write_in(&key.organization, key.session, move |unit| {
                Box::pin(async move { apply(unit, &whose, &event, now).await })
            })
            .await?;
        if logged_out { refusal::refuse_waiting(&self.store, key, now).await } else { Ok(()) }
    }
}

impl Told {
    /// Tells whom it concerns.
    fn of(&self, key: &SessionKey, event: &SessionEvent) {
        match event {
            SessionEvent::Status { .. }
            | SessionEvent::Paired { .. }
            | SessionEvent::PairingRenewed
            | SessionEvent::HistoryExpected { .. }
            | SessionEvent::HistoryLost => self.news.tell(&key.organization),
            SessionEvent::History(chunk) => {
                self.news.tell(&key.organization);
                chunk.chats.iter().filter_map(|chat| chat.muted_until.flatten()).for_each(|end| self.mutes.until(end));
            }
            SessionEvent::Setting { value: Desired::MutedUntil(Some(end)), .. } => self.mutes.until(*end),
            SessionEvent::Emptied { .. } => self.sweeper.wake(),
            SessionEvent::Setting { .. }
            | SessionEvent::Message(_)
            | SessionEvent::Rewritten(_)
            | SessionEvent::ContactNamed { .. }
            | SessionEvent::ContactRemoved { .. }
            | SessionEvent::BusinessNamed { .. }
            | SessionEvent::NumberChanged { .. }
            | SessionEvent::GroupNamed { .. }
            | SessionEvent::Calling(_)
            | SessionEvent::SamePerson(_)
            | SessionEvent::ReadElsewhere { .. }
            | SessionEvent::HistoryAnnounced { .. }
            | SessionEvent::HistoryTold { .. }
            | SessionEvent::SettingsTold { .. }
            | SessionEvent::Milestone
            | SessionEvent::ActionSent { .. }
            | SessionEvent::ActionRefused { .. } => {}
        }
    }
}

/// Applies one event in its unit of work. An event of a session that was deleted meanwhile has nowhere to go.
async fn apply(unit: &mut Unit<'_>, key: &SessionKey, event: &SessionEvent, now: i64) -> Result<(), StoreError> {
    match event {
        SessionEvent::Status { status, reason } => {
            inbound_session::status(unit, key, *status, reason.as_deref(), now).await
        }
        SessionEvent::Paired { jid, lid } => inbound_session::paired(unit, key, jid, lid.as_ref()).await,
        SessionEvent::Setting { chat, value, as_of, up_to, replayed } => {
            let (value, as_of, replayed) = (*value, *as_of, *replayed);
            let made = inbound_chat::Made { value, as_of, up_to: up_to.as_ref(), address: Some(chat), replayed };
            inbound_chat::setting(unit, key, chat, made, now).await
        }
        SessionEvent::SamePerson(people) => inbound_person::same_person(unit, key, people, now, Origin::Device).await,
        SessionEvent::ReadElsewhere { chat, wa_ids, at } => {
            let receipt = reading::Receipt { chat: chat.as_ref(), wa_ids, at: *at };
            reading::receipt(unit, key, receipt, now).await
        }
        SessionEvent::Message(message) => inbound_chat::message(unit, key, message, now).await,
        SessionEvent::Rewritten(rewriting) => inbound_rewriting::rewritten(unit, key, rewriting, now).await,
        SessionEvent::Emptied { chat, up_to, as_of, deleted } => {
            let news = inbound_rewriting::Emptied { chat, up_to, as_of: *as_of, deleted: *deleted };
            inbound_rewriting::emptied(unit, key, news, now).await
        }
        SessionEvent::ContactRemoved { jid } => inbound_contact::removed(unit, key, jid, now).await,
        SessionEvent::BusinessNamed { jid, name } => inbound_contact::business_named(unit, key, jid, name, now).await,
        SessionEvent::NumberChanged { old, new } => inbound_contact::number_changed(unit, key, old, new, now).await,
        SessionEvent::ContactNamed { jid, name } | SessionEvent::GroupNamed { jid, subject: name } => {
            inbound_chat::named(unit, key, jid, name, now).await
        }
        SessionEvent::ActionSent { chat, desired, version } => {
            inbound_chat::action_sent(unit, key, *chat, (*desired, *version), now).await
        }
        SessionEvent::ActionRefused { chat, setting, version, reason } => {
            refusal::action_refused(unit, key, *chat, (*setting, *version), reason, now).await
        }
        SessionEvent::History(chunk) => inbound_session::history(unit, key, chunk, now).await,
        SessionEvent::HistoryAnnounced { notice } => unit.history_announced(key.session, notice).await,
        SessionEvent::HistoryTold { notice } => unit.history_stored(key.session, notice).await,
        SessionEvent::HistoryExpected { notices } => inbound_session::history_expected(unit, key, notices).await,
        SessionEvent::HistoryLost => inbound_session::history_lost(unit, key).await,
        SessionEvent::SettingsTold { collection, mark } => unit.settings_told(key.session, collection, *mark).await,
        SessionEvent::PairingRenewed | SessionEvent::Milestone | SessionEvent::Calling(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
