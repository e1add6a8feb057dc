//! Errors of the database.

use std::{error::Error, io::ErrorKind, sync::Arc};

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlErr, SqlxError};

use super::encryption::master_key::MasterKeyId;

/// PostgreSQL's codes for `serialization_failure`, `deadlock_detected` and `lock_not_available`; the last one is a lock
/// timeout.
const CONFLICTS: [&str; 3] = ["40001", "40P01", "55P03"];

/// Codes of a cancelled statement: PostgreSQL's `query_canceled`, `SQLite`'s `SQLITE_INTERRUPT`.
const GIVEN_UP: [&str; 2] = ["57014", "9"];

/// `SQLite`'s codes for a file that is read-only (3, 8), locked (5, 6), unreadable or unwritable (10), full (13),
/// cannot be opened (14) or uses unsupported locking (15), and for a lack of memory (7).
const SQLITE_OUTAGES: [u32; 9] = [3, 5, 6, 7, 8, 10, 13, 14, 15];

/// Prefixes of PostgreSQL's codes for an unavailable server: lost connections (08), shutdown or start (57P), timeouts
/// of idle or long transactions (25P03, 25P04), insufficient resources (53), system errors (58), a standby that cannot
/// write (25006), and missing privileges (42501).
const OUTAGES: [&str; 8] = ["08", "57P", "25P03", "25P04", "53", "58", "25006", "42501"];

/// Prefixes of its codes for a connection that is lost with the statement.
const LOST: [&str; 4] = ["08", "57P", "25P03", "25P04"];
/// Its code for a write on a read-only connection.
const READ_ONLY: &str = "25006";
/// Message of a read that was cancelled.
const TOO_SLOW: &str = "the read timed out";
const MAY_ONLY_READ: &str = "the connection is read-only";

/// Reason why a stored value cannot be decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecryptError {
    /// Its key is missing.
    #[error("it is encrypted with master key {0}")]
    WithoutKey(MasterKeyId),
    /// It was modified or moved.
    #[error("it was modified outside the server")]
    Changed,
    /// It is plaintext, although all values of this database are encrypted.
    #[error("it was replaced by plaintext outside the server")]
    Plain,
}

/// Error of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database rejected a statement or is unavailable. Shared: one failed commit fails all its units.
    #[error("the database failed")]
    Database(#[source] Arc<DbErr>),
    /// Conflict with another process: a deadlock or a lock timeout. Nothing was stored, and a retry is likely to
    /// succeed; [`super::Store::write_session_with_retry`] retries.
    #[error("write conflict with another process")]
    Conflict(#[source] Arc<DbErr>),
    /// The database did not answer in time. A write was not stored.
    #[error("the database did not answer in time")]
    TimedOut,
    /// A read exceeded its time limit, including the time behind other reads of its organization.
    #[error("the read timed out")]
    TooSlow,
    /// The outcome of a commit is unknown: the unit may or may not be stored.
    #[error("the outcome of the commit is unknown")]
    Unconfirmed(#[source] Arc<DbErr>),
    /// Another unit of the transaction failed and rolled this one back, too. Nothing is stored.
    #[error("the transaction was rolled back")]
    Undone(#[source] Arc<DbErr>),
    /// A row contains a value that the server never writes.
    #[error("{table}.{column} is corrupt")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// An encrypted value cannot be decrypted.
    #[error("{table}.{column} cannot be decrypted: {reason}")]
    Sealed {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The reason.
        reason: DecryptError,
    },
    /// This version does not support an event.
    #[error("this version does not support the event: {0}")]
    Untranslated(String),
    /// The group commit is closed: the process is stopping.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Returns whether the error is temporary: a retry may succeed once the database is available or has space again.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Conflict(_) | Self::TimedOut | Self::TooSlow | Self::Unconfirmed(_) | Self::Undone(_) => true,
            Self::Corrupt { .. } | Self::Sealed { .. } | Self::Untranslated(_) | Self::Closed => false,
            Self::Database(error) => match (code(error), &**error) {
                (Some(code), _) if code.len() == 5 => OUTAGES.iter().any(|outage| code.starts_with(outage)),
                // The low byte is the primary code.
                (Some(_), error) => sqlite_code(error).is_some_and(|code| SQLITE_OUTAGES.contains(&(code & 0xff))),
                (None, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) => true,
                (None, error) => is_lost_connection(error) || is_read_only(error),
            },
        }
    }

    /// Returns whether the unit may be stored despite the error.
    #[must_use]
    pub fn may_be_stored(&self) -> bool {
        matches!(self, Self::Unconfirmed(_))
    }

    /// Returns whether a read was cancelled because it took too long.
    #[must_use]
    pub fn is_too_slow(&self) -> bool {
        matches!(self, Self::TooSlow)
    }

    /// Returns whether the error is the database's own, so that no stored value was read.
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

    /// Returns whether a row refers to a missing one.
    pub(super) fn refers_to_nothing(&self) -> bool {
        let Self::Database(error) = self else { return false };
        matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_)))
    }

    /// Returns whether `error`, or one of its causes, is a [`StoreError::Conflict`].
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

/// Returns whether the connection was lost: another one may work.
pub(super) fn is_lost_connection(error: &DbErr) -> bool {
    match (code(error), error) {
        (Some(code), _) => code.len() == 5 && LOST.iter().any(|lost| code.starts_with(lost)),
        (None, DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) => {
            matches!(**error, SqlxError::Io(_) | SqlxError::Protocol(_) | SqlxError::WorkerCrashed)
        }
        (None, _) => false,
    }
}

/// Returns whether the connection failed, rather than the statement.
pub(super) fn is_of_connection(error: &DbErr) -> bool {
    is_lost_connection(error) || is_silence(error) || is_read_only(error)
}

/// Error for a connection that turns out to be read-only before anything is written.
pub(super) fn read_only() -> DbErr {
    DbErr::Custom(MAY_ONLY_READ.to_owned())
}

/// Returns whether the connection is read-only: a new one may be writable.
pub(super) fn is_read_only(error: &DbErr) -> bool {
    code(error).as_deref() == Some(READ_ONLY) || matches!(error, DbErr::Custom(text) if text == MAY_ONLY_READ)
}

/// Error for a cancelled read, to distinguish it from a database that does not answer.
pub(super) fn too_slow() -> DbErr {
    DbErr::Custom(TOO_SLOW.to_owned())
}

/// Returns whether the database cancelled the statement.
pub(super) fn is_given_up(error: &DbErr) -> bool {
    code(error).is_some_and(|code| GIVEN_UP.contains(&&*code))
}

/// Error for a database that does not answer.
pub(super) fn no_answer() -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(SqlxError::Io(ErrorKind::TimedOut.into()))))
}

/// Returns whether it is [`no_answer`].
pub(super) fn is_silence(error: &DbErr) -> bool {
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else { return false };
    matches!(&**error, SqlxError::Io(error) if error.kind() == ErrorKind::TimedOut)
}

/// Returns SQLite's extended code: the primary code in the low byte, details above it.
pub(super) fn sqlite_code(error: &DbErr) -> Option<u32> {
    // PostgreSQL's codes have five characters.
    code(error).filter(|code| code.len() < 5)?.parse().ok()
}

/// Returns the database's code of the error.
fn code(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))
    | DbErr::Conn(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    Some(error.as_database_error()?.code()?.into_owned())
}
