//! Fake connections for tests: the test sends their signals and reads the actions they received.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Config, Endpoint, InboundEvent, Registry, SessionEvent, SessionKey,
    connection::{Connection, ConnectionEvent, Connector, DisconnectReason, EventSinks, SessionError, StillWanted},
    outbox::ReadPending,
};
use crate::domain::{
    clock::Clock,
    id::SessionId,
    jid::Jid,
    pending_action::PendingAction,
    session::{SessionStatus, StatusReason},
};

/// Longer than any wait in a test, in the tests' paused time.
const LONG_WAIT: Duration = Duration::from_hours(24);

/// The lifetime of a phone pairing code.
pub(super) const PHONE_CODE: Duration = Duration::from_mins(3);

/// A clock that always returns [`NOW`].
pub(super) struct StoppedClock;

/// The time on the [`StoppedClock`].
pub(super) const NOW: i64 = 1_700_000_000_000;

impl Clock for StoppedClock {
    fn now(&self) -> i64 {
        NOW
    }
}

/// Creates fake connections and counts the open ones.
pub(super) struct FakeWhatsApp {
    made: mpsc::UnboundedSender<Arc<FakeConnection>>,
    live: Arc<AtomicUsize>,
    most_live: AtomicUsize,
    pub(super) forgotten: AtomicUsize,
    /// The number of connection attempts that still panic.
    pub(super) panics: AtomicUsize,
}

/// One fake connection.
pub(super) struct FakeConnection {
    pub(super) sinks: EventSinks,
    live: Arc<AtomicUsize>,
    sent: Mutex<Vec<PendingAction>>,
    answers: Mutex<VecDeque<Result<(), SessionError>>>,
    action_received: Notify,
}

impl FakeConnection {
    /// Sends a signal to the supervisor.
    pub(super) async fn signals(&self, signal: ConnectionEvent) {
        self.sinks.signals.send(signal).await.expect("the supervisor listens");
    }

    /// Queues the result of the next setting. Without queued results, each setting succeeds.
    pub(super) fn answers(&self, answer: Result<(), SessionError>) {
        locked(&self.answers).push_back(answer);
    }

    /// Waits until the connection receives a setting.
    pub(super) async fn wait_for_send(&self) {
        timeout(LONG_WAIT, self.action_received.notified()).await.expect("a setting within the time limit");
    }

    /// The settings that the connection received, in order.
    pub(super) fn received_actions(&self) -> Vec<PendingAction> {
        locked(&self.sent).clone()
    }
}

impl Connection for FakeConnection {
    fn set<'a>(&'a self, action: &'a PendingAction, _wanted: StillWanted) -> BoxFuture<'a, Result<(), SessionError>> {
        Box::pin(async move {
            locked(&self.sent).push(action.clone());
            self.action_received.notify_one();
            locked(&self.answers).pop_front().unwrap_or(Ok(()))
        })
    }

    fn reject_call<'a>(&'a self, _call: &'a str, _from: &'a Jid) -> BoxFuture<'a, Result<(), SessionError>> {
        Box::pin(async move { Ok(()) })
    }

    fn send_text<'a>(&'a self, _to: &'a Jid, _text: &'a str) -> BoxFuture<'a, Result<String, SessionError>> {
        Box::pin(async move { Ok("3EB0".into()) })
    }

    fn phone_code<'a>(&'a self, phone: &'a str) -> BoxFuture<'a, Result<String, SessionError>> {
        Box::pin(async move {
            let code = phone.chars().rev().take(8).collect::<String>();
            self.signals(ConnectionEvent::PhoneCode { code: code.clone(), valid_for: PHONE_CODE }).await;
            Ok(code)
        })
    }

    fn resync(&self) -> BoxFuture<'_, Result<(), SessionError>> {
        Box::pin(async move { Ok(()) })
    }

    fn log_out(&self) -> BoxFuture<'_, Result<(), SessionError>> {
        Box::pin(async move {
            self.signals(ConnectionEvent::Ended(DisconnectReason::LoggedOut(StatusReason::unlinked()))).await;
            Ok(())
        })
    }

    fn disconnect(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // Closing takes time, so that a supervisor that does not wait is detected.
            tokio::time::sleep(Duration::from_millis(500)).await;
            self.live.fetch_sub(1, Ordering::SeqCst);
        })
    }
}

impl Connector for FakeWhatsApp {
    fn connect<'a>(
        &'a self,
        _key: &'a SessionKey,
        sinks: EventSinks,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, SessionError>> {
        Box::pin(async move {
            let panics = self.panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            assert!(panics.is_err(), "this attempt panics, as the test asked");
            let live = self.live.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_live.fetch_max(live, Ordering::SeqCst);
            let connection = Arc::new(FakeConnection {
                sinks,
                live: Arc::clone(&self.live),
                sent: Mutex::default(),
                answers: Mutex::default(),
                action_received: Notify::new(),
            });
            self.made.send(Arc::clone(&connection)).expect("the test listens");
            Ok::<Arc<dyn Connection>, _>(connection)
        })
    }

    fn forget<'a>(&'a self, _key: &'a SessionKey) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.forgotten.fetch_add(1, Ordering::SeqCst);
        })
    }

    fn is_linked<'a>(&'a self, _key: &'a SessionKey) -> BoxFuture<'a, Result<bool, SessionError>> {
        Box::pin(async move { Ok(true) })
    }
}

