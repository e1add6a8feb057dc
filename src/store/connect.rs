//! Opening of the database. Code that differs between SQLite and PostgreSQL is in one file each.

mod connection;
mod database_lock;
mod fair_queue;
pub(super) mod file;
mod migrations;
mod open_error;
mod pool_size;
mod postgres;
mod read_pool;
mod row;
mod server_lock;
pub(super) mod sqlite;
mod sqlite_reads;
mod time_limits;
mod transaction;
mod url;

use std::{fmt, path::PathBuf, time::Duration};

use sea_orm::{
    AccessMode, ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel,
    TransactionTrait as _,
};
use tracing::info;

use read_pool::ReadLimits;
use sqlite_reads::SqliteReads;
use time_limits::{ANSWER_GRACE, COUNT_TIMEOUT, READ_TIMEOUT, STATEMENT_TIMEOUT};

pub use database_lock::DatabaseLock;
pub(super) use fair_queue::FairQueue;
pub use migrations::{checkpoint, migrate_down, migrate_up, migrations, reset_change_log};
pub(super) use migrations::{is_ours, is_up_to_date, knows_steps, migrate};
pub use open_error::OpenError;
pub(super) use pool_size::{idle_connections, max_connections};
pub use postgres::Postgres;
pub(super) use read_pool::ReadPool;
pub(super) use row::{Row, model};
pub use server_lock::ServerLock;
pub(super) use transaction::{Fault, Mark, NotCommitted, Outcome, Transaction};
pub use url::UrlError;

/// Location of the database. Parsed with [`str::parse`]: `sqlite:PATH` or
/// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Config {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(Postgres),
}

impl fmt::Display for Config {
    /// Prints the absolute path, or the server without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", std::path::absolute(path).as_ref().unwrap_or(path).display()),
            Self::Postgres(server) => write!(f, "{}", server.server()),
        }
    }
}

impl Config {
    /// Time limit for the answer to one statement, after which the server is considered dead.
    pub(super) fn answer_timeout(&self) -> Duration {
        match self {
            Self::Sqlite(_) => STATEMENT_TIMEOUT,
            Self::Postgres(server) => server.statement_timeout + ANSWER_GRACE,
        }
    }
}

/// Rejects a missing SQLite file.
pub(super) fn require(config: &Config) -> Result<(), OpenError> {
    match config {
        Config::Sqlite(path) => file::existing(path).map(drop),
        Config::Postgres(_) => Ok(()),
    }
}

/// Creates a missing SQLite file. Commands that do not call this reject a missing file.
pub(super) fn create(config: &Config) -> Result<(), OpenError> {
    if let Config::Sqlite(path) = config
        && file::create(path)?
    {
        info!(path = %file::resolve(path)?.display(), "Created the database");
    }
    Ok(())
}

/// Opens the connections for writing: one on SQLite, several on PostgreSQL. A commit is on disk when it returns.
///
/// # Errors
/// [`OpenError`]
pub(super) async fn writers(config: &Config) -> Result<DatabaseConnection, OpenError> {
    match config {
        Config::Sqlite(path) => Ok(sqlite::writer(&file::existing(path)?).await?),
        Config::Postgres(server) => {
            server.check().await?;
            Ok(server.writers())
        }
    }
}

/// Opens the connections for counting: statements, and waiting for a connection, are limited to [`COUNT_TIMEOUT`].
pub(super) async fn counters(config: &Config) -> Result<ReadPool, DbErr> {
    let (connections, places) = match config {
        Config::Sqlite(path) => (sqlite::counter(path).await?, 1),
        Config::Postgres(server) => (server.counters(), postgres::MAX_COUNTERS),
    };
    let limits = ReadLimits { queue: COUNT_TIMEOUT, read: COUNT_TIMEOUT, answer: COUNT_TIMEOUT + ANSWER_GRACE };
    Ok(ReadPool::new(connections, number(places), limits))
}

/// Opens the connections for reading, on which the database rejects writes. Statements, and waiting for a connection,
/// are limited to [`READ_TIMEOUT`].
pub(super) async fn readers(config: &Config) -> Result<ReadPool, DbErr> {
    readers_within(config, READ_TIMEOUT).await
}

/// Opens the connections for reading with another limit.
pub(super) async fn readers_within(config: &Config, limit: Duration) -> Result<ReadPool, DbErr> {
    let (connections, places, in_process) = match config {
        Config::Sqlite(path) => (sqlite::readers(path).await?, sqlite::MAX_READERS, Some(SqliteReads::new(path))),
        Config::Postgres(server) => (server.limited_readers(limit), server.readers, None),
    };
    let limits = ReadLimits { queue: limit, read: limit, answer: config.answer_timeout().min(limit + ANSWER_GRACE) };
    Ok(ReadPool::new(connections, number(places), limits).with_in_process(in_process))
}

fn number(places: u32) -> usize {
    usize::try_from(places).unwrap_or(usize::MAX)
}

/// Opens one connection for the integrity check.
pub(super) async fn checker(config: &Config) -> Result<DatabaseConnection, OpenError> {
    match config {
        Config::Sqlite(path) => Ok(sqlite::reader(&file::existing(path)?).await?),
        Config::Postgres(server) => {
            server.check().await?;
            Ok(server.readers())
        }
    }
}

/// Begins a transaction that reads a snapshot of the database, without a time limit.
pub(super) async fn snapshot(database: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    if database.get_database_backend() != DbBackend::Postgres {
        return database.begin().await;
    }
    let tx = database.begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly)).await?;
    tx.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
    Ok(tx)
}

/// Begins a write transaction outside the group commit.
pub(super) async fn begin(writers: &DatabaseConnection) -> Result<Transaction, DbErr> {
    Transaction::begin(writers, STATEMENT_TIMEOUT).await
}
