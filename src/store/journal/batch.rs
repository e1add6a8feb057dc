//! Units that are committed together.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sea_orm::ConnectionTrait as _;
use sea_orm::DatabaseConnection;
use sea_orm::DatabaseTransaction;
use sea_orm::DbErr;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::error;

use crate::domain::change::Change;
use crate::domain::id::OrganizationId;
use crate::store::change;
use crate::store::connect;
use crate::store::error::StoreError;
use crate::store::organization;
use crate::store::unit::Unit;
use crate::store::unit::Work;

/// How long one step of a commit may take. Longer than the database gives itself: this is for a connection that is dead
/// without a word.
const STEP: Duration = Duration::from_mins(1);

/// What stands before the first unit, between two of them, and behind one that is undone. The commit releases the last.
const BEGIN_UNIT: &str = "SAVEPOINT unit";
const NEXT_UNIT: &str = "RELEASE SAVEPOINT unit; SAVEPOINT unit";
const UNDO_UNIT: &str = "ROLLBACK TO SAVEPOINT unit";

/// A unit of work whose types are forgotten.
pub(super) trait Job: Send {
    /// Whose it is.
    fn organization(&self) -> &OrganizationId;
    /// Does the work; tells whether to keep it.
    fn run<'j>(&'j mut self, unit: &'j mut Unit<'_>) -> BoxFuture<'j, bool>;
    /// Undoes it for a reason of the database's, whatever the work itself said.
    fn refuse(&mut self, reason: StoreError);
    /// Tells the caller, once the commit went through or failed.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

/// Work, and whoever waits for it.
pub(super) struct Order<T, E, F> {
    organization: OrganizationId,
    work: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Order<T, E, F> {
    pub(super) fn new(organization: OrganizationId, work: F, reply: oneshot::Sender<Result<T, E>>) -> Self {
        Self { organization, work: Some(work), result: None, reply }
    }
}

impl<T, E, F> Job for Order<T, E, F>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'u> FnOnce(&'u mut Unit<'_>) -> Work<'u, T, E> + Send + 'static,
{
    fn organization(&self) -> &OrganizationId {
        &self.organization
    }

    fn run<'j>(&'j mut self, unit: &'j mut Unit<'_>) -> BoxFuture<'j, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            let result = work(unit).await;
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn refuse(&mut self, reason: StoreError) {
        self.result = Some(Err(reason.into()));
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

/// Begins a transaction. Nothing is lost yet, so a connection that turns out to be dead is followed by another one: a
/// server that restarts leaves as many as the pool may hold.
pub(super) async fn begin(writers: &DatabaseConnection) -> Result<DatabaseTransaction, StoreError> {
    let mut dead = 0;
    loop {
        let begun = within(async { Ok(connect::begin(writers).await?) }).await;
        match begun {
            Err(StoreError::Database(failed))
                if dead < connect::most(writers) && !matches!(*failed, DbErr::ConnectionAcquire(_)) =>
            {
                dead += 1;
            }
            begun => return begun,
        }
    }
}

/// Commits a batch, and tells whose changes it holds.
pub(super) async fn commit(
    tx: DatabaseTransaction,
    batch: &mut [Box<dyn Job>],
) -> Result<Vec<OrganizationId>, StoreError> {
    let mut recorded = BTreeMap::<OrganizationId, Vec<Change>>::new();
    within(execute(&tx, BEGIN_UNIT)).await?;
    for job in batch {
        let changes = within(attempt(&tx, job.as_mut())).await?;
        if !changes.is_empty() {
            recorded.entry(job.organization().clone()).or_default().extend(changes);
        }
    }
    within(async {
        for (organization, changes) in &mut recorded {
            let last = organization::raise_last_change(&tx, organization, changes.len()).await?;
            for (number, change) in (1..=last).rev().zip(changes.iter_mut().rev()) {
                change.number = number;
            }
            change::insert(&tx, organization, changes).await?;
        }
        Ok(tx.commit().await?)
    })
    .await?;
    Ok(recorded.into_keys().collect())
}

/// Runs one unit since the savepoint, and leaves one for the next. An error of the work undoes the unit alone; an error of
/// the savepoint itself fails the batch.
async fn attempt(tx: &DatabaseTransaction, job: &mut dyn Job) -> Result<Vec<Change>, StoreError> {
    let organization = job.organization().clone();
    let mut unit = Unit { tx, organization: &organization, recorded: Vec::new(), shelf: None };
    let keep = AssertUnwindSafe(job.run(&mut unit)).catch_unwind().await;
    let recorded = unit.recorded;
    match keep {
        Ok(true) => match execute(tx, NEXT_UNIT).await {
            Ok(()) => return Ok(recorded),
            // PostgreSQL takes nothing more from a unit of which one statement failed, though the work made light of it.
            Err(failed) => job.refuse(failed),
        },
        Ok(false) => {}
        Err(panic) => error!(panic = message(panic.as_ref()), "A unit of work panicked and was undone"),
    }
    execute(tx, UNDO_UNIT).await?;
    Ok(Vec::new())
}

async fn execute(tx: &DatabaseTransaction, statements: &str) -> Result<(), StoreError> {
    tx.execute_unprepared(statements).await?;
    Ok(())
}

/// Waits for a step no longer than [`STEP`].
async fn within<T>(step: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    timeout(STEP, step).await.unwrap_or(Err(StoreError::TimedOut))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
