//! What can go wrong with the database.

use std::error::Error;
use std::sync::Arc;

use sea_orm::ConnAcquireErr;
use sea_orm::DbErr;
use sea_orm::RuntimeErr;

/// PostgreSQL's names for `serialization_failure`, `deadlock_detected` and `lock_not_available`, the last for a lock that
/// was waited for too long.
const CONFLICTS: [&str; 3] = ["40001", "40P01", "55P03"];

/// What is said of a statement that was given up: PostgreSQL's `query_canceled`, `SQLite`'s `SQLITE_INTERRUPT`.
const GIVEN_UP: [&str; 2] = ["57014", "9"];

/// What can go wrong with the database.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database refused or could not be reached. Shared: one failed commit fails all units in it.
    #[error("the database failed")]
    Database(#[source] Arc<DbErr>),
    /// Another process was in the way: a deadlock, a lock that was not released in time. Nothing was stored, and doing
    /// it again is likely to succeed; [`super::Store::write_again`] does.
    #[error("another process changed the same at the same time")]
    Conflict(#[source] Arc<DbErr>),
    /// The database did not answer in time. What was under way may or may not be stored.
    #[error("the database did not answer in time")]
    TimedOut,
    /// A row of ours holds what we never write.
    #[error("{table}.{column} is corrupt")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The journal is closed: the process is stopping.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether `error`, or what caused it, is a [`StoreError::Conflict`].
    pub(super) fn is_conflict(error: &(dyn Error + 'static)) -> bool {
        let causes = std::iter::successors(Some(error), |&error| error.source());
        causes.filter_map(|cause| cause.downcast_ref()).any(|cause| matches!(cause, Self::Conflict(_)))
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        let code = code(&error);
        let is_one_of = |codes: &[&str]| code.as_deref().is_some_and(|code| codes.contains(&code));
        if is_one_of(&GIVEN_UP) || matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)) {
            return Self::TimedOut;
        }
        let error = Arc::new(error);
        if is_one_of(&CONFLICTS) { Self::Conflict(error) } else { Self::Database(error) }
    }
}

/// What the database calls the error.
fn code(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))
    | DbErr::Conn(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    Some(error.as_database_error()?.code()?.into_owned())
}
