//! Handling of batches that are not committed. Each unit gets its own correct result. A unit that failed because of
//! another one, or of a lost connection, is retried in a new transaction. Errors are only returned to the units
//! concerned.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use sea_orm::{DatabaseConnection, DbErr};
use tokio::time::Instant;
use tracing::{error, warn};

use super::{
    batch::{self, Failure, Job},
    counters::CommitCounters,
    notifier::CommitNotifier,
};
use crate::{
    domain::id::OrganizationId,
    store::{
        connect::{Mark, Outcome, Transaction},
        error::{StoreError, no_answer},
    },
};

/// Maximum number of retries of a batch on other connections.
const MAX_RETRIES: u32 = 3;
/// Time after which nothing is retried, because other units of the queue wait.
const RETRY_DEADLINE: Duration = Duration::from_secs(30);
/// Time limit for learning the outcome of an unanswered commit, and interval of the queries.
const RECALL_TIMEOUT: Duration = Duration::from_secs(5);
const RECALL_INTERVAL: Duration = Duration::from_millis(100);

type Batch = Vec<Box<dyn Job>>;

/// Parts that every batch uses.
pub(super) struct Committer {
    pub(super) writers: DatabaseConnection,
    /// Time limit for the answer to one statement.
    patience: Duration,
    commits: Arc<CommitNotifier>,
    pub(super) tally: CommitCounters,
}

impl Committer {
    pub(super) fn new(writers: DatabaseConnection, patience: Duration, commits: Arc<CommitNotifier>) -> Self {
        Self { writers, patience, commits, tally: CommitCounters::default() }
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self) -> Result<Transaction, DbErr> {
        batch::begin(&self.writers, self.patience).await
    }
}

/// State of settling a batch.
pub(super) struct Settlement<'l> {
    committer: &'l Committer,
    began: Instant,
    waiting: VecDeque<Batch>,
    lost: u32,
    /// Set after a failed commit that the next start may find completely stored.
    doubt: Option<StoreError>,
    /// True if a commit was still in progress when its units were refused.
    is_under_way: bool,
}

impl<'l> Settlement<'l> {
    pub(super) fn new(committer: &'l Committer) -> Self {
        Self { committer, began: Instant::now(), waiting: VecDeque::new(), lost: 0, doubt: None, is_under_way: false }
    }

    /// Runs the units in the transaction, and in further ones until each has a result.
    pub(super) async fn settle(mut self, tx: Result<Transaction, DbErr>, units: Batch) {
        let versioned = units.iter().filter(|job| job.changes_version());
        let versioned: BTreeSet<_> = versioned.map(|job| job.organization().clone()).collect();
        let versions = &self.committer.commits.versions;
        versions.begin(&versioned);
        self.settle_all(tx, units).await;
        if self.doubt.is_none() && !self.is_under_way {
            versions.end(&versioned);
        } else if !versioned.is_empty() {
            warn!(
                "The outcome of a commit is unknown; its organizations have no stored responses until the next start"
            );
        }
    }

    async fn settle_all(&mut self, tx: Result<Transaction, DbErr>, units: Batch) {
        let mut tx = Some(tx);
        self.waiting.push_back(units);
        while let Some(mut batch) = self.waiting.pop_front() {
            if batch.is_empty() {
                continue;
            }
            let tx = match tx.take() {
                Some(tx) => tx,
                None => self.committer.begin().await,
            };
            let committed = match tx {
                Ok(tx) => batch::commit(tx, &mut batch).await,
                Err(failed) => {
                    self.give_up(batch, &failed.into());
                    return;
                }
            };
            match committed {
                Ok(whose) => self.committed(batch, &whose),
                Err(failure) => self.failed(batch, failure).await,
            }
        }
    }

    fn committed(&mut self, batch: Batch, whose: &[OrganizationId]) {
        self.doubt = None;
        self.committer.commits.add(whose);
        self.committer.tally.committed(batch.len());
        finish(batch, &Ok(()));
    }

