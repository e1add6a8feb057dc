//! The reader of the queue: translates the library's events, and sends them to the session's event queue.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tracing::{error, warn};
use whatsapp_rust::{
    Client,
    types::events::{Event, InboundMessage},
};

use super::{Arrived, QueueItem, ReceiverGone, login};
use crate::{
    domain::{jid::Jid, person::Person, session::Account},
    session::{
        InboundEvent, SessionEvent, SessionMetrics, Untranslated,
        connection::{ConnectionEvent, DisconnectReason, EventSinks},
        whatsapp::{
            account_check::ExpectedAccount, actions, event::translate, history_part::StoredNotices,
            jid::Untranslatable, message, translated::Translated,
        },
    },
};

/// Number of waiting entries that is worth a warning.
const QUEUE_WARN_LEN: usize = 10_000;

/// Time limit for unlinking another account.
const UNLINK_TIMEOUT: Duration = Duration::from_secs(20);

/// Maximum number of people per event; bounds the time of its unit.
const PEOPLE: usize = 100;

/// Maximum number of remembered people; the memory is cleared then.
const MAX_REPORTED_PEOPLE: usize = 50_000;

/// The progress of a connection from its login on.
pub(in crate::session::whatsapp) struct LoginProgress {
    /// Receives each login, which then has to catch up.
    pub(in crate::session::whatsapp) catch_up: mpsc::Sender<u64>,
    /// The login (see [`login`]) that has caught up.
    pub(in crate::session::whatsapp) in_step: Arc<AtomicU64>,
}

/// Histories, which are parsed separately.
pub(in crate::session::whatsapp) struct HistoryQueue {
    /// Bounded by the number of concurrent downloads.
    pub(in crate::session::whatsapp) arrived: mpsc::UnboundedSender<Arrived>,
    /// The stored announcements.
    pub(in crate::session::whatsapp) stored_notices: Arc<StoredNotices>,
}

/// The reader of the queue.
pub(in crate::session::whatsapp) struct EventReader {
    items: mpsc::UnboundedReceiver<QueueItem>,
    sinks: EventSinks,
    client: Arc<Client>,
    logins: LoginProgress,
    histories: HistoryQueue,
    /// The number last reported for each LID; every message repeats both.
    reported: HashMap<Jid, Jid>,
    owner: ExpectedAccount,
    events: SessionMetrics,
    warned: bool,
}

impl EventReader {
    /// Creates the reader of `items`, which `client` fills, into `sinks`. Events of a device that is linked to another
    /// account than the `owner`'s are ignored. Unsupported events are counted in `events`.
    pub(in crate::session::whatsapp) fn new(
        items: mpsc::UnboundedReceiver<QueueItem>,
        sinks: EventSinks,
        client: Arc<Client>,
        logins: LoginProgress,
        owner: ExpectedAccount,
        histories: HistoryQueue,
        events: SessionMetrics,
    ) -> Self {
        let (reported, warned) = (HashMap::new(), false);
        Self { items, sinks, client, logins, histories, reported, owner, events, warned }
    }

    /// Reads until the connection has ended.
    pub(in crate::session::whatsapp) async fn run(mut self) {
        while let Some(item) = self.items.recv().await {
            self.watch_depth();
            if matches!(item, QueueItem::Ended) {
                // Ignored if the supervisor already knows a more specific reason.
                let _ = self.signal(ConnectionEvent::Ended(DisconnectReason::Dropped)).await;
                return;
            }
            if self.handle(item).await.is_err() {
                error!("The session's inbound queue is closed");
                return;
            }
        }
    }

