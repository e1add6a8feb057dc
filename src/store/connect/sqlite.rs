//! SQLite: one file, one connection that writes, several that read.

use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use sea_orm::ConnectOptions;
use sea_orm::ConnectionTrait as _;
use sea_orm::Database;
use sea_orm::DatabaseConnection;
use sea_orm::DbBackend;
use sea_orm::DbErr;
use sea_orm::RuntimeErr;
use sea_orm::Statement;
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::sqlite::SqliteJournalMode;
use sea_orm::sqlx::sqlite::SqliteSynchronous;

/// How many connections read at the same time.
const READERS: u32 = 4;
/// How long a process waits for another one's lock.
const BUSY: Duration = Duration::from_secs(10);
/// How long to wait where SQLite does not wait by itself.
const AGAIN: Duration = Duration::from_millis(20);

/// The one connection that writes. `synchronous=FULL`: a commit is on the disk when it returns.
pub(super) async fn writer(path: &Path) -> Result<DatabaseConnection, DbErr> {
    let durable = |options: SqliteConnectOptions| {
        options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
    };
    let deadline = Instant::now() + BUSY;
    loop {
        match connect(path, 1, durable).await {
            // Two processes that turn a new file to WAL at once get in each other's way, and SQLite does not wait there.
            Err(failed) if is_busy(&failed) && Instant::now() < deadline => tokio::time::sleep(AGAIN).await,
            done => return done,
        }
    }
}

/// The connections that read; SQLite itself refuses a write on them.
pub(super) async fn readers(path: &Path) -> Result<DatabaseConnection, DbErr> {
    connect(path, READERS, |options| options.pragma("query_only", "on")).await
}

/// Writes the database as it is at this moment into a new file, without getting into the way of a server.
pub(super) async fn copy(path: &Path, copy: &Path) -> Result<(), DbErr> {
    let reader = connect(path, 1, |options| options.read_only(true)).await?;
    let into = [copy.to_string_lossy().into_owned().into()];
    let copied = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", into);
    reader.execute_raw(copied).await?;
    reader.close().await
}

/// Whether another process has the lock: `SQLITE_BUSY`, which is 5 in the lowest byte.
fn is_busy(failed: &DbErr) -> bool {
    let DbErr::Conn(RuntimeErr::SqlxError(cause)) = failed else { return false };
    let code = cause.as_database_error().and_then(DatabaseError::code).and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
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
