//! Where units wait. On PostgreSQL every organization has a few lanes of its own: its sessions are spread over them, so
//! that two lanes never want the same row but the one that holds the organization's counter, which is taken last and
//! orders their commits, in this process as among several. As many lanes commit at the same time as there are connections.
//! SQLite has one writer, so there is one lane for all, and one commit may hold units of several organizations.
//!
//! A unit waits for the commit before it and never to be joined by others.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use sea_orm::DatabaseConnection;
use sea_orm::DbBackend;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;
use crate::store::error::StoreError;

use super::Commits;
use super::batch;
use super::batch::Job;
use super::settle::Settling;
use super::tally::Tally;

/// Units that may wait in a lane before callers have to.
const QUEUE: usize = 1024;
/// The most units of one commit: what bounds how long the first one waits for the last.
const BATCH: usize = 128;
/// How often a lane with nothing to do looks whether it may close, when a caller was about to hand something over.
const LOOK: Duration = Duration::from_millis(20);

/// Lanes of an organization: while one waits for the disk, the others do their work.
const LANES: u8 = 4;

/// Whose lane it is, and which of theirs; none where all share one.
type Key = Option<(OrganizationId, u8)>;
type Open = HashMap<Key, mpsc::Sender<Box<dyn Job>>>;

/// The lanes that are open: those with something to do. Each is a task of its own, which ends when nothing is left.
pub(super) struct Lanes {
    pub(super) writers: DatabaseConnection,
    open: Mutex<Open>,
    pub(super) commits: Arc<Commits>,
    tasks: TaskTracker,
    /// How long the answer to one statement is waited for.
    pub(super) patience: Duration,
    pub(super) tally: Tally,
}

impl Lanes {
    pub(super) fn new(
        writers: DatabaseConnection,
        patience: Duration,
        commits: Arc<Commits>,
        tasks: TaskTracker,
    ) -> Self {
        Self { writers, open: Mutex::default(), commits, tasks, patience, tally: Tally::default() }
    }

    /// Closes the connections, each once it is idle.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        Ok(self.writers.close_by_ref().await?)
    }

    /// The way into the lane of the organization's session, or of what belongs to none; it is opened when it is not.
    pub(super) fn enter(
        self: &Arc<Self>,
        organization: &OrganizationId,
        session: Option<SessionId>,
    ) -> mpsc::Sender<Box<dyn Job>> {
        let shared = self.writers.get_database_backend() == DbBackend::Sqlite;
        let [.., place] = session.map_or([0; 16], SessionId::bytes);
        let key = (!shared).then(|| (organization.clone(), place % LANES));
        let mut open = self.open();
        if let Some(lane) = open.get(&key).filter(|lane| !lane.is_closed()) {
            return lane.clone();
        }
        let (lane, jobs) = mpsc::channel(QUEUE);
        self.tasks.spawn(Arc::clone(self).run(key.clone(), jobs));
        open.insert(key, lane.clone());
        lane
    }

    async fn run(self: Arc<Self>, key: Key, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        while let Some(first) = self.next(&key, &mut jobs).await {
            self.commit_batch(first, &mut jobs).await;
        }
    }

    /// The next unit; none when the lane is closed, since nobody waits in it or is about to.
    async fn next(&self, key: &Key, jobs: &mut mpsc::Receiver<Box<dyn Job>>) -> Option<Box<dyn Job>> {
        loop {
            if let Ok(job) = jobs.try_recv() {
                return Some(job);
            }
            {
                let mut open = self.open();
                // Ways into the lane are only made under this lock. While there is another than the one kept here, a
                // unit may come through it.
                let last = open.get(key).is_none_or(|lane| lane.strong_count() == 1);
                if last && jobs.is_empty() {
                    open.remove(key);
                    return None;
                }
            }
            if let Ok(job) = timeout(LOOK, jobs.recv()).await {
                return job;
            }
        }
    }

    /// Commits `first` and what waits behind it.
    async fn commit_batch(&self, first: Box<dyn Job>, jobs: &mut mpsc::Receiver<Box<dyn Job>>) {
        let tx = batch::begin(&self.writers, self.patience).await;
        let mut units = vec![first];
        // Whatever came while the connection was waited for goes along.
        while units.len() < BATCH {
            let Ok(next) = jobs.try_recv() else { break };
            units.push(next);
        }
        Settling::new(self).settle(tx, units).await;
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
