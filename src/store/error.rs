//! What can go wrong with the database.

use std::error::Error;
use std::sync::Arc;

use sea_orm::ConnAcquireErr;
use sea_orm::DbErr;
use sea_orm::RuntimeErr;
use sea_orm::SqlxError;

use super::sealing::Unopened;

/// PostgreSQL's names for `serialization_failure`, `deadlock_detected` and `lock_not_available`, the last for a lock that
/// was waited for too long.
const CONFLICTS: [&str; 3] = ["40001", "40P01", "55P03"];

/// What is said of a statement that was given up: PostgreSQL's `query_canceled`, `SQLite`'s `SQLITE_INTERRUPT`.
const GIVEN_UP: [&str; 2] = ["57014", "9"];

/// `SQLite`'s codes for a file that somebody holds (5, 6), cannot be read or written (10), has no room (13) or cannot be
/// opened (14).
const SQLITE_OUTAGES: [u32; 5] = [5, 6, 10, 13, 14];

/// How PostgreSQL's codes begin where the server is not there to serve: connections that are lost (08), shut down or
/// starting (57P), what it has no room for (53), what its machine fails in (58), and a standby that cannot write (25006).
const OUTAGES: [&str; 5] = ["08", "57P", "53", "58", "25006"];

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
    /// A sealed value does not open.
    #[error("{table}.{column} does not open: {reason}")]
    Sealed {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// Why.
        reason: Unopened,
    },
    /// The journal is closed: the process is stopping.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether it passes: the same may succeed once the database is back or has room again.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Conflict(_) | Self::TimedOut => true,
            Self::Corrupt { .. } | Self::Sealed { .. } | Self::Closed => false,
            Self::Database(error) => match (code(error), &**error) {
                (Some(code), _) if code.len() == 5 => OUTAGES.iter().any(|outage| code.starts_with(outage)),
                // The low byte says what it is, the others where it happened.
                (Some(code), _) => code.parse().is_ok_and(|code: u32| SQLITE_OUTAGES.contains(&(code & 0xff))),
                (None, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) => true,
                (None, error) => is_lost_connection(error),
            },
        }
    }

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

/// Whether the connection was dead, or died: another one may be alive.
pub(super) fn is_lost_connection(error: &DbErr) -> bool {
    match (code(error), error) {
        (Some(code), _) => code.len() == 5 && ["08", "57P"].iter().any(|lost| code.starts_with(lost)),
        (None, DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) => {
            matches!(**error, SqlxError::Io(_) | SqlxError::Protocol(_) | SqlxError::WorkerCrashed)
        }
        (None, _) => false,
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
