//! Opening of the database. Code that differs between SQLite and PostgreSQL is in one file each.

mod connection;
mod fair_queue;
pub(super) mod file;
mod postgres;
mod read_pool;
mod server_lock;
pub(super) mod sqlite;
mod transaction;
mod url;

use std::fmt;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use chatgraph_migration::MigrationStatus;
use chatgraph_migration::Migrator;
use chatgraph_migration::MigratorTrait as _;
use chatgraph_migration::SchemaManager;
use sea_orm::AccessMode;
use sea_orm::ConnectionTrait as _;
use sea_orm::DatabaseConnection;
use sea_orm::DatabaseTransaction;
use sea_orm::DbBackend;
use sea_orm::DbErr;
use sea_orm::IsolationLevel;
use sea_orm::SqliteTransactionMode;
use sea_orm::Statement;
use sea_orm::TransactionOptions;
use sea_orm::TransactionTrait as _;
use tracing::info;
use tracing::warn;

use super::encryption::MasterKeyId;
use super::error::StoreError;
use super::organization;
use read_pool::ReadLimits;

pub(super) use fair_queue::FairQueue;
pub use postgres::Postgres;
pub(super) use read_pool::ReadPool;
pub use server_lock::ServerLock;
pub(super) use transaction::Fault;
pub(super) use transaction::Mark;
pub(super) use transaction::NotCommitted;
pub(super) use transaction::Outcome;
pub(super) use transaction::Transaction;
pub use url::UrlError;

/// Time limit for counting a list: enough for a few hundred thousand chats, and short enough to wait for.
const COUNT_TIMEOUT: Duration = Duration::from_secs(1);
/// Time limit of a read, and of its wait in the queue.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Additional time for the answer beyond the database's own time limit.
const ANSWER_GRACE: Duration = Duration::from_secs(5);
/// Time limit of a statement if the database has none, as on SQLite.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(1);

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