    async fn failed(&mut self, mut batch: Batch, failure: Failure) {
        let late = self.began.elapsed() > RETRY_DEADLINE;
        match failure {
            Failure::Unit(place, why) => {
                warn!(error = &why as &dyn std::error::Error, "A unit of work failed; its transaction was rolled back");
                self.committer.tally.failed(&why);
                let mut one = batch.remove(place);
                one.fail(why.clone());
                one.finish(self.doubt.clone().map_or(Ok(()), Err));
                if late { self.give_up(batch, &undone(why)) } else { self.waiting.push_front(batch) }
            }
            Failure::Connection(why) => {
                self.lost += 1;
                if late || self.lost > MAX_RETRIES {
                    self.give_up(batch, &why);
                } else {
                    warn!(
                        error = &why as &dyn std::error::Error,
                        "Database connection lost; retrying the transaction on another one"
                    );
                    self.waiting.push_front(batch);
                }
            }
            Failure::Whole(why) if batch.len() > 1 && !late => {
                warn!(
                    error = &why as &dyn std::error::Error,
                    units = batch.len(),
                    "Commit failed; retrying its units one by one"
                );
                self.one_by_one(batch);
            }
            Failure::Whole(why) => self.refuse(batch, &why),
            Failure::Unknown(why, Some(mark)) => self.recall(batch, why, &mark).await,
            // SQLite: the retry overwrites what may be in the file.
            Failure::Unknown(why, None) => {
                self.doubt = Some(why.clone());
                self.lost += 1;
                if late || self.lost > MAX_RETRIES { self.give_up(batch, &why) } else { self.waiting.push_front(batch) }
            }
        }
    }

    /// Queries the outcome of a commit that was not answered.
    async fn recall(&mut self, batch: Batch, why: StoreError, mark: &Mark) {
        let deadline = Instant::now() + RECALL_TIMEOUT;
        loop {
            let outcome = mark.outcome(&self.committer.writers).await;
            match outcome {
                Ok(Outcome::Committed) => {
                    let mut whose: Vec<_> = batch.iter().map(|job| job.organization().clone()).collect();
                    whose.dedup();
                    return self.committed(batch, &whose);
                }
                Ok(Outcome::Undone) => return Box::pin(self.failed(batch, Failure::Connection(undone(why)))).await,
                Ok(Outcome::Unknown) => return self.refuse(batch, &why),
                Ok(Outcome::UnderWay) | Err(_) if Instant::now() >= deadline => {
                    self.is_under_way = true;
                    return self.refuse(batch, &why);
                }
                Ok(Outcome::UnderWay) | Err(_) => tokio::time::sleep(RECALL_INTERVAL).await,
            }
        }
    }

    fn one_by_one(&mut self, batch: Batch) {
        for job in batch.into_iter().rev() {
            self.waiting.push_front(vec![job]);
        }
    }

    /// Returns the error to all remaining units: the database is unavailable for all of them.
    fn give_up(&mut self, batch: Batch, why: &StoreError) {
        self.refuse(batch, why);
        while let Some(batch) = self.waiting.pop_front() {
            finish(batch, &Err(self.true_of_all(why)));
        }
    }

    fn refuse(&self, batch: Batch, why: &StoreError) {
        let why = self.true_of_all(why);
        error!(error = &why as &dyn std::error::Error, units = batch.len(), "Commit failed");
        self.committer.tally.failed(&why);
        finish(batch, &Err(why));
    }

    /// Returns the error for all units. A unit that ran in a commit that the next start may find is not known to be
    /// undone.
    fn true_of_all(&self, why: &StoreError) -> StoreError {
        self.doubt.clone().unwrap_or_else(|| why.clone())
    }
}

/// Converts the error for a unit that did not cause it, and that is certainly not stored.
fn undone(why: StoreError) -> StoreError {
    match why {
        StoreError::Database(cause) | StoreError::Conflict(cause) | StoreError::Unconfirmed(cause) => {
            StoreError::Undone(cause)
        }
        StoreError::TimedOut => StoreError::Undone(Arc::new(no_answer())),
        other => other,
    }
}

fn finish(batch: Batch, outcome: &Result<(), StoreError>) {
    for job in batch {
        job.finish(outcome.clone());
    }
}
