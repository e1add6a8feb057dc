//! Readers of sessions: one per organization with subscribers, shared by all of them. It reads the sessions that the
//! server reports as changed. Checksums detect changes by other processes, such as the operator's commands.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, debug_span, warn};

use super::{
    broadcast::{Changed, Next, SessionBroadcast},
    log::{SessionLog, State},
};
use crate::{
    backoff::Backoff,
    domain::{
        clock::Clock,
        id::{OrganizationId, SessionId},
        session::Session,
    },
    session::registry::Registry,
    store::{SessionSums, Store, error::StoreError},
};

/// Interval at which the checksums are read.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// Time for which notifications are collected before a read.
const DEBOUNCE: Duration = Duration::from_millis(20);
/// Pauses after failed reads.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(500);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(2);
/// Minimum wait for the expiry of a pairing code.
const MIN_WAIT: Duration = Duration::from_millis(100);

/// The readers of all organizations with subscribers. Cheap to clone.
#[derive(Clone)]
pub(in crate::service) struct SessionReaders {
    store: Store,
    registry: Registry,
    broadcast: SessionBroadcast,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    stop: CancellationToken,
    readers: Arc<Mutex<HashMap<OrganizationId, Arc<Shared>>>>,
    reads: Arc<AtomicU64>,
}

/// State that a reader shares with its subscribers.
pub(in crate::service) struct Shared {
    /// The states with pairing codes, and without them.
    logs: [Mutex<SessionLog>; 2],
    changed: Arc<Changed>,
    /// Number of the newest notification that is in the logs.
    done: watch::Sender<u64>,
    ended: CancellationToken,
}

/// A subscriber's end.
pub(in crate::service) struct Following {
    pub(in crate::service) shared: Arc<Shared>,
    pub(in crate::service) done: watch::Receiver<u64>,
    /// Once `done` has reached this number, the logs contain everything that was committed before the subscription.
    pub(in crate::service) ticket: u64,
}

impl Shared {
    pub(in crate::service) fn log(&self, shows_pairing: bool) -> MutexGuard<'_, SessionLog> {
        let log = if shows_pairing { &self.logs[0] } else { &self.logs[1] };
        log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the reader has ended.
    pub(in crate::service) async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

impl SessionReaders {
    pub(in crate::service) fn new(
        store: Store,
        registry: Registry,
        broadcast: SessionBroadcast,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self { store, registry, broadcast, clock, tasks, stop, readers: Arc::default(), reads: Arc::default() }
    }

    /// Subscribes to an organization. The reader starts with the first subscriber and ends with the last.
    pub(in crate::service) fn follow(&self, organization: &OrganizationId) -> Following {
        let mut readers = self.readers();
        let shared = readers.get(organization).filter(|shared| !shared.ended.is_cancelled()).cloned();
        let shared = shared.unwrap_or_else(|| {
            let shared = Arc::new(Shared {
                logs: Default::default(),
                changed: self.broadcast.of(organization),
                done: watch::Sender::new(0),
                ended: CancellationToken::new(),
            });
            readers.insert(organization.clone(), Arc::clone(&shared));
            let reader = Reader {
                readers: self.clone(),
                organization: organization.clone(),
                shared: Arc::clone(&shared),
                sums: None,
            };
            shared.changed.add(|next| next.all = true);
            self.tasks.spawn(reader.run().instrument(debug_span!(parent: None, "session reader")));
            shared
        });
        let done = shared.done.subscribe();
        let ticket = shared.changed.add(|_| {});
        Following { shared, done, ticket }
    }