    async fn handle(&mut self, item: QueueItem) -> Result<(), ReceiverGone> {
        match item {
            QueueItem::Event(event) => match event.as_ref() {
                Event::Messages(batch) => {
                    self.report_writers(batch.iter()).await?;
                    let translations = translate(&event, self.owner.account.as_ref());
                    self.dispatch(&event, translations).await
                }
                event => self.dispatch(event, translate(event, self.owner.account.as_ref())).await,
            },
            QueueItem::Messages { messages, forwarded } => {
                let mut waiting = Vec::new();
                // Before the messages, so that they find one chat.
                self.report_writers(messages.iter().map(|(message, _)| message)).await?;
                let own = if self.owner.is_another { &[][..] } else { &messages };
                for (message, order) in own {
                    let (committed, stored) = oneshot::channel();
                    let event = match self.event_of(message) {
                        Ok(event) => event.map(|event| placed(event, *order)),
                        Err(error) => Some(self.untranslated("message", error, message)),
                    };
                    if let Some(event) = event {
                        self.forward(event, Some(committed)).await?;
                        waiting.push(stored);
                    }
                    if let Some(event) = message::business(message) {
                        self.forward(event, None).await?;
                    }
                }
                // The hook may have been dropped.
                let _ = forwarded.send(waiting);
                Ok(())
            }
            QueueItem::Action { .. } if self.owner.is_another => Ok(()),
            QueueItem::Action { mutation, replayed } => {
                let events = actions::translate(&mutation, replayed).unwrap_or_else(|error| {
                    let kind = mutation.index.first().map_or("", String::as_str);
                    vec![self.untranslated(kind, error, &mutation.action_value)]
                });
                for event in events {
                    self.forward(event, None).await?;
                }
                Ok(())
            }
            QueueItem::People(people) => self.report_people(people, 0).await,
            QueueItem::SettingsDelivered { collection, mark } => {
                self.forward(SessionEvent::CollectionSynced { collection, mark }, None).await
            }
            QueueItem::Unreadable { collection } => {
                self.signal(ConnectionEvent::Ended(DisconnectReason::Unreadable { collection })).await
            }
            QueueItem::Damaged => self.signal(ConnectionEvent::Ended(DisconnectReason::Damaged)).await,
            QueueItem::History { part, .. } if self.owner.is_another => {
                part.is_done();
                Ok(())
            }
            QueueItem::History { event, part } => {
                // The reader is gone if the connection was cancelled: the next one downloads it again.
                let _ = self.histories.arrived.send((event, part));
                Ok(())
            }
            QueueItem::HistoryGone { notice } => {
                self.forward(SessionEvent::HistoryLost, None).await?;
                self.forward(SessionEvent::HistoryPartDone { notice }, None).await
            }
            QueueItem::Unacknowledged => self.signal(ConnectionEvent::CommitTimedOut).await,
            QueueItem::Milestone { stored } => self.forward(SessionEvent::Barrier, Some(stored)).await,
            QueueItem::CaughtUp { login: caught_up } => {
                // Not after a loss of the connection: the next login catches up again.
                if login(&self.client) != Some(caught_up) {
                    return Ok(());
                }
                self.logins.in_step.store(caught_up, Ordering::Release);
                self.forward(SessionEvent::HistoryExpected, None).await?;
                self.signal(ConnectionEvent::Synced).await
            }
            QueueItem::Ended => Ok(()),
        }
    }

    async fn dispatch(&mut self, event: &Event, translations: Vec<Translated>) -> Result<(), ReceiverGone> {
        for translated in translations {
            match translated {
                Translated::Event(_) | Translated::Untranslatable(_) if self.owner.is_another => {}
                Translated::Untranslatable(error) => {
                    let untranslated = self.untranslated(&format!("{:?}", event.kind()), error, event);
                    self.forward(untranslated, None).await?;
                }
                Translated::Event(event) => self.forward(event, None).await?,
                Translated::Signal(signal) => self.signal(signal).await?,
                Translated::Paired(account) => self.paired(account).await?,
                Translated::LoggedIn if self.owner.is_another => self.unlink_wrong_account().await?,
                Translated::LoggedIn => {
                    if let Some(login) = login(&self.client) {
                        // This waits while an earlier login is being caught up with.
                        let _ = self.logins.catch_up.send(login).await;
                    }
                }
            }
        }
        Ok(())
    }

