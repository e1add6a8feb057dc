//! Group commit of all writes. Units of work that wait at the same time are committed together, each in a savepoint, so
//! that one that fails does not affect the others. The change numbers are assigned last, so that their order is that of
//! the commits, without gaps.
//!
//! `queue` has the queues, `batch` commits the units of a batch, and `settle` handles failures of a batch. `numbering`
//! assigns the change numbers, `revision_check` verifies revisions in debug builds, `notifier` reports commits, and
//! `counters` has the counters.

mod batch;
mod counters;
pub(super) mod notifier;
mod numbering;
mod queue;
#[cfg(debug_assertions)]
mod revision_check;
mod settle;

use std::{sync::Arc, time::Duration};

use sea_orm::DatabaseConnection;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::{
    error::StoreError,
    unit_of_work::{UnitOfWork, Work},
};
use crate::domain::id::{OrganizationId, SessionId};
use batch::UnitJob;
use counters::CommitCounters;
use notifier::CommitNotifier;
use queue::Queues;

pub use counters::Committed;

/// The owner of a unit's rows.
pub(super) struct UnitOwner<'o> {
    pub(super) organization: &'o OrganizationId,
    /// The session, if the unit concerns only one.
    pub(super) session: Option<SessionId>,
    /// True if stored responses may show the rows.
    pub(super) changes_version: bool,
}

/// Handle of the group commit. Cheap to clone.
#[derive(Clone)]
pub(super) struct GroupCommit {
    queues: Arc<Queues>,
}

impl GroupCommit {
    /// Creates the group commit; its tasks are spawned on `tasks` on demand.
    pub(super) fn new(
        writers: DatabaseConnection,
        patience: Duration,
        commits: Arc<CommitNotifier>,
        tasks: TaskTracker,
    ) -> Self {
        Self { queues: Arc::new(Queues::new(writers, patience, commits, tasks)) }
    }

    /// The counters.
    pub(super) fn tally(&self) -> &CommitCounters {
        self.queues.tally()
    }

    /// Closes the connections, each once it is idle.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        self.queues.close().await
    }

    /// See [`super::Store::write`] and [`super::Store::write_session`].
    pub(super) async fn write<T, E, F>(&self, owner: UnitOwner<'_>, now: i64, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'u> FnOnce(&'u mut UnitOfWork<'_>) -> Work<'u, T, E> + Clone + Send + 'static,
    {
        let (reply, outcome) = oneshot::channel();
        let UnitOwner { organization, session, changes_version } = owner;
        let job = Box::new(UnitJob::new(organization.clone(), changes_version, now, work, reply));
        self.queues.sender(organization, session).send(job).await.map_err(|_| StoreError::Closed)?;
        outcome.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }
}