    /// Number of reads so far.
    #[cfg(test)]
    pub(in crate::service) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    fn readers(&self) -> MutexGuard<'_, HashMap<OrganizationId, Arc<Shared>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reader of one organization.
struct Reader {
    readers: SessionReaders,
    organization: OrganizationId,
    shared: Arc<Shared>,
    sums: Option<SessionSums>,
}

impl Reader {
    async fn run(mut self) {
        let _ended = self.shared.ended.clone().drop_guard();
        let mut poll = Instant::now() + POLL_INTERVAL;
        let mut pauses = Backoff::half_jitter(FIRST_RETRY_DELAY, MAX_RETRY_DELAY);
        loop {
            let next = self.shared.changed.take();
            if let Err(failed) = self.read(&next).await {
                warn!(error = &failed as &dyn std::error::Error, "Reading subscribed sessions failed");
                self.shared.changed.add(|again| {
                    again.all |= next.all;
                    again.sessions.extend(next.sessions);
                });
                tokio::select! {
                    () = self.readers.stop.cancelled() => return,
                    () = pauses.wait() => continue,
                }
            }
            pauses.reset();
            self.shared.done.send_replace(next.ticket);
            tokio::select! {
                () = self.readers.stop.cancelled() => return,
                () = self.shared.done.closed() => {
                    if self.retires() {
                        return;
                    }
                }
                () = self.shared.changed.more() => sleep(DEBOUNCE).await,
                () = self.expiry() => self.show_pairings(),
                () = sleep_until(poll) => {
                    poll = Instant::now() + POLL_INTERVAL;
                    self.compare_sums().await;
                }
            }
        }
    }

    /// Updates the logs for these sessions.
    async fn read(&mut self, next: &Next) -> Result<(), StoreError> {
        let ids: Vec<_> = next.sessions.iter().copied().collect();
        let store = &self.readers.store;
        let sessions = if next.all {
            // Read the checksums first: a commit in between then changes the next ones.
            self.sums = Some(store.session_sums(&self.organization).await?);
            store.all_sessions(&self.organization).await?
        } else if ids.is_empty() {
            return Ok(());
        } else {
            store.sessions_by_ids(&self.organization, &ids).await?
        };
        self.readers.reads.fetch_add(1, Ordering::Relaxed);
        let mut gone = ids;
        if next.all {
            gone.extend(self.shared.log(true).live().map(|(id, _)| id));
        }
        for session in sessions {
            gone.retain(|id| *id != session.id);
            self.put(session.id, Some(&Arc::new(session)));
        }
        for id in gone {
            self.put(id, None);
        }
        Ok(())
    }

    fn put(&self, id: SessionId, session: Option<&Arc<Session>>) {
        let pairing = self.readers.registry.pairing(id);
        let state = |pairing| session.map(|session| -> State { (Arc::clone(session), pairing) });
        self.shared.log(true).put(id, state(pairing));
        self.shared.log(false).put(id, state(None));
    }

    /// Removes expired pairing codes from the log.
    fn show_pairings(&self) {
        let mut log = self.shared.log(true);
        let shown = log.live().filter(|(_, (_, pairing))| pairing.is_some());
        let shown: Vec<_> = shown.map(|(id, (session, _))| (id, Arc::clone(session))).collect();
        for (id, session) in shown {
            log.put(id, Some((session, self.readers.registry.pairing(id))));
        }
    }

    /// Waits until the next pairing code expires.
    async fn expiry(&self) {
        let codes = |log: &SessionLog| {
            let pairings = log.live().filter_map(|(_, (_, pairing))| pairing.as_ref());
            let codes = pairings.flat_map(|pairing| pairing.qr.iter().chain(&pairing.code));
            codes.map(|code| code.expires_at).min()
        };
        let next = codes(&self.shared.log(true));
        let Some(next) = next else { return std::future::pending().await };
        let wait = u64::try_from(next - self.readers.clock.now()).unwrap_or_default();
        sleep(Duration::from_millis(wait).max(MIN_WAIT)).await;
    }

    /// Schedules a read of all sessions if the checksums changed.
    async fn compare_sums(&self) {
        match self.readers.store.session_sums(&self.organization).await {
            Ok(sums) if self.sums.as_ref() == Some(&sums) => {}
            Ok(_) => {
                self.shared.changed.add(|next| next.all = true);
            }
            Err(failed) => {
                warn!(error = &failed as &dyn std::error::Error, "Polling for changes of other processes failed");
            }
        }
    }

    /// Ends the reader unless a subscriber has come meanwhile.
    fn retires(&self) -> bool {
        let mut readers = self.readers.readers();
        let is_idle = self.shared.done.receiver_count() == 0;
        if is_idle {
            readers.remove(&self.organization);
        }
        is_idle
    }
}
