//! Queues of units. On PostgreSQL every organization has a few queues, over which its sessions are spread. Two queues
//! only share the row with the organization's counter. It is locked last and orders their commits, within this process
//! and among several. The number of connections limits how many queues commit at a time. SQLite has one writer, so all
//! organizations share one queue, and one commit may hold units of several of them.
//!
//! A unit waits for the previous commit, but never for more units to join it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sea_orm::{DatabaseConnection, DbBackend};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::task::TaskTracker;

use super::{
    batch::Job,
    counters::CommitCounters,
    notifier::CommitNotifier,
    settle::{Committer, Settlement},
};
use crate::{
    domain::id::{OrganizationId, SessionId},
    store::error::StoreError,
};

/// Units in a queue before callers have to wait.
const QUEUE_CAPACITY: usize = 1024;
/// Maximum number of units in one commit; bounds how long the first one waits for the last.
const MAX_BATCH_LEN: usize = 128;
/// Interval at which an idle queue checks whether it can close while a caller holds its sender.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Queues per organization: while one waits for the disk, the others work.
const QUEUES_PER_ORGANIZATION: u8 = 4;

/// Organization and number of a queue; `None` if all share one.
type Key = Option<(OrganizationId, u8)>;
type Open = HashMap<Key, mpsc::Sender<Box<dyn Job>>>;

/// The open queues: those with units. Each has a task, which ends when the queue is empty.
pub(super) struct Queues {
    committer: Committer,
    open: Mutex<Open>,
    tasks: TaskTracker,
}

impl Queues {
    pub(super) fn new(
        writers: DatabaseConnection,
        patience: Duration,
        commits: Arc<CommitNotifier>,
        tasks: TaskTracker,
    ) -> Self {
        Self { committer: Committer::new(writers, patience, commits), open: Mutex::default(), tasks }
    }

    /// The counters.
    pub(super) fn tally(&self) -> &CommitCounters {
        &self.committer.tally
    }

    /// Closes the connections, each once it is idle.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        Ok(self.committer.writers.close_by_ref().await?)
    }

    /// Returns the sender of the queue for an organization's session, or for work without a session; opens the queue if
    /// needed.
    pub(super) fn sender(
        self: &Arc<Self>,
        organization: &OrganizationId,
        session: Option<SessionId>,
    ) -> mpsc::Sender<Box<dyn Job>> {
        let shared = self.committer.writers.get_database_backend() == DbBackend::Sqlite;
        let [.., place] = session.map_or([0; 16], SessionId::bytes);
        let key = (!shared).then(|| (organization.clone(), place % QUEUES_PER_ORGANIZATION));
        let mut open = self.open();
        if let Some(sender) = open.get(&key).filter(|sender| !sender.is_closed()) {
            return sender.clone();
        }
        let (sender, jobs) = mpsc::channel(QUEUE_CAPACITY);
        self.tasks.spawn(Arc::clone(self).run(key.clone(), jobs));
        open.insert(key, sender.clone());
        sender
    }

    async fn run(self: Arc<Self>, key: Key, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        while let Some(first) = self.next(&key, &mut jobs).await {
            self.commit_batch(first, &mut jobs).await;
        }
    }

    /// Returns the next unit; `None` if the queue is closed, because it is empty and has no senders.
    async fn next(&self, key: &Key, jobs: &mut mpsc::Receiver<Box<dyn Job>>) -> Option<Box<dyn Job>> {
        loop {
            if let Ok(job) = jobs.try_recv() {
                return Some(job);
            }
            {
                let mut open = self.open();
                // Senders are only cloned under this lock. While there is another one than this map's, a unit may still
                // arrive.
                let last = open.get(key).is_none_or(|sender| sender.strong_count() == 1);
                if last && jobs.is_empty() {
                    open.remove(key);
                    return None;
                }
            }
            if let Ok(job) = timeout(POLL_INTERVAL, jobs.recv()).await {
                return job;
            }
        }
    }

    /// Commits `first` and the units waiting after it.
    async fn commit_batch(&self, first: Box<dyn Job>, jobs: &mut mpsc::Receiver<Box<dyn Job>>) {
        let tx = self.committer.begin().await;
        let mut units = vec![first];
        // Include units that arrived while waiting for the connection.
        while units.len() < MAX_BATCH_LEN {
            let Ok(next) = jobs.try_recv() else { break };
            units.push(next);
        }
        Settlement::new(&self.committer).settle(tx, units).await;
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
