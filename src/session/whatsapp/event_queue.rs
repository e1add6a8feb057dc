//! Inbound queue: all events of the library go through one queue, in order, to one reader per connection, which
//! translates them and sends them to the session's event queue.

mod history_import;
mod reader;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tracing::{debug, warn};
use whatsapp_rust::{
    Client, InboundDurabilityHook, anyhow,
    types::events::{Event, EventHandler, EventInterest, EventKind, InboundMessage},
    wacore::appstate::Mutation,
};

use super::{
    answers::Answers,
    contacts,
    event::{READ_ELSEWHERE, is_translated},
    history_part::{self, Part},
    message_order::MessageOrder,
};
use crate::{domain::person::Person, session::SessionMetrics};

pub(super) use history_import::{Arrived, Importer};
pub(super) use reader::{EventReader, HistoryQueue, LoginProgress};

/// One entry of the queue.
pub(super) enum QueueItem {
    /// An event of the library.
    Event(Arc<Event>),
    /// Messages that WhatsApp wants acknowledged; `forwarded` gets one receiver for each that is in the event queue.
    Messages {
        /// In WhatsApp's order, with their positions in it.
        messages: Vec<(InboundMessage, Option<i64>)>,
        forwarded: oneshot::Sender<Vec<oneshot::Receiver<()>>>,
    },
    /// An app-state action that is read from WhatsApp's response; a `replayed` one may be old.
    Action { mutation: Box<Mutation>, replayed: bool },
    /// The library learned mappings of addresses.
    People(Vec<Person>),
    /// All changes of an app-state collection up to `mark` are in the queue before this.
    SettingsDelivered { collection: String, mark: u64 },
    /// An app-state collection is still inconsistent after several attempts.
    Unreadable { collection: &'static str },
    /// A part of the history arrived.
    History { event: Arc<Event>, part: Arc<Part> },
    /// An announced part of the history is no longer available.
    HistoryGone { notice: String },
    /// Messages were not acknowledged.
    Unacknowledged,
    /// Notified once all earlier entries are stored.
    Milestone { stored: oneshot::Sender<()> },
    /// All changes from the time offline are in the queue before this, for this login.
    CaughtUp { login: u64 },
    /// A stored secret cannot be decrypted.
    Damaged,
    /// The library has finished this connection.
    Ended,
}

/// Sender of the queue.
///
/// Unbounded: the library reports most events from a function that cannot wait, and a dropped event would be lost
/// permanently. Back pressure is applied elsewhere: messages come singly or in batches of 400, and each waits for its
/// commit.
#[derive(Clone)]
pub(super) struct EventSink {
    /// Puts an entry in the queue; fails once the reader is gone. A function, because the compiler would otherwise check
    /// all event types of the library for `Send` again in each group of methods that has the sink.
    enqueue: Arc<dyn Fn(QueueItem) -> Result<(), ReceiverGone> + Send + Sync>,
    arrivals: Arc<MessageOrder>,
    answers: Arc<Answers>,
    commit_timeout: Duration,
    events: SessionMetrics,
}

/// Creates both ends of a queue; ignored events are counted in `events`.
pub(super) fn queue(
    commit_timeout: Duration,
    events: SessionMetrics,
) -> (EventSink, mpsc::UnboundedReceiver<QueueItem>) {
    let (queue, items) = mpsc::unbounded_channel();
    let enqueue = Arc::new(move |item| queue.send(item).map_err(|_| ReceiverGone));
    (EventSink { enqueue, arrivals: Arc::default(), answers: Arc::default(), commit_timeout, events }, items)
}

impl EventSink {
    /// Sets the message order of the session.
    pub(super) fn ordered_by(self, arrivals: Arc<MessageOrder>) -> Self {
        Self { arrivals, ..self }
    }

    /// Returns WhatsApp's responses about app state.
    pub(super) fn answers(&self) -> Arc<Answers> {
        Arc::clone(&self.answers)
    }

    /// Puts an entry in the queue; ignored once the reader is gone.
    pub(super) fn push(&self, item: QueueItem) {
        let _ = (self.enqueue)(item);
    }

    /// The metrics.
    pub(super) fn events(&self) -> SessionMetrics {
        self.events.clone()
    }

    /// Waits until all present entries are stored; returns whether they are.
    pub(super) async fn all_stored(&self) -> bool {
        let (stored, all) = oneshot::channel();
        self.push(QueueItem::Milestone { stored });
        all.await.is_ok()
    }

    async fn committed(&self, messages: Vec<(InboundMessage, Option<i64>)>) -> anyhow::Result<()> {
        let (forwarded, waiting) = oneshot::channel();
        let infos: Vec<_> = messages.iter().map(|(message, _)| Arc::clone(&message.info)).collect();
        let queued = (self.enqueue)(QueueItem::Messages { messages, forwarded });
        for info in infos {
            self.arrivals.settle(&info);
        }
        queued?;
        for committed in waiting.await? {
            committed.await?;
        }
        Ok(())
    }
}

impl EventHandler for EventSink {
    fn handle_event(&self, event: Arc<Event>) {
        match event.as_ref() {
            Event::RawNode(node) => {
                self.arrivals.comes(node);
                self.answers.comes(node);
                if let Some(person) = contacts::recipient(node) {
                    self.push(QueueItem::People(vec![person]));
                }
            }
            Event::UndecryptableMessage(message) => self.arrivals.is_unopened(&message.info),
            Event::OfflineSyncCompleted(_) => self.arrivals.caught_up(),
            _ => {}
        }
        let kind = event.kind();
        if kind == EventKind::HistorySync {
            // This runs in the library's own task, which identifies the part.
            self.push(QueueItem::History { event, part: history_part::arrived() });
        } else if is_translated(kind) {
            self.push(QueueItem::Event(event));
        } else if !READ_ELSEWHERE.contains(&kind) {
            debug!(?kind, "Ignored an event");
            self.events.ignored(format!("{kind:?}"));
        }
    }

    /// All kinds, so that ignored ones are counted; the raw stanzas have their own reader.
    fn interest(&self) -> EventInterest {
        EventInterest::ALL
    }
}

/// Acknowledges a message to WhatsApp only once it is committed. Other messages are delivered again on the next
/// connection, so the supervisor is notified of them.
#[async_trait]
impl InboundDurabilityHook for EventSink {
    async fn on_messages(&self, _client: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        if let [message] = batch {
            self.arrivals.turn(&message.info).await;
        }
        let messages = self.arrivals.in_order(batch);
        // Before waiting, because this future may be dropped.
        self.arrivals.may_come_again(&messages);
        let outcome = match timeout(self.commit_timeout, self.committed(messages.clone())).await {
            Ok(outcome) => outcome,
            Err(late) => Err(late.into()),
        };
        if outcome.is_ok() {
            self.arrivals.stored(&messages);
        } else {
            warn!(messages = batch.len(), "Messages were not committed in time and are not acknowledged to WhatsApp");
            self.push(QueueItem::Unacknowledged);
        }
        outcome
    }
}

/// The event queue's consumer or the supervisor is gone.
#[derive(Debug, thiserror::Error)]
#[error("the receiver of events is gone")]
struct ReceiverGone;

/// Value of a connection without a login that has caught up.
pub(super) const NO_LOGIN: u64 = 0;

/// Returns the number of the present login, counted from 1 on each client; `None` while logged out. Some lost
/// connections are only visible as a counted reconnect.
pub(super) fn login(client: &Client) -> Option<u64> {
    let login = client.stats().reconnects + 1;
    (client.is_connected() && client.is_logged_in()).then_some(login)
}
