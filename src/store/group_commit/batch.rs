//! A batch of units that are committed together.

use std::{any::Any, collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use sea_orm::{DatabaseConnection, DbErr};
use tokio::{sync::oneshot, time::timeout};
use tracing::error;

use super::numbering::number;
use crate::{
    domain::{change::Change, id::OrganizationId},
    store::{
        connect::{self, Fault, Mark, NotCommitted, Transaction},
        error::{self, StoreError},
        unit_of_work::{UnitOfWork, Work},
    },
};

/// Time limit of one unit. Each of its statements has its own limit.
const UNIT_TIMEOUT: Duration = Duration::from_mins(1);

/// A type-erased unit of work.
pub(super) trait Job: Send {
    /// Its organization.
    fn organization(&self) -> &OrganizationId;
    /// True if stored responses may show its rows.
    fn changes_version(&self) -> bool;
    /// Its time, in milliseconds.
    fn now(&self) -> i64;
    /// Runs the work, from the start each time; returns whether to keep it.
    fn run<'j>(&'j mut self, unit: &'j mut UnitOfWork<'_>) -> BoxFuture<'j, bool>;
    /// Sets a database error as the result, unless the work itself has failed.
    fn fail(&mut self, reason: StoreError);
    /// Sends the result to the caller after the commit.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A unit of work and its waiting caller.
pub(super) struct UnitJob<T, E, F> {
    organization: OrganizationId,
    changes_version: bool,
    now: i64,
    work: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> UnitJob<T, E, F> {
    pub(super) fn new(
        organization: OrganizationId,
        changes_version: bool,
        now: i64,
        work: F,
        reply: oneshot::Sender<Result<T, E>>,
    ) -> Self {
        Self { organization, changes_version, now, work, result: None, reply }
    }
}

impl<T, E, F> Job for UnitJob<T, E, F>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'u> FnOnce(&'u mut UnitOfWork<'_>) -> Work<'u, T, E> + Clone + Send + 'static,
{
    fn organization(&self) -> &OrganizationId {
        &self.organization
    }

    fn changes_version(&self) -> bool {
        self.changes_version
    }

    fn now(&self) -> i64 {
        self.now
    }

    fn run<'j>(&'j mut self, unit: &'j mut UnitOfWork<'_>) -> BoxFuture<'j, bool> {
        let work = self.work.clone();
        self.result = None;
        Box::pin(async move {
            let result = work(unit).await;
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn fail(&mut self, reason: StoreError) {
        if !matches!(self.result, Some(Err(_))) {
            self.result = Some(Err(reason.into()));
        }
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match committed {
            Ok(()) => self.result.unwrap_or_else(|| Err(StoreError::Closed.into())),
            // The work's own result refers to a state that is not stored.
            Err(failed) => Err(failed.into()),
        };
        // A caller that stopped waiting needs no answer.
        drop(self.reply.send(result));
    }
}

/// Reason why a batch is not committed.
pub(super) enum Failure {
    /// The connection was lost before COMMIT was sent, or there is none. Nothing is stored.
    Connection(StoreError),
    /// The unit at this position aborted the whole transaction. Nothing is stored.
    Unit(usize, StoreError),
    /// The transaction failed at its end. Nothing is stored.
    Whole(StoreError),
    /// COMMIT was sent, and the answer is missing or inconclusive.
    Unknown(StoreError, Option<Mark>),
}

/// Begins a transaction. A dead connection is replaced by another one: a server that restarts leaves up to a whole pool
/// of them. After one that does not answer, there is one more attempt.
pub(super) async fn begin(writers: &DatabaseConnection, limit: Duration) -> Result<Transaction, DbErr> {
    let (mut dead, mut silent) = (0, 0);
    let mut older = connect::idle_connections(writers);
    loop {
        match Transaction::begin(writers, limit).await {
            Err(failed) if error::is_silence(&failed) && silent == 0 => silent += 1,
            Err(failed) if error::is_silence(&failed) || matches!(failed, DbErr::ConnectionAcquire(_)) => {
                return Err(failed);
            }
            // Connections that were opened while the database was read-only are closed one by one.
            Err(failed) if error::is_read_only(&failed) && older == 0 => return Err(failed),
            Err(failed) if error::is_read_only(&failed) => older -= 1,
            Err(_) if dead < connect::max_connections(writers) => dead += 1,
            begun => return begun,
        }
    }
}

/// Commits a batch, and returns the organizations with changes.
pub(super) async fn commit(tx: Transaction, batch: &mut [Box<dyn Job>]) -> Result<Vec<OrganizationId>, Failure> {
    let mut recorded = BTreeMap::<OrganizationId, Vec<Change>>::new();
    for (place, job) in batch.iter_mut().enumerate() {
        let changes = attempt(&tx, job.as_mut(), place).await?;
        if !changes.is_empty() {
            recorded.entry(job.organization().clone()).or_default().extend(changes);
        }
    }
    for (organization, changes) in &mut recorded {
        if let Err(failed) = number(&tx, organization, changes).await {
            return Err(match tx.fault().await {
                Some(Fault::Connection(lost)) => Failure::Connection(lost.into()),
                _ => Failure::Whole(failed),
            });
        }
    }
    match tx.commit().await {
        Ok(()) => Ok(recorded.into_keys().collect()),
        Err(NotCommitted::Undone(failed)) if error::is_of_connection(&failed) => {
            Err(Failure::Connection(failed.into()))
        }
        Err(NotCommitted::Undone(failed)) => Err(Failure::Whole(failed.into())),
        Err(NotCommitted::Unknown(failed, mark)) => {
            Err(Failure::Unknown(StoreError::Unconfirmed(Arc::new(failed)), mark))
        }
    }
}

/// Runs one unit in the current savepoint, and sets the next one. A failed unit is rolled back alone, as long as the
/// transaction is usable.
async fn attempt(tx: &Transaction, job: &mut dyn Job, place: usize) -> Result<Vec<Change>, Failure> {
    let (organization, now) = (job.organization().clone(), job.now());
    let mut unit = UnitOfWork { tx, organization: &organization, now, recorded: Vec::new(), cache: None };
    let keep = timeout(UNIT_TIMEOUT, AssertUnwindSafe(job.run(&mut unit)).catch_unwind()).await;
    let recorded = unit.recorded;
    match keep {
        Ok(Ok(true)) => match tx.keep().await {
            Ok(()) => return Ok(recorded),
            // A unit is not kept if one of its statements failed, even if the work ignored that.
            Err(failed) => job.fail(failed.into()),
        },
        Ok(Ok(false)) => {}
        Ok(Err(panic)) => error!(panic = message(panic.as_ref()), "A unit of work panicked and was rolled back"),
        // Its statement may still be running.
        Err(_) => {
            job.fail(StoreError::TimedOut);
            return Err(Failure::Unit(place, StoreError::TimedOut));
        }
    }
    let fault = tx.fault().await;
    match (fault, tx.undo().await) {
        (_, Ok(())) => Ok(Vec::new()),
        (Some(Fault::Statement(cause)), Err(failed)) if !error::is_of_connection(&failed) => {
            Err(Failure::Unit(place, cause.into()))
        }
        (Some(Fault::Connection(failed)), _) | (_, Err(failed)) => Err(Failure::Connection(failed.into())),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
