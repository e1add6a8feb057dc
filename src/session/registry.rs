//! Registry of this process's sessions: starts and stops them, and passes commands to their connections.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::{
    sync::{Notify, mpsc, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, error, info_span};

use super::{
    Config, EventSenderFactory, SessionKey, SessionMetrics,
    connection::{Connection, ConnectionState, Connector, SessionError},
    outbox::{PendingQuery, ReadPending},
    status::{ReceiverClosed, StatusReporter},
    supervisor::Supervisor,
    whatsapp::WhatsAppConnector,
};
use crate::{
    backoff::Backoff,
    domain::{clock::Clock, id::SessionId, session::Pairing},
    store::Store,
};

/// The running sessions. Clones share them.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
}

struct Shared {
    connector: Arc<dyn Connector>,
    read_pending: ReadPending,
    clock: Arc<dyn Clock>,
    config: Config,
    open_queue: EventSenderFactory,
    tasks: TaskTracker,
    stop: CancellationToken,
    running: Mutex<HashMap<SessionId, Running>>,
    events: SessionMetrics,
}

/// Handles of one supervisor.
#[derive(Clone)]
struct Running {
    starts: mpsc::Sender<()>,
    pairing: watch::Receiver<Pairing>,
    link: watch::Receiver<ConnectionState>,
    wake_pending: Arc<Notify>,
    stop: CancellationToken,
    ended: CancellationToken,
}

