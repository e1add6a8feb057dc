//! SQLite: one file, one connection for writing, several for reading.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use log::LevelFilter;
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, DbErr, Statement,
    sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{file::create_private, time_limits::COUNT_TIMEOUT};
use crate::{backoff::Backoff, store::error};

/// Number of connections for reading.
pub(super) const MAX_READERS: u32 = 5;
/// Time limit for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Page cache of the connection for writing, in KiB: a part of a history changes more pages than SQLite's 2 MiB hold,
/// which would be written before the commit and read again.
const WRITER_CACHE_KIB: u32 = 8 * 1024;
/// Pages in the `-wal` file after which a commit writes them into the database. SQLite's 1,000 would be reached by every
/// part of a history, many of which change the same pages.
const CHECKPOINT_PAGES: u32 = 4_000;
/// Pauses between attempts if SQLite does not wait by itself.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(20);
const MAX_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Opens the only connection for writing. With `synchronous=FULL` a commit is on disk when it returns.
pub(super) async fn writer(path: &Path) -> Result<DatabaseConnection, DbErr> {
    let durable = |options: SqliteConnectOptions| {
        options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"))
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
    };
    let (deadline, mut pauses) =
        (Instant::now() + BUSY_TIMEOUT, Backoff::half_jitter(FIRST_RETRY_DELAY, MAX_RETRY_DELAY));
    loop {
        match connect(path, 1, durable).await {
            // Two processes that switch a new file to WAL at once conflict, and SQLite does not wait then.
            Err(failed) if is_busy(&failed) && Instant::now() < deadline => pauses.wait().await,
            done => return done,
        }
    }
}

/// Opens the connections for reading, on which SQLite rejects writes.
pub(super) async fn readers(path: &Path) -> Result<DatabaseConnection, DbErr> {
    connect(path, MAX_READERS, |options| options.pragma("query_only", "on")).await
}

/// Opens the connection for counting.
pub(super) async fn counter(path: &Path) -> Result<DatabaseConnection, DbErr> {
    let mut options = options(path, 1, |options| options.pragma("query_only", "on"));
    options.acquire_timeout(COUNT_TIMEOUT);
    Database::connect(options).await
}

/// Opens one connection for reading.
pub(in crate::store) async fn reader(path: &Path) -> Result<DatabaseConnection, DbErr> {
    connect(path, 1, |options| options.pragma("query_only", "on")).await
}

/// Opens one connection for writing without a `-wal` file, after merging an existing one. Fails with [`is_busy`] if
/// another process uses the database.
pub(in crate::store) async fn single_file(path: &Path) -> Result<DatabaseConnection, DbErr> {
    let single = |options: SqliteConnectOptions| {
        options.journal_mode(SqliteJournalMode::Delete).synchronous(SqliteSynchronous::Full)
    };
    connect(path, 1, single).await
}

/// Writes a snapshot of the database into a new file, without blocking a server.
pub(in crate::store) async fn copy(path: &Path, copy: &Path) -> Result<(), DbErr> {
    let unwritable = |failed: std::io::Error| DbErr::Custom(failed.to_string());
    let Some(name) = copy.to_str() else { return Err(DbErr::Custom("the file's path is not UTF-8".into())) };
    // SQLite treats an empty file as a new one, and keeps its mode.
    create_private(copy).map_err(unwritable)?;
    let reader = connect(path, 1, |options| options.read_only(true)).await?;
    let copied = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [name.into()]);
    let copied = reader.execute_raw(copied).await;
    reader.close().await?;
    copied.map(drop)
}

/// Writes all of the `-wal` file into the database and empties it.
pub(super) async fn checkpoint(path: &Path) -> Result<(), DbErr> {
    let writer = connect(path, 1, |options| options).await?;
    let checkpoint = Statement::from_string(DbBackend::Sqlite, "PRAGMA wal_checkpoint(TRUNCATE)");
    let row = writer.query_one_raw(checkpoint).await?;
    let busy = row.map(|row| row.try_get_by_index::<i32>(0)).transpose()?.unwrap_or(0);
    writer.close().await?;
    if busy == 0 { Ok(()) } else { Err(DbErr::Custom("another process is reading the database".into())) }
}

/// Returns whether another process has the lock: `SQLITE_BUSY`, 5 in the lowest byte.
pub(in crate::store) fn is_busy(failed: &DbErr) -> bool {
    error::sqlite_code(failed).is_some_and(|code| code & 0xff == 5)
}

async fn connect(
    path: &Path,
    connections: u32,
    more: fn(SqliteConnectOptions) -> SqliteConnectOptions,
) -> Result<DatabaseConnection, DbErr> {
    Database::connect(options(path, connections, more)).await
}

fn options(path: &Path, connections: u32, more: fn(SqliteConnectOptions) -> SqliteConnectOptions) -> ConnectOptions {
    // SQLite would parse a name that starts with `file:` as a URI; an absolute path never does.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut options = ConnectOptions::new("sqlite:");
    options
        .max_connections(connections)
        .min_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(BUSY_TIMEOUT)
        .test_before_acquire(false)
        .sqlx_logging_level(LevelFilter::Debug)
        .map_sqlx_sqlite_opts(move |options| {
            let options = options.filename(&path).create_if_missing(false).foreign_keys(true);
            more(options.busy_timeout(BUSY_TIMEOUT))
        });
    options
}