    /// Creates the event for an unsupported one: counts it, and serialises it as the library has it.
    fn untranslated(&self, kind: &str, error: Untranslatable, source: &impl Serialize) -> SessionEvent {
        warn!(kind, error = &error as &dyn std::error::Error, "An event has an unsupported address");
        self.events.untranslatable(kind, 1);
        let payload = serde_json::to_vec(source).unwrap_or_default();
        SessionEvent::Untranslated(Untranslated { kind: kind.to_owned(), reason: error.to_string(), payload })
    }

    /// Reports the addresses of message senders.
    async fn report_writers(
        &mut self,
        messages: impl Iterator<Item = &InboundMessage> + Send,
    ) -> Result<(), ReceiverGone> {
        for message in messages {
            if let Some(person) = message::writer(message) {
                self.report_people(vec![person], message.info.timestamp.timestamp_millis()).await?;
            }
        }
        Ok(())
    }

    /// Reports which addresses belong to one person at a time, if that differs from the last report.
    async fn report_people(&mut self, mut people: Vec<Person>, at: i64) -> Result<(), ReceiverGone> {
        // People known to another account do not concern this one.
        if self.owner.is_another {
            return Ok(());
        }
        if self.reported.len() >= MAX_REPORTED_PEOPLE {
            self.reported.clear();
        }
        people.retain(|person| {
            let before = self.reported.insert(person.lid.clone(), person.phone.clone());
            before.as_ref() != Some(&person.phone)
        });
        for part in people.chunks(PEOPLE) {
            self.forward(SessionEvent::SamePerson { people: part.to_vec(), at }, None).await?;
        }
        Ok(())
    }

    async fn paired(&mut self, account: Account) -> Result<(), ReceiverGone> {
        self.owner.is_another = !self.owner.matches(&account);
        if self.owner.is_another {
            warn!("A different account was paired; unlinking it");
        } else {
            self.owner.account = Some(account.clone());
            let Account { jid, lid } = account;
            self.forward(SessionEvent::Paired { jid, lid }, None).await?;
        }
        self.signal(ConnectionEvent::Paired).await
    }

    /// Unlinks the device from an account that is not the owner's. It is forgotten here in any case.
    async fn unlink_wrong_account(&mut self) -> Result<(), ReceiverGone> {
        if timeout(UNLINK_TIMEOUT, self.client.logout()).await.is_err() {
            warn!("Unlinking timed out; the other account's phone may still list this device");
        }
        self.signal(ConnectionEvent::Ended(DisconnectReason::WrongAccount)).await
    }

    /// Translates a message. A history announcement that is stored needs no event. One that is not stored was lost in a
    /// crash: WhatsApp sends the message again, but the library has it without the announcement.
    fn event_of(&self, message: &InboundMessage) -> Result<Option<SessionEvent>, Untranslatable> {
        match message::announced(message) {
            Some(notice) if self.histories.stored_notices.has(&notice) => Ok(None),
            Some(notice) => Ok(Some(SessionEvent::HistoryAnnounced { notice })),
            None => message::delivered(message),
        }
    }

    async fn forward(&self, event: SessionEvent, committed: Option<oneshot::Sender<()>>) -> Result<(), ReceiverGone> {
        self.sinks.sender.send(InboundEvent { event, committed }).await.map_err(|_| ReceiverGone)
    }

    async fn signal(&self, signal: ConnectionEvent) -> Result<(), ReceiverGone> {
        self.sinks.signals.send(signal).await.map_err(|_| ReceiverGone)
    }

    fn watch_depth(&mut self) {
        let depth = self.items.len();
        if depth >= QUEUE_WARN_LEN && !self.warned {
            warn!(depth, "The session's inbound queue is filling up");
        }
        self.warned = depth >= QUEUE_WARN_LEN;
    }
}

/// Adds the position in WhatsApp's order to a message; returns other events unchanged.
fn placed(event: SessionEvent, order: Option<i64>) -> SessionEvent {
    match (event, order) {
        (SessionEvent::Message(message), Some(order)) => SessionEvent::Delivered { message, order },
        (event, _) => event,
    }
}