/// A registry with fake connections. The test reads the session's event channel.
pub(super) struct Fixture {
    pub(super) registry: Registry,
    pub(super) key: SessionKey,
    pub(super) whatsapp: Arc<FakeWhatsApp>,
    pub(super) pending: Arc<Mutex<Vec<PendingAction>>>,
    pub(super) process_stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    connections: mpsc::UnboundedReceiver<Arc<FakeConnection>>,
    queues: mpsc::UnboundedReceiver<mpsc::Receiver<InboundEvent>>,
    queue: Option<mpsc::Receiver<InboundEvent>>,
}

impl Fixture {
    /// Creates a rig without starting the session.
    pub(super) fn new() -> Self {
        let (made, connections) = mpsc::unbounded_channel();
        let whatsapp = Arc::new(FakeWhatsApp {
            made,
            live: Arc::default(),
            most_live: AtomicUsize::new(0),
            forgotten: AtomicUsize::new(0),
            panics: AtomicUsize::new(0),
        });
        let (opened, queues) = mpsc::unbounded_channel();
        let pending: Arc<Mutex<Vec<PendingAction>>> = Arc::default();
        let stored = Arc::clone(&pending);
        let read_pending: ReadPending = Arc::new(move |_, asked| {
            let stored = Arc::clone(&stored);
            Box::pin(async move { Ok(asked.of(&locked(&stored))) })
        });
        let (tasks, process_stop) = (TaskTracker::new(), CancellationToken::new());
        let registry = Registry::with_connector(
            Arc::clone(&whatsapp) as Arc<dyn Connector>,
            read_pending,
            Arc::new(StoppedClock),
            Config::new(Endpoint::WhatsApp),
            Arc::new(move |_| {
                let (sender, events) = mpsc::channel(16);
                opened.send(events).expect("the test listens");
                sender
            }),
            tasks.clone(),
            process_stop.clone(),
        );
        let key = SessionKey { organization: "org_1".parse().expect("an id"), session: SessionId::new(NOW) };
        Self { registry, key, whatsapp, pending, process_stop, tasks, connections, queues, queue: None }
    }

    /// Starts the session.
    pub(super) fn start(&self) {
        self.registry.start(self.key.clone());
    }

    /// Waits for the next connection.
    pub(super) async fn connection(&mut self) -> Arc<FakeConnection> {
        timeout(LONG_WAIT, self.connections.recv())
            .await
            .expect("a connection within the time limit")
            .expect("the registry exists")
    }

    /// Returns true if a connection is opened within `time`.
    pub(super) async fn connects_within(&mut self, time: Duration) -> bool {
        timeout(time, self.connections.recv()).await.is_ok()
    }

    /// Receives the next event and its commit channel; `None` if the channel is closed.
    pub(super) async fn event(&mut self) -> Option<(SessionEvent, Option<oneshot::Sender<()>>)> {
        if self.queue.is_none() {
            self.queue = timeout(LONG_WAIT, self.queues.recv()).await.expect("an event channel within the time limit");
        }
        let queue = self.queue.as_mut().expect("the registry exists");
        let next = timeout(LONG_WAIT, queue.recv()).await.expect("an event within the time limit");
        if next.is_none() {
            self.queue = None;
        }
        next.map(|inbound| (inbound.event, inbound.committed))
    }

    /// Receives the next status and commits it immediately.
    pub(super) async fn status(&mut self) -> (SessionStatus, Option<StatusReason>) {
        match self.event().await {
            Some((SessionEvent::Status { status, reason }, committed)) => {
                if let Some(committed) = committed {
                    committed.send(()).expect("the supervisor waits");
                }
                (status, reason)
            }
            other => panic!("a status, not {other:?}"),
        }
    }

    /// Ends the session's connection and brings the next one in step. Returns how long the session was disconnected.
    pub(super) async fn broken(&mut self, connection: &FakeConnection) -> (Arc<FakeConnection>, Duration) {
        let broken = Instant::now();
        connection.signals(ConnectionEvent::Ended(DisconnectReason::Dropped)).await;
        assert_eq!(self.status().await.0, SessionStatus::Starting);
        let (connection, away) = (self.connection().await, broken.elapsed());
        connection.signals(ConnectionEvent::Synced).await;
        assert_eq!(self.status().await.0, SessionStatus::Working);
        (connection, away)
    }

    /// Starts the session and brings it in step.
    pub(super) async fn working(&mut self) -> Arc<FakeConnection> {
        self.start();
        assert_eq!(self.status().await.0, SessionStatus::Starting);
        let connection = self.connection().await;
        connection.signals(ConnectionEvent::Synced).await;
        assert_eq!(self.status().await.0, SessionStatus::Working);
        connection
    }

    /// Closes the event channel.
    pub(super) fn close_queue(&mut self) {
        self.queue = None;
    }

    /// The largest number of connections that were open at the same time.
    pub(super) fn most_live(&self) -> usize {
        self.whatsapp.most_live.load(Ordering::SeqCst)
    }

    /// The number of open connections.
    pub(super) fn live(&self) -> usize {
        self.whatsapp.live.load(Ordering::SeqCst)
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics with a lock")
}
