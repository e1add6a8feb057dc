//! SQLite: one file, one connection that writes, several that read.

use std::path::Path;
use std::time::Duration;

use sea_orm::ConnectOptions;
use sea_orm::Database;
use sea_orm::DatabaseConnection;
use sea_orm::DbErr;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::sqlite::SqliteJournalMode;
use sea_orm::sqlx::sqlite::SqliteSynchronous;

/// How many connections read at the same time.
const READERS: u32 = 4;
/// How long a process waits for another one's lock.
const BUSY: Duration = Duration::from_secs(10);

/// The one connection that writes. `synchronous=FULL`: a commit is on the disk when it returns.
pub(super) async fn writer(path: &Path) -> Result<DatabaseConnection, DbErr> {
    let durable = |options: SqliteConnectOptions| {
        options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
    };
    connect(path, 1, durable).await
}

/// The connections that read; SQLite itself refuses a write on them.
pub(super) async fn readers(path: &Path) -> Result<DatabaseConnection, DbErr> {
    connect(path, READERS, |options| options.pragma("query_only", "on")).await
}

async fn connect(
    path: &Path,
    connections: u32,
    more: fn(SqliteConnectOptions) -> SqliteConnectOptions,
) -> Result<DatabaseConnection, DbErr> {
    let path = path.to_owned();
    let mut options = ConnectOptions::new("sqlite:");
    options
        .max_connections(connections)
        .min_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(BUSY)
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |options| {
            let options = options.filename(&path).create_if_missing(true).foreign_keys(true);
            more(options.busy_timeout(BUSY))
        });
    Database::connect(options).await
}
