//! The way in: everything the library tells goes through one queue, in the order it was told, to one reader per
//! connection, which puts it in domain words and on the lane.

mod import;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::debug;
use tracing::error;
use tracing::warn;
use whatsapp_rust::Client;
use whatsapp_rust::InboundDurabilityHook;
use whatsapp_rust::anyhow;
use whatsapp_rust::types::events::Event;
use whatsapp_rust::types::events::EventHandler;
use whatsapp_rust::types::events::EventInterest;
use whatsapp_rust::types::events::EventKind;
use whatsapp_rust::types::events::InboundMessage;

use super::arrivals::Arrivals;
use super::contacts;
use super::event::Heard;
use super::event::KINDS;
use super::event::translate;
use super::history;
use super::imports;
use super::imports::Kept;
use super::imports::Part;
use super::jid::Untranslatable;
use super::message;
use super::owner::Owner;
use crate::domain::jid::Jid;
use crate::domain::person::Person;
use crate::domain::session::Account;
use crate::session::Events;
use crate::session::Inbound;
use crate::session::SessionEvent;
use crate::session::Untranslated;
use crate::session::connection::Ending;
use crate::session::connection::Outlets;
use crate::session::connection::Signal;
pub(super) use import::Arrived;
pub(super) use import::Importer;

/// So many waiting entries are worth a warning.
const DEEP: usize = 10_000;
/// How long unlinking another account may take.
const TURN_AWAY: Duration = Duration::from_secs(20);

/// So many people are in one event: what bounds how long its unit takes.
const PEOPLE: usize = 100;

/// So many people are remembered as told; then it begins anew.
const MOST_TOLD: usize = 50_000;

/// One entry of the queue.
pub(super) enum Item {
    /// The library told something.
    Event(Arc<Event>),
    /// Messages that WhatsApp wants acknowledged; `forwarded` gets one receiver for each that is on the lane.
    Messages {
        /// In WhatsApp's order, with their places in it.
        messages: Vec<(InboundMessage, Option<i64>)>,
        forwarded: oneshot::Sender<Vec<oneshot::Receiver<()>>>,
    },
    /// The account's owner removed a contact.
    ContactRemoved { jid: Jid },
    /// The library learned whose addresses belong together.
    People(Vec<Person>),
    /// All that a collection of settings told up to `mark` is in the queue before this.
    SettingsTold { collection: String, mark: u64 },
    /// A collection of settings cannot be read, however often it is fetched.
    Unreadable { collection: &'static str },
    /// A part of the history arrived.
    History { event: Arc<Event>, part: Arc<Part> },
    /// A part of the history that was announced can no longer be had.
    HistoryGone { notice: String },
    /// Messages were not acknowledged.
    Unacknowledged,
    /// Somebody wants to know when all before this is stored.
    Milestone { stored: oneshot::Sender<()> },
    /// What changed while the connection was away is in the queue before this. `login` tells for which login.
    CaughtUp { login: u64 },
    /// What is remembered does not open.
    Damaged,
    /// The library is done with this connection.
    Ended,
}

/// The near end of the queue.
///
/// Unbounded: the library tells most events from a function that cannot wait, and a dropped event would be lost for good.
/// What can wait does: messages are told one by one or in batches of 400, and each waits for its commit.
#[derive(Clone)]
pub(super) struct Ears {
    queue: mpsc::UnboundedSender<Item>,
    arrivals: Arc<Arrivals>,
    commit_timeout: Duration,
    events: Events,
}

/// Makes the two ends of a queue; `events` counts what does not go into it.
pub(super) fn queue(commit_timeout: Duration, events: Events) -> (Ears, mpsc::UnboundedReceiver<Item>) {
    let (queue, items) = mpsc::unbounded_channel();
    (Ears { queue, arrivals: Arc::default(), commit_timeout, events }, items)
}

impl Ears {
    /// The same for a session whose messages are in this order.
    pub(super) fn ordered_by(self, arrivals: Arc<Arrivals>) -> Self {
        Self { arrivals, ..self }
    }

    /// Puts an entry in the queue; after the reader is gone, nowhere.
    pub(super) fn hear(&self, item: Item) {
        let _ = self.queue.send(item);
    }

