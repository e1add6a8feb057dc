//! The one writer. Units of work that wait at the same time are committed together, each under a savepoint, so that a
//! failing one fails alone; the change numbers come last, so that their order is the order of the commits and no number
//! is ever missing.

use std::any::Any;
use std::collections::BTreeMap;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sea_orm::DatabaseConnection;
use sea_orm::DatabaseTransaction;
use sea_orm::DbErr;
use sea_orm::SqliteTransactionMode;
use sea_orm::TransactionOptions;
use sea_orm::TransactionTrait as _;
use tokio::sync::Notify;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tracing::error;

use crate::domain::change::Change;
use crate::domain::id::OrganizationId;

use super::change;
use super::error::StoreError;
use super::organization;
use super::unit::Unit;
use super::unit::Work;

/// Units that may wait for the writer before callers have to.
const QUEUE: usize = 1024;
/// The most units of one commit: what bounds how long the first one waits for the last.
const BATCH: usize = 128;

type Recorded = BTreeMap<OrganizationId, Vec<Change>>;

/// The way to the writer. Cheap to clone; the writer ends when the last clone is gone.
#[derive(Clone)]
pub(super) struct Journal {
    queue: mpsc::Sender<Box<dyn Job>>,
}

impl Journal {
    /// Starts the writer on its one connection.
    pub(super) fn start(writer: DatabaseConnection, commits: Arc<Commits>, tasks: &TaskTracker) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        tasks.spawn(run(writer, jobs, commits));
        Self { queue }
    }

    /// See [`super::Store::write`].
    pub(super) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'u> FnOnce(&'u mut Unit<'_>) -> Work<'u, T, E> + Send + 'static,
    {
        let (reply, outcome) = oneshot::channel();
        let job = Box::new(Order { work: Some(work), result: None, reply });
        self.queue.send(job).await.map_err(|_| StoreError::Closed)?;
        outcome.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}

/// Whose changes were committed since somebody asked last.
#[derive(Default)]
pub(super) struct Commits {
    whose: Mutex<HashSet<OrganizationId>>,
    more: Notify,
}

impl Commits {
    pub(super) async fn next(&self) -> Vec<OrganizationId> {
        loop {
            let more = self.more.notified();
            let whose: Vec<_> = self.whose.lock().unwrap_or_else(PoisonError::into_inner).drain().collect();
            if !whose.is_empty() {
                return whose;
            }
            more.await;
        }
    }

    fn add(&self, whose: impl Iterator<Item = OrganizationId>) {
        self.whose.lock().unwrap_or_else(PoisonError::into_inner).extend(whose);
        self.more.notify_one();
    }
}

/// A unit of work whose types are forgotten.
trait Job: Send {
    /// Does the work; tells whether to keep it.
    fn run<'j>(&'j mut self, unit: &'j mut Unit<'_>) -> BoxFuture<'j, bool>;
    /// Tells the caller, once the commit went through or failed.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Order<T, E, F> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Order<T, E, F>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'u> FnOnce(&'u mut Unit<'_>) -> Work<'u, T, E> + Send + 'static,
{
    fn run<'j>(&'j mut self, unit: &'j mut Unit<'_>) -> BoxFuture<'j, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            let result = work(unit).await;
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match (self.result, committed) {
            (Some(Err(refused)), _) => Err(refused),
            (Some(done), Ok(())) => done,
            (_, Err(failed)) => Err(failed.into()),
            (None, Ok(())) => Err(StoreError::Closed.into()),
        };
        // A caller that stopped waiting has nobody to tell.
        drop(self.reply.send(result));
    }
}

async fn run(writer: DatabaseConnection, mut jobs: mpsc::Receiver<Box<dyn Job>>, commits: Arc<Commits>) {
    while let Some(first) = jobs.recv().await {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            let Ok(next) = jobs.try_recv() else { break };
            batch.push(next);
        }
        let committed = commit(&writer, &mut batch).await;
        let outcome = committed.map(|whose| commits.add(whose.into_iter()));
        if let Err(failed) = &outcome {
            error!(error = failed as &dyn std::error::Error, units = batch.len(), "Nothing was committed");
        }
        for job in batch {
            job.finish(outcome.clone());
        }
    }
}

/// Commits a batch, and tells whose changes it holds.
async fn commit(writer: &DatabaseConnection, batch: &mut [Box<dyn Job>]) -> Result<Vec<OrganizationId>, StoreError> {
    let tx = begin(writer).await?;
    let mut recorded = Recorded::new();
    for job in batch {
        for (organization, change) in attempt(&tx, job.as_mut()).await? {
            recorded.entry(organization).or_default().push(change);
        }
    }
    for (organization, changes) in &mut recorded {
        let last = organization::raise_last_change(&tx, organization, changes.len()).await?;
        for (number, change) in (1..=last).rev().zip(changes.iter_mut().rev()) {
            change.number = number;
        }
        change::insert(&tx, organization, changes).await?;
    }
    tx.commit().await?;
    Ok(recorded.into_keys().collect())
}

async fn begin(writer: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let immediate = Some(SqliteTransactionMode::Immediate);
    writer.begin_with_options(TransactionOptions { sqlite_transaction_mode: immediate, ..Default::default() }).await
}

/// Runs one unit under its savepoint. An error of the work undoes the savepoint alone; an error of the savepoint itself
/// fails the batch.
async fn attempt(tx: &DatabaseTransaction, job: &mut dyn Job) -> Result<Vec<(OrganizationId, Change)>, DbErr> {
    let savepoint = tx.begin().await?;
    let mut unit = Unit { tx: &savepoint, recorded: Vec::new() };
    let keep = AssertUnwindSafe(job.run(&mut unit)).catch_unwind().await;
    let recorded = unit.recorded;
    match keep {
        Ok(true) => savepoint.commit().await.map(|()| recorded),
        Ok(false) => savepoint.rollback().await.map(|()| Vec::new()),
        Err(panic) => {
            error!(panic = message(panic.as_ref()), "A unit of work panicked and was undone");
            savepoint.rollback().await.map(|()| Vec::new())
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