impl Registry {
    /// Creates an empty registry. Its tasks run on `tasks` and end with `stop`, without a status event.
    #[expect(clippy::missing_panics_doc, reason = "the new registry is not shared yet")]
    #[must_use]
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        config: Config,
        open_queue: EventSenderFactory,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let events = SessionMetrics::default();
        let connector =
            WhatsAppConnector::new(store.clone(), Arc::clone(&clock), config.clone(), tasks.clone(), events.clone());
        let read_pending: ReadPending = Arc::new(move |key: SessionKey, asked| {
            let store = store.clone();
            Box::pin(async move {
                match asked {
                    PendingQuery::After(after) => {
                        store.next_pending_actions(&key.organization, key.session, after.as_ref()).await
                    }
                    PendingQuery::Same(action) => {
                        let waits = store.is_pending(&action).await?;
                        Ok(waits.then_some(action).into_iter().collect())
                    }
                }
            })
        });
        let registry = Self::with_connector(Arc::new(connector), read_pending, clock, config, open_queue, tasks, stop);
        Self {
            shared: Arc::new(Shared {
                events,
                ..Arc::into_inner(registry.shared).expect("the new registry is not shared yet")
            }),
        }
    }

    /// Creates a registry with the given connector and source of pending actions.
    pub(super) fn with_connector(
        connector: Arc<dyn Connector>,
        read_pending: ReadPending,
        clock: Arc<dyn Clock>,
        config: Config,
        open_queue: EventSenderFactory,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let running = Mutex::default();
        let events = SessionMetrics::default();
        let shared = Shared { connector, read_pending, clock, config, open_queue, tasks, stop, running, events };
        Self { shared: Arc::new(shared) }
    }

    /// Starts the session, or retries at once if it waits for a manual start. Does nothing to a running session.
    pub fn start(&self, key: SessionKey) {
        let mut running = self.running();
        let previous = running.get(&key.session).cloned();
        if let Some(previous) = &previous
            && !previous.stop.is_cancelled()
            && !previous.ended.is_cancelled()
        {
            // Full means that a start is already queued; closed, that the supervisor ends with the process.
            let _ = previous.starts.try_send(());
            return;
        }
        let session = key.session;
        let next = self.spawn(key, previous.map(|previous| previous.ended));
        running.insert(session, next);
    }

    /// Stops the session and waits until all of its tasks have ended. Its last event is `STOPPED`, which is stored when
    /// this returns: later writes are not overwritten.
    pub async fn stop(&self, session: SessionId) {
        let Some(ending) = self.running().get(&session).cloned() else { return };
        ending.stop.cancel();
        ending.ended.cancelled().await;
        let mut running = self.running();
        // It may have been started again since; that one stays.
        if running.get(&session).is_some_and(|now| now.ended.is_cancelled()) {
            running.remove(&session);
        }
    }

    /// Metrics of the sessions' events.
    #[must_use]
    pub fn metrics(&self) -> &SessionMetrics {
        &self.shared.events
    }

    /// Returns the session's connection once it has caught up, within `limit`.
    pub async fn connected(&self, session: SessionId, limit: Duration) -> Option<Arc<dyn Connection>> {
        let linked = timeout(limit, self.wait_for_state(session, |link| link.synced().is_some())).await.ok()??;
        linked.synced().map(Arc::clone)
    }

    /// Unlinks the session's device on WhatsApp, once it is connected and within `limit`; returns whether that
    /// succeeded. The connection ends with status `LOGGED_OUT`.
    pub async fn log_out(&self, session: SessionId, limit: Duration) -> bool {
        let leaving = async {
            let link = self.wait_for_state(session, |link| link.synced().is_some()).await?;
            link.synced()?.log_out().await.ok()
        };
        timeout(limit, leaving).await.ok().flatten().is_some()
    }

    /// Fetches all app state of a connected session again, within `limit`. All changes are stored then.
    ///
    /// # Errors
    /// [`SessionError`]; a fetch in progress continues.
    pub async fn resync(&self, session: SessionId, limit: Duration) -> Result<(), SessionError> {
        let link = self.running().get(&session).map(|running| running.link.borrow().clone()).unwrap_or_default();
        let session = link.synced().ok_or(SessionError::NotConnected)?;
        timeout(limit, session.resync()).await.unwrap_or(Err(SessionError::TimedOut))
    }

    /// Requests a code to type on the phone with this number, once the session waits for pairing and within `limit`.
    /// [`Self::pairing`] then returns it.
    ///
    /// # Errors
    /// [`SessionError`]; [`SessionError::NotConnected`] for a paired session.
    pub async fn request_code(&self, session: SessionId, phone: &str, limit: Duration) -> Result<(), SessionError> {
        let asking = async {
            let link = self.wait_for_state(session, |link| !matches!(link, ConnectionState::Down)).await;
            let Some(ConnectionState::Unpaired(unpaired)) = link else { return Err(SessionError::NotConnected) };
            let code = unpaired.phone_code(phone).await?;
            let mut shown = self.pairing_changes(session).ok_or(SessionError::NotConnected)?;
            let is_shown = |pairing: &Pairing| pairing.code.as_ref().is_some_and(|shown| shown.text == code);
            shown.wait_for(is_shown).await.map(drop).map_err(|_| SessionError::NotConnected)
        };
        timeout(limit, asking).await.unwrap_or(Err(SessionError::TimedOut))
    }

    /// Waits until the session's connection is as wanted; `None` if the session does not run.
    async fn wait_for_state(
        &self,
        session: SessionId,
        wanted: impl FnMut(&ConnectionState) -> bool,
    ) -> Option<ConnectionState> {
        let mut link = self.running().get(&session)?.link.clone();
        link.wait_for(wanted).await.ok().map(|link| link.clone())
    }

    /// Returns whether the session's device is linked to an account, according to the stored data.
    ///
    /// # Errors
    /// [`SessionError::Failed`], [`SessionError::Damaged`].
    pub async fn is_linked(&self, key: &SessionKey) -> Result<bool, SessionError> {
        self.shared.connector.is_linked(key).await
    }

    /// Deletes the session's device. The session must not run.
    pub async fn forget(&self, key: &SessionKey) {
        self.shared.connector.forget(key).await;
    }

    /// Returns the valid pairing codes; `None` if the session does not wait for pairing.
    #[must_use]
    pub fn pairing(&self, session: SessionId) -> Option<Pairing> {
        let pairing = self.running().get(&session)?.pairing.borrow().clone();
        pairing.at(self.shared.clock.now())
    }

    /// Watches [`Self::pairing`] from one start to the next stop, including expired codes; `None` if the session was
    /// not started.
    #[must_use]
    pub fn pairing_changes(&self, session: SessionId) -> Option<watch::Receiver<Pairing>> {
        Some(self.running().get(&session)?.pairing.clone())
    }

    /// Notifies the session of new pending actions. Does nothing if it does not run here.
    pub fn wake_pending(&self, session: SessionId) {
        if let Some(running) = self.running().get(&session) {
            running.wake_pending.notify_one();
        }
    }

    fn spawn(&self, key: SessionKey, previous: Option<CancellationToken>) -> Running {
        let shared = &self.shared;
        let (starts, starts_here) = mpsc::channel(1);
        let (pairing_here, pairing) = watch::channel(Pairing::default());
        let (link_here, link) = watch::channel(ConnectionState::Down);
        let running = Running {
            starts,
            pairing,
            link,
            wake_pending: Arc::default(),
            stop: shared.stop.child_token(),
            ended: CancellationToken::new(),
        };
        let span = info_span!(parent: None, "session", session.id = %key.session);
        let mut supervisor = Supervisor {
            connector: Arc::clone(&shared.connector),
            read_pending: Arc::clone(&shared.read_pending),
            clock: Arc::clone(&shared.clock),
            config: shared.config.clone(),
            report: StatusReporter::new((shared.open_queue)(key.clone())),
            key: key.clone(),
            starts: starts_here,
            pairing: pairing_here,
            link: link_here,
            wake_pending: Arc::clone(&running.wake_pending),
            tasks: shared.tasks.clone(),
            stop: running.stop.clone(),
            process_stop: shared.stop.clone(),
            reason: None,
        };
        let ended = running.ended.clone().drop_guard();
        let (shared, stop) = (Arc::clone(shared), running.stop.clone());
        self.shared.tasks.spawn(
            async move {
                if let Some(previous) = previous {
                    previous.cancelled().await;
                }
                keep_running(&shared, key, &mut supervisor, &stop).await;
                drop(ended);
            }
            .instrument(span),
        );
        running
    }

    fn running(&self) -> MutexGuard<'_, HashMap<SessionId, Running>> {
        // Recovers from poisoning: the map of handles is never left in a partial state.
        self.shared.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a supervisor until it is stopped. Restarts it after a pause if it panicked, or if the consumer of its events
/// did.
async fn keep_running(shared: &Shared, key: SessionKey, supervisor: &mut Supervisor, stop: &CancellationToken) {
    let mut pauses = Backoff::half_jitter(shared.config.refused_base, shared.config.refused_max);
    loop {
        match AssertUnwindSafe(supervisor.run()).catch_unwind().await {
            Ok(Ok(())) => return,
            Ok(Err(ReceiverClosed)) if shared.stop.is_cancelled() => return,
            Ok(Err(ReceiverClosed)) => error!("The session's inbound queue closed; restarting the session"),
            Err(_panic) => error!("The session's supervisor panicked; restarting it"),
        }
        shared.events.restarted();
        if stop.is_cancelled() || !supervisor.restart((shared.open_queue)(key.clone()), pauses.next()).await {
            return;
        }
    }
}