    /// What is counted.
    pub(super) fn events(&self) -> Events {
        self.events.clone()
    }

    /// Waits until all that is in the queue by now is stored; tells whether it was.
    pub(super) async fn all_stored(&self) -> bool {
        let (stored, all) = oneshot::channel();
        self.hear(Item::Milestone { stored });
        all.await.is_ok()
    }

    async fn committed(&self, messages: Vec<(InboundMessage, Option<i64>)>) -> anyhow::Result<()> {
        let (forwarded, waiting) = oneshot::channel();
        let infos: Vec<_> = messages.iter().map(|(message, _)| Arc::clone(&message.info)).collect();
        let queued = self.queue.send(Item::Messages { messages, forwarded });
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

impl EventHandler for Ears {
    fn handle_event(&self, event: Arc<Event>) {
        match event.as_ref() {
            Event::RawNode(node) => {
                self.arrivals.comes(node);
                if let Some(person) = contacts::recipient(node) {
                    self.hear(Item::People(vec![person]));
                }
            }
            Event::UndecryptableMessage(message) => self.arrivals.is_unopened(&message.info),
            Event::OfflineSyncCompleted(_) => self.arrivals.caught_up(),
            _ => {}
        }
        let kind = event.kind();
        if kind == EventKind::HistorySync {
            // In the library's own task: that tells which part it is.
            self.hear(Item::History { event, part: imports::arrived() });
        } else if KINDS.contains(&kind) {
            self.hear(Item::Event(event));
        } else if kind != EventKind::RawNode {
            debug!(?kind, "Ignored an event");
            self.events.left_out(format!("{kind:?}"));
        }
    }

    /// All there are, so that none is left out unseen; the raw stanzas have a reader of their own.
    fn interest(&self) -> EventInterest {
        EventInterest::ALL
    }
}

/// Lets WhatsApp know of a message only once it is committed. One that was not is delivered again, on the next
/// connection, which is why the supervisor is told.
#[async_trait]
impl InboundDurabilityHook for Ears {
    async fn on_messages(&self, _client: Arc<Client>, batch: &[InboundMessage]) -> anyhow::Result<()> {
        if let [message] = batch {
            self.arrivals.turn(&message.info).await;
        }
        let messages = self.arrivals.in_order(batch);
        // Also if nobody waits for the outcome any more.
        self.arrivals.may_come_again(&messages);
        let outcome = match timeout(self.commit_timeout, self.committed(messages.clone())).await {
            Ok(outcome) => outcome,
            Err(late) => Err(late.into()),
        };
        if outcome.is_ok() {
            self.arrivals.stored(&messages);
        } else {
            warn!(messages = batch.len(), "Messages were not committed in time and are not acknowledged to WhatsApp");
            self.hear(Item::Unacknowledged);
        }
        outcome
    }
}

/// The lane or the supervisor is gone.
#[derive(Debug)]
struct NobodyListens;

/// The reader of the queue.
pub(super) struct Inbox {
    items: mpsc::UnboundedReceiver<Item>,
    outlets: Outlets,
    client: Arc<Client>,
    catch_up: mpsc::Sender<u64>,
    in_step: Arc<AtomicU64>,
    /// Where histories are read, beside everything else. Bounded by how many parts are fetched at the same time.
    histories: mpsc::UnboundedSender<Arrived>,
    /// The announcements of histories that are kept.
    kept: Arc<Kept>,
    /// The number last passed on for each LID; every message of a person tells both again.
    told: HashMap<Jid, Jid>,
    owner: Owner,
    events: Events,
    warned: bool,
}

impl Inbox {
    /// Reads `items`, which `client` fills, into `outlets`. Asks `catch_up` for each login, and keeps in `in_step` the
    /// login (see [`login`]) that has caught up. Of a device that is linked to another account than the `owner`'s,
    /// nothing is read but that. `events` counts what has no words here.
    pub(super) fn new(
        (items, events): (mpsc::UnboundedReceiver<Item>, Events),
        outlets: Outlets,
        client: Arc<Client>,
        (catch_up, in_step): (mpsc::Sender<u64>, Arc<AtomicU64>),
        owner: Owner,
        (histories, kept): (mpsc::UnboundedSender<Arrived>, Arc<Kept>),
    ) -> Self {
        let (told, warned) = (HashMap::new(), false);
        Self { items, outlets, client, catch_up, in_step, histories, kept, told, owner, events, warned }
    }

    /// Reads until the connection has ended.
    pub(super) async fn run(mut self) {
        while let Some(item) = self.items.recv().await {
            self.watch_depth();
            if matches!(item, Item::Ended) {
                // Ignored when the supervisor knows a better reason by now.
                let _ = self.signal(Signal::Ended(Ending::Dropped)).await;
                return;
            }
            if self.take(item).await.is_err() {
                error!("The session's inbound queue is closed");
                return;
            }
        }
    }

    async fn take(&mut self, item: Item) -> Result<(), NobodyListens> {
        match item {
            Item::Event(event) => match event.as_ref() {
                Event::Messages(batch) => {
                    self.met_writers(batch.iter()).await?;
                    let heard = translate(&event, self.owner.account.as_ref());
                    self.heard(&event, heard).await
                }
                event => self.heard(event, translate(event, self.owner.account.as_ref())).await,
            },
            Item::Messages { messages, forwarded } => {
                let mut waiting = Vec::new();
                // Before the messages: they find one chat then.
                self.met_writers(messages.iter().map(|(message, _)| message)).await?;
                let own = if self.owner.is_another { &[][..] } else { &messages };
                for (message, order) in own {
                    let (committed, stored) = oneshot::channel();
                    let event = match self.told_by(message) {
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
                // The hook may have stopped waiting.
                let _ = forwarded.send(waiting);
                Ok(())
            }
            Item::ContactRemoved { .. } if self.owner.is_another => Ok(()),
            Item::ContactRemoved { jid } => self.forward(SessionEvent::ContactRemoved { jid }, None).await,
            Item::People(people) => self.met(people, 0).await,
            Item::SettingsTold { collection, mark } => {
                self.forward(SessionEvent::SettingsTold { collection, mark }, None).await
            }
            Item::Unreadable { collection } => self.signal(Signal::Ended(Ending::Unreadable { collection })).await,
            Item::Damaged => self.signal(Signal::Ended(Ending::Damaged)).await,
            Item::History { part, .. } if self.owner.is_another => {
                part.is_done();
                Ok(())
            }
            Item::History { event, part } => {
                // Nobody takes it when the connection was cut: the next one fetches it again.
                let _ = self.histories.send((event, part));
                Ok(())
            }
            Item::HistoryGone { notice } => {
                self.forward(SessionEvent::HistoryLost, None).await?;
                self.forward(SessionEvent::HistoryTold { notice }, None).await
            }
            Item::Unacknowledged => self.signal(Signal::Unacknowledged).await,
            Item::Milestone { stored } => self.forward(SessionEvent::Milestone, Some(stored)).await,
            Item::CaughtUp { login: caught_up } => {
                // Not when the connection was lost meanwhile: the next login catches up anew.
                if login(&self.client) != Some(caught_up) {
                    return Ok(());
                }
                self.in_step.store(caught_up, Ordering::Release);
                self.forward(SessionEvent::HistoryExpected, None).await?;
                self.signal(Signal::InStep).await
            }
            Item::Ended => Ok(()),
        }
    }

    async fn heard(&mut self, event: &Event, heard: Vec<Heard>) -> Result<(), NobodyListens> {
        for heard in heard {
            match heard {
                Heard::News(_) | Heard::Untranslatable(_) if self.owner.is_another => {}
                Heard::Untranslatable(error) => {
                    let untranslated = self.untranslated(&format!("{:?}", event.kind()), error, event);
                    self.forward(untranslated, None).await?;
                }
                Heard::News(event) => self.forward(event, None).await?,
                Heard::Signal(signal) => self.signal(signal).await?,
                Heard::Paired(account) => self.paired(account).await?,
                Heard::LoggedIn if self.owner.is_another => self.turn_away().await?,
                Heard::LoggedIn => {
                    if let Some(login) = login(&self.client) {
                        // Full means that the one before is still being caught up with; it is asked again after it.
                        let _ = self.catch_up.send(login).await;
                    }
                }
            }
        }
        Ok(())
    }

    /// The event for what has no words here: it is counted, and kept as the library has it.
    fn untranslated(&self, kind: &str, error: Untranslatable, told: &impl Serialize) -> SessionEvent {
        warn!(kind, error = &error as &dyn std::error::Error, "An event has an unsupported address");
        self.events.untranslatable(kind, 1);
        let payload = serde_json::to_vec(told).unwrap_or_default();
        SessionEvent::Untranslated(Untranslated { kind: kind.to_owned(), reason: error.to_string(), payload })
    }

    /// Passes on the addresses of those who wrote messages.
    async fn met_writers(
        &mut self,
        messages: impl Iterator<Item = &InboundMessage> + Send,
    ) -> Result<(), NobodyListens> {
        for message in messages {
            if let Some(person) = message::writer(message) {
                self.met(vec![person], message.info.timestamp.timestamp_millis()).await?;
            }
        }
        Ok(())
    }

    /// Passes on which addresses are one person's at a time, if that differs from what was passed on last.
    async fn met(&mut self, mut people: Vec<Person>, at: i64) -> Result<(), NobodyListens> {
        // Whom another account knows is no matter of this one.
        if self.owner.is_another {
            return Ok(());
        }
        if self.told.len() >= MOST_TOLD {
            self.told.clear();
        }
        people.retain(|person| {
            let before = self.told.insert(person.lid.clone(), person.phone.clone());
            before.as_ref() != Some(&person.phone)
        });
        for part in people.chunks(PEOPLE) {
            self.forward(SessionEvent::SamePerson { people: part.to_vec(), at }, None).await?;
        }
        Ok(())
    }

    async fn paired(&mut self, account: Account) -> Result<(), NobodyListens> {
        self.owner.is_another = !self.owner.may_be(&account);
        if self.owner.is_another {
            warn!("A different account was paired; unlinking it");
        } else {
            self.owner.account = Some(account.clone());
            let Account { jid, lid } = account;
            self.forward(SessionEvent::Paired { jid, lid }, None).await?;
        }
        self.signal(Signal::Paired).await
    }

    /// Unlinks the device from an account that is not the owner's. It is forgotten here in any case.
    async fn turn_away(&mut self) -> Result<(), NobodyListens> {
        if timeout(TURN_AWAY, self.client.logout()).await.is_err() {
            warn!("Unlinking timed out; the other account's phone may still list this device");
        }
        self.signal(Signal::Ended(Ending::AnotherAccount)).await
    }

    /// What a message says. The announcement of a part of the history is kept by now, and says nothing more. One that is
    /// not was lost in a crash: WhatsApp sends the message again, and the library has it without the announcement.
    fn told_by(&self, message: &InboundMessage) -> Result<Option<SessionEvent>, Untranslatable> {
        match message::announced(message) {
            Some(notice) if self.kept.has(&notice) => Ok(None),
            Some(notice) => Ok(Some(SessionEvent::HistoryAnnounced { notice })),
            None => message::delivered(message),
        }
    }

    async fn forward(&self, event: SessionEvent, committed: Option<oneshot::Sender<()>>) -> Result<(), NobodyListens> {
        self.outlets.lane.send(Inbound { event, committed }).await.map_err(|_| NobodyListens)
    }

    async fn signal(&self, signal: Signal) -> Result<(), NobodyListens> {
        self.outlets.signals.send(signal).await.map_err(|_| NobodyListens)
    }

    fn watch_depth(&mut self) {
        let depth = self.items.len();
        if depth >= DEEP && !self.warned {
            warn!(depth, "The session's inbound queue is filling up");
        }
        self.warned = depth >= DEEP;
    }
}

/// A message with its place in WhatsApp's order; anything else as it is.
fn placed(event: SessionEvent, order: Option<i64>) -> SessionEvent {
    match (event, order) {
        (SessionEvent::Message(message), Some(order)) => SessionEvent::Delivered { message, order },
        (event, _) => event,
    }
}

/// No login is in step.
pub(super) const NO_LOGIN: u64 = 0;

/// The number of the present login, counted from 1 on each client; none while it is not logged in. The library tells of
/// some lost connections only by counting a reconnect.
pub(super) fn login(client: &Client) -> Option<u64> {
    let login = client.stats().reconnects + 1;
    (client.is_connected() && client.is_logged_in()).then_some(login)
}
