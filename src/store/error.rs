//! What can go wrong with the database.

use std::error::Error;
use std::io::ErrorKind;
use std::sync::Arc;

use sea_orm::ConnAcquireErr;
use sea_orm::DbErr;
use sea_orm::RuntimeErr;
use sea_orm::SqlErr;
use sea_orm::SqlxError;

use super::sealing::Unopened;

/// PostgreSQL's names for `serialization_failure`, `deadlock_detected` and `lock_not_available`, the last for a lock that
/// was waited for too long.
const CONFLICTS: [&str; 3] = ["40001", "40P01", "55P03"];

/// What is said of a statement that was given up: PostgreSQL's `query_canceled`, `SQLite`'s `SQLITE_INTERRUPT`.
const GIVEN_UP: [&str; 2] = ["57014", "9"];

/// `SQLite`'s codes for a file that may not be written (3, 8), that somebody holds (5, 6), cannot be read or written (10),
/// has no room (13), cannot be opened (14) or is held in a way that the file system does not have (15), and for a lack of
/// memory (7).
const SQLITE_OUTAGES: [u32; 9] = [3, 5, 6, 7, 8, 10, 13, 14, 15];

/// How PostgreSQL's codes begin where the server is not there to serve: connections that are lost (08), shut down or
/// starting (57P), ended since they did nothing or took too long (25P03, 25P04), what it has no room for (53), what its
/// machine fails in (58), a standby that cannot write (25006), and what it may not do for us now (42501).
const OUTAGES: [&str; 8] = ["08", "57P", "25P03", "25P04", "53", "58", "25006", "42501"];

/// How its codes begin where the connection is lost with the statement.
const LOST: [&str; 4] = ["08", "57P", "25P03", "25P04"];
/// What it calls a write on a connection that may only read.
const READ_ONLY: &str = "25006";
/// What is said of a read that was given up.
const TOO_SLOW: &str = "the read timed out";
const MAY_ONLY_READ: &str = "the connection is read-only";

/// What can go wrong with the database.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database refused or could not be reached. Shared: one failed commit fails all units in it.
    #[error("the database failed")]
    Database(#[source] Arc<DbErr>),
    /// Another process was in the way: a deadlock, a lock that was not released in time. Nothing was stored, and doing
    /// it again is likely to succeed; [`super::Store::write_again`] does.
    #[error("write conflict with another process")]
    Conflict(#[source] Arc<DbErr>),
    /// The database did not answer in time. Of a write nothing is stored.
    #[error("the database did not answer in time")]
    TimedOut,
    /// A read took longer than it may, by itself or behind others of its organization.
    #[error("the read timed out")]
    TooSlow,
    /// The database did not say what became of a commit: what was under way may or may not be stored.
    #[error("the outcome of the commit is unknown")]
    Unconfirmed(#[source] Arc<DbErr>),
    /// What was done in the same transaction failed in a way that undid this, too. Nothing of it is stored.
    #[error("the transaction was rolled back")]
    Undone(#[source] Arc<DbErr>),
    /// A row of ours holds what we never write.
    #[error("{table}.{column} is corrupt")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A sealed value does not open.
    #[error("{table}.{column} cannot be decrypted: {reason}")]
    Sealed {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// Why.
        reason: Unopened,
    },
    /// An event has no words in this version.
    #[error("this version does not support the event: {0}")]
    Untranslated(String),
    /// The journal is closed: the process is stopping.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether it passes: the same may succeed once the database is back or has room again.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Conflict(_) | Self::TimedOut | Self::TooSlow | Self::Unconfirmed(_) | Self::Undone(_) => true,
            Self::Corrupt { .. } | Self::Sealed { .. } | Self::Untranslated(_) | Self::Closed => false,
            Self::Database(error) => match (code(error), &**error) {
                (Some(code), _) if code.len() == 5 => OUTAGES.iter().any(|outage| code.starts_with(outage)),
                // The low byte says what it is, the others where it happened.
                (Some(_), error) => sqlite_code(error).is_some_and(|code| SQLITE_OUTAGES.contains(&(code & 0xff))),
                (None, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) => true,
                (None, error) => is_lost_connection(error) || is_read_only(error),
            },
        }
    }

    /// Whether what was under way may be stored all the same.
    #[must_use]
    pub fn may_be_stored(&self) -> bool {
        matches!(self, Self::Unconfirmed(_))
    }

    /// Whether a read was given up since it took too long.
    #[must_use]
    pub fn is_too_slow(&self) -> bool {
        matches!(self, Self::TooSlow)
    }

    /// Whether the database said it, or said nothing: what is stored has not been seen.
    #[must_use]
    pub fn is_of_database(&self) -> bool {
        match self {
            Self::Database(_)
            | Self::Conflict(_)
            | Self::TimedOut
            | Self::TooSlow
            | Self::Unconfirmed(_)
            | Self::Undone(_) => true,
            Self::Corrupt { .. } | Self::Sealed { .. } | Self::Untranslated(_) | Self::Closed => false,
        }
    }

    /// Whether a row refers to one that is not there.
    pub(super) fn refers_to_nothing(&self) -> bool {
        let Self::Database(error) = self else { return false };
        matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_)))
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
        let no_connection = matches!(error, DbErr::ConnectionAcquire(ConnAcquireErr::Timeout));
        if is_one_of(&GIVEN_UP) || no_connection || is_silence(&error) {
            return Self::TimedOut;
        }
        if matches!(&error, DbErr::Custom(text) if text == TOO_SLOW) {
            return Self::TooSlow;
        }
        let error = Arc::new(error);
        if is_one_of(&CONFLICTS) { Self::Conflict(error) } else { Self::Database(error) }
    }
}