/// Reason why the database cannot be opened, for the operator; never contains a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file or its folder cannot be used.
    #[error("cannot use {path}")]
    File {
        /// The path.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Another server uses the file.
    #[error("{0} is in use by another chatgraph server")]
    InUse(PathBuf),
    /// The file does not exist, and the command does not create it.
    #[error("no database at {0}; `chatgraph serve` and `chatgraph migrate up` create one")]
    Missing(PathBuf),
    /// The file has several names.
    #[error("{path} has {links} hard links, and SQLite would use a separate -wal file for each; remove all but one")]
    HardLinks {
        /// The file.
        path: PathBuf,
        /// Number of its names.
        links: u64,
    },
    /// The file exists and must not be overwritten.
    #[error("{0} already exists and is not overwritten")]
    Exists(PathBuf),
    /// The file is not a chatgraph database.
    #[error("{0} is not a chatgraph database")]
    Foreign(PathBuf),
    /// The file is corrupt.
    #[error("{path} is damaged: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first problem found.
        problem: String,
    },
    /// A copy cannot be made.
    #[error("cannot copy the database")]
    Copy(#[source] DbErr),
    /// The database is older than the program.
    #[error("the schema is not up to date; start the server or run `chatgraph migrate up`")]
    Outdated,
    /// The database is newer than the program.
    #[error("the schema is from a newer version of chatgraph: it has migration {0}")]
    Newer(String),
    /// Another server uses the PostgreSQL database.
    #[error("another chatgraph server is using PostgreSQL database {0}; stop it before starting this one")]
    Served(String),
    /// The PostgreSQL server does not answer, or rejects the connection.
    #[error("cannot connect to PostgreSQL at {server}")]
    Unreachable {
        /// Host, port and database.
        server: String,
        /// The cause.
        #[source]
        source: sea_orm::SqlxError,
    },
    /// The PostgreSQL server is too old.
    #[error("PostgreSQL 15 or later is required; {server} runs version {major}")]
    TooOld {
        /// Host, port and database.
        server: String,
        /// Its major version.
        major: i32,
    },
    /// The encoding does not support all scripts of names and messages.
    #[error("the database encoding must be UTF8; {server} uses {encoding}")]
    Encoding {
        /// Host, port and database.
        server: String,
        /// Its encoding.
        encoding: String,
    },
    /// Secrets are encrypted with a key that was not given.
    #[error(
        "the sessions' secrets are encrypted with master key {0}, which is not among the given keys \
         (--master-key-file); if it is lost, `chatgraph master-key forget {0}` lets those sessions be paired again"
    )]
    NoMasterKey(MasterKeyId),
    /// The running server may not be able to decrypt re-encrypted values.
    #[error("the server last started with different master keys: start it with these keys in this order, then rotate")]
    NotServed,
    /// No value needs the key.
    #[error("no secret is encrypted with master key {0}")]
    NotNeeded(MasterKeyId),
    /// Connecting or migrating failed.
    #[error("cannot open the database")]
    Database(#[from] DbErr),
    /// The data cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps a second server from the same SQLite file for as long as it lives; on PostgreSQL, [`ServerLock`] does.
/// Commands beside a running server (`key`, `migrate`) do not take it.
#[derive(Debug)]
pub struct DatabaseLock {
    _lock: Option<File>,
}

impl DatabaseLock {
    /// Takes the lock file beside an SQLite database. It is beside the resolved file, so every symbolic link leads to
    /// the same lock. It is a separate file, because closing any descriptor of the database would release SQLite's
    /// locks on it.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another server holds it; [`OpenError::HardLinks`] if the file has another name, under
    /// which the lock could be missed.
    pub fn take(config: &Config) -> Result<Self, OpenError> {
        let Config::Sqlite(database) = config else { return Ok(Self { _lock: None }) };
        let database = file::resolve(database)?;
        file::has_one_name(&database)?;
        let path = file::companion(&database, ".lock");
        let failed = |source| OpenError::File { path: path.clone(), source };
        let mut options = File::options();
        let lock = options.create(true).truncate(false).write(true).mode(file::PRIVATE).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(OpenError::InUse(database)),
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        if file::is_exposed(&database) {
            warn!(path = %database.display(), "The database file is readable by other users; set its mode to 0600");
        }
        Ok(Self { _lock: Some(lock) })
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
    let (connections, places) = match config {
        Config::Sqlite(path) => (sqlite::readers(path).await?, sqlite::MAX_READERS),
        Config::Postgres(server) => (server.limited_readers(limit), server.readers),
    };
    let limits = ReadLimits { queue: limit, read: limit, answer: config.answer_timeout().min(limit + ANSWER_GRACE) };
    Ok(ReadPool::new(connections, number(places), limits))
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

/// Returns the maximum number of connections.
pub(super) fn max_connections(pool: &DatabaseConnection) -> u32 {
    match pool.get_database_backend() {
        DbBackend::Postgres => pool.get_postgres_connection_pool().options().get_max_connections(),
        _ => 1,
    }
}

/// Returns the number of idle connections.
pub(super) fn idle_connections(pool: &DatabaseConnection) -> usize {
    match pool.get_database_backend() {
        DbBackend::Postgres => pool.get_postgres_connection_pool().num_idle(),
        _ => 0,
    }
}

/// Begins a write transaction outside the journal.
pub(super) async fn begin(writers: &DatabaseConnection) -> Result<Transaction, DbErr> {
    Transaction::begin(writers, STATEMENT_TIMEOUT).await
}

/// Migrates the schema.
pub(super) async fn migrate(writers: &DatabaseConnection) -> Result<(), OpenError> {
    knows_steps(writers).await?;
    Ok(with_migration_lock(writers, async |tx| Migrator::up(tx, None).await).await?)
}

/// Rejects an outdated or newer schema, instead of changing it.
pub(super) async fn is_up_to_date(database: &DatabaseConnection) -> Result<(), OpenError> {
    knows_steps(database).await?;
    let pending = Migrator::get_pending_migrations_read_only(database).await?;
    if pending.is_empty() { Ok(()) } else { Err(OpenError::Outdated) }
}

/// Returns whether the database is chatgraph's, of any version.
pub(super) async fn is_ours(database: &DatabaseConnection) -> Result<bool, DbErr> {
    let manager = SchemaManager::new(database);
    Ok(manager.has_table("seaql_migrations").await? && manager.has_table("change_log").await?)
}

/// Rejects the schema of a newer program.
pub(super) async fn knows_steps(database: &DatabaseConnection) -> Result<(), OpenError> {
    let manager = SchemaManager::new(database);
    if !manager.has_table("seaql_migrations").await? {
        return Ok(());
    }
    let known: Vec<_> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    // The migrator's own read would create the table, which is impossible on a read-only connection.
    let query = Statement::from_string(database.get_database_backend(), "SELECT version FROM seaql_migrations");
    for row in database.query_all_raw(query).await? {
        let step: String = row.try_get("", "version")?;
        if !known.contains(&step) {
            return Err(OpenError::Newer(step));
        }
    }
    Ok(())
}

/// Migrates the database's schema, and creates the file if it is missing.
///
/// # Errors
/// [`OpenError`].
pub async fn migrate_up(config: &Config) -> Result<(), OpenError> {
    create(config)?;
    let writers = writers(config).await?;
    migrate(&writers).await?;
    Ok(writers.close().await?)
}

/// Reverts the newest migration; reverting the first one deletes all data. No server may run on the database.
///
/// # Errors
/// [`OpenError`].
pub async fn migrate_down(config: &Config) -> Result<(), OpenError> {
    require(config)?;
    let (_hold, _lock) = (DatabaseLock::take(config)?, ServerLock::take(config).await?);
    let writers = writers(config).await?;
    knows_steps(&writers).await?;
    with_migration_lock(&writers, async |tx| Migrator::down(tx, Some(1)).await).await?;
    Ok(writers.close().await?)
}

/// Renews the change log's incarnation after the database was restored from a backup. Change numbers are reused then,
/// so earlier cursors are rejected from now on. No server may run on the database.
///
/// # Errors
/// [`OpenError`].
pub async fn reset_change_log(config: &Config, now: i64) -> Result<(), OpenError> {
    require(config)?;
    let (_hold, _lock) = (DatabaseLock::take(config)?, ServerLock::take(config).await?);
    let writers = writers(config).await?;
    migrate(&writers).await?;
    organization::renew_log(&writers, now).await?;
    Ok(writers.close().await?)
}

/// Merges the `-wal` file into an SQLite database, so that its file is complete. Fails without loss if another process
/// is reading.
///
/// # Errors
/// [`OpenError`].
pub async fn checkpoint(config: &Config) -> Result<(), OpenError> {
    match config {
        Config::Sqlite(path) => Ok(sqlite::checkpoint(&file::existing(path)?).await?),
        Config::Postgres(_) => Ok(()),
    }
}

/// Returns all migrations, oldest first, and whether each is applied.
///
/// # Errors
/// [`OpenError`].
pub async fn migrations(config: &Config) -> Result<Vec<(String, bool)>, OpenError> {
    require(config)?;
    let database = readers(config).await?.connections;
    knows_steps(&database).await?;
    let steps = Migrator::get_migration_with_status_read_only(&database).await?;
    database.close().await?;
    Ok(steps.iter().map(|step| (step.name().to_owned(), step.status() == MigrationStatus::Applied)).collect())
}

/// Changes the schema in one transaction, while other processes wait.
async fn with_migration_lock<T>(
    writers: &DatabaseConnection,
    steps: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, DbErr>,
) -> Result<T, DbErr> {
    // The migrations only accept the library's own transaction. If it fails, the process ends.
    let immediate = Some(SqliteTransactionMode::Immediate);
    let options = TransactionOptions { sqlite_transaction_mode: immediate, ..Default::default() };
    let tx = writers.begin_with_options(options).await?;
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared(postgres::MIGRATION_LOCK_SQL).await?;
    }
    let done = steps(&tx).await?;
    tx.commit().await?;
    Ok(done)
}