/// Whether the connection was dead, or died: another one may be alive.
pub(super) fn is_lost_connection(error: &DbErr) -> bool {
    match (code(error), error) {
        (Some(code), _) => code.len() == 5 && LOST.iter().any(|lost| code.starts_with(lost)),
        (None, DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) => {
            matches!(**error, SqlxError::Io(_) | SqlxError::Protocol(_) | SqlxError::WorkerCrashed)
        }
        (None, _) => false,
    }
}

/// Whether it is the connection that failed, and not what was asked of it.
pub(super) fn is_of_connection(error: &DbErr) -> bool {
    is_lost_connection(error) || is_silence(error) || is_read_only(error)
}

/// What is said of a connection that may only read, before anything is written on it.
pub(super) fn read_only() -> DbErr {
    DbErr::Custom(MAY_ONLY_READ.to_owned())
}

/// Whether the connection is read-only: one that is made a moment later may write.
pub(super) fn is_read_only(error: &DbErr) -> bool {
    code(error).as_deref() == Some(READ_ONLY) || matches!(error, DbErr::Custom(text) if text == MAY_ONLY_READ)
}

/// What is said of a read that was given up, so that it is told from a database that does not answer.
pub(super) fn too_slow() -> DbErr {
    DbErr::Custom(TOO_SLOW.to_owned())
}

/// Whether the database gave the statement up.
pub(super) fn is_given_up(error: &DbErr) -> bool {
    code(error).is_some_and(|code| GIVEN_UP.contains(&&*code))
}

/// What is said of a database that does not answer.
pub(super) fn silence() -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(SqlxError::Io(ErrorKind::TimedOut.into()))))
}

/// Whether it is [`silence`].
pub(super) fn is_silence(error: &DbErr) -> bool {
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else { return false };
    matches!(&**error, SqlxError::Io(error) if error.kind() == ErrorKind::TimedOut)
}

/// What SQLite calls the error: in the low byte what it is, in the others where it happened.
pub(super) fn sqlite_code(error: &DbErr) -> Option<u32> {
    // PostgreSQL's have five characters.
    code(error).filter(|code| code.len() < 5)?.parse().ok()
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
