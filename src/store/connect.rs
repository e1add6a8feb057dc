//! Opening the database. What is the same for SQLite and PostgreSQL is here, what differs in a file each.

mod connection;
mod fair_queue;
pub(super) mod file;
mod postgres;
mod readers;
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

use super::error::StoreError;
use super::organization;
use super::sealing::MasterKeyId;
use readers::Limits;

pub(super) use fair_queue::FairQueue;
pub use postgres::Postgres;
pub(super) use readers::Readers;
pub use server_lock::ServerLock;
pub(super) use transaction::Fault;
pub(super) use transaction::Mark;
pub(super) use transaction::NotCommitted;
pub(super) use transaction::Outcome;
pub(super) use transaction::Transaction;
pub use url::UrlError;

/// How long a list may be counted: long enough for some hundred thousand chats, short enough to be waited for.
const COUNTING: Duration = Duration::from_secs(1);
/// How long one read may take, and how long it may wait for its turn.
const READ: Duration = Duration::from_secs(10);
/// How much longer than the database gives itself its answer is waited for.
const GRACE: Duration = Duration::from_secs(5);
/// How long one statement may take if the database has no limit of its own, as on SQLite.
const STATEMENT: Duration = Duration::from_mins(1);

/// Where the database is. Read from text with [`str::parse`]: `sqlite:PATH` or
/// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Config {
    /// In one SQLite file.
    Sqlite(PathBuf),
    /// On a PostgreSQL server.
    Postgres(Postgres),
}

impl fmt::Display for Config {
    /// The absolute path, or the server without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", std::path::absolute(path).as_ref().unwrap_or(path).display()),
            Self::Postgres(server) => write!(f, "{}", server.server()),
        }
    }
}

impl Config {
    /// How long the answer to one statement is waited for. One that comes later comes from no living server.
    pub(super) fn patience(&self) -> Duration {
        match self {
            Self::Sqlite(_) => STATEMENT,
            Self::Postgres(server) => server.statement_timeout + GRACE,
        }
    }
}

/// Why the database could not be opened, in words for the operator; never with a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file or its folder cannot be used.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another server has it.
    #[error("{0} is in use by another chatgraph server")]
    InUse(PathBuf),
    /// The file does not exist, and the command creates none.
    #[error("no database at {0}; `chatgraph serve` and `chatgraph migrate up` create one")]
    Missing(PathBuf),
    /// The file can be reached by several names.
    #[error("{path} has {links} hard links, and SQLite would use a separate -wal file for each; remove all but one")]
    HardLinks {
        /// The file.
        path: PathBuf,
        /// How many names it has.
        links: u64,
    },
    /// A file is there that is not to be overwritten.
    #[error("{0} already exists and is not overwritten")]
    Exists(PathBuf),
    /// The file is no database of chatgraph's.
    #[error("{0} is not a chatgraph database")]
    Foreign(PathBuf),
    /// The file is not as it was written.
    #[error("{path} is damaged: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first thing that is wrong.
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
    /// Another server has it, on PostgreSQL.
    #[error("another chatgraph server is using PostgreSQL database {0}; stop it before starting this one")]
    Served(String),
    /// The PostgreSQL server does not answer, or does not let us in.
    #[error("cannot connect to PostgreSQL at {server}")]
    Unreachable {
        /// Host, port and database.
        server: String,
        /// Why.
        #[source]
        source: sea_orm::SqlxError,
    },
    /// The PostgreSQL server lacks what we need.
    #[error("PostgreSQL 15 or later is required; {server} runs version {major}")]
    TooOld {
        /// Host, port and database.
        server: String,
        /// What it runs.
        major: i32,
    },
    /// Names and messages are in every script.
    #[error("the database encoding must be UTF8; {server} uses {encoding}")]
    Encoding {
        /// Host, port and database.
        server: String,
        /// What it is in.
        encoding: String,
    },
    /// Secrets are sealed with a key that was not given.
    #[error(
        "secrets of the sessions are sealed with master key {0}, which is not among the given ones \
         (--master-key-file); if it is lost, `chatgraph master-key forget {0}` lets their sessions be paired again"
    )]
    NoMasterKey(MasterKeyId),
    /// The server may not be able to open what would be sealed.
    #[error("the server last started with different master keys: start it with these keys in this order, then rotate")]
    NotServed,
    /// The key to be forgotten is not needed.
    #[error("no secret is encrypted with master key {0}")]
    NotNeeded(MasterKeyId),
    /// It cannot be connected to or brought up to date.
    #[error("cannot open the database")]
    Database(#[from] DbErr),
    /// What it holds cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps a second server from the same SQLite file for as long as it lives; on PostgreSQL [`ServerLock`] does. Commands
/// beside a running server (`key`, `migrate`) do not take it.
#[derive(Debug)]
pub struct Hold {
    _lock: Option<File>,
}

impl Hold {
    /// Takes the lock file beside an SQLite database. It stands beside the file that the path leads to, so every
    /// symbolic link leads to the same lock. It is a file of its own, since closing any descriptor of the database would
    /// release SQLite's locks on it.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another server holds it; [`OpenError::HardLinks`] if the file has another name, at
    /// which its lock could be missed.
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

/// Refuses an SQLite file that is missing.
pub(super) fn require(config: &Config) -> Result<(), OpenError> {
    match config {
        Config::Sqlite(path) => file::existing(path).map(drop),
        Config::Postgres(_) => Ok(()),
    }
}

/// Creates the database if it is an SQLite file and missing. Commands that do not call this refuse a missing one.
pub(super) fn create(config: &Config) -> Result<(), OpenError> {
    if let Config::Sqlite(path) = config
        && file::create(path)?
    {
        info!(path = %file::resolve(path)?.display(), "Created the database");
    }
    Ok(())
}

/// The connections that write: one on SQLite, several on PostgreSQL. A commit is on the disk when it returns.
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

/// The connections that count: each statement on them is given up after [`COUNTING`], and so is waiting for one of them.
pub(super) async fn counters(config: &Config) -> Result<Readers, DbErr> {
    let (connections, places) = match config {
        Config::Sqlite(path) => (sqlite::counter(path).await?, 1),
        Config::Postgres(server) => (server.counters(), postgres::COUNTERS),
    };
    let limits = Limits { queue: COUNTING, read: COUNTING, answer: COUNTING + GRACE };
    Ok(Readers::new(connections, number(places), limits))
}

/// The connections that read; the database itself refuses a write on them. Each statement on them is given up after
/// [`READ`], and so is waiting for one of them.
pub(super) async fn readers(config: &Config) -> Result<Readers, DbErr> {
    readers_within(config, READ).await
}

/// The same with another limit.
pub(super) async fn readers_within(config: &Config, limit: Duration) -> Result<Readers, DbErr> {
    let (connections, places) = match config {
        Config::Sqlite(path) => (sqlite::readers(path).await?, sqlite::READERS),
        Config::Postgres(server) => (server.limited_readers(limit), server.readers),
    };
    let limits = Limits { queue: limit, read: limit, answer: config.patience().min(limit + GRACE) };
    Ok(Readers::new(connections, number(places), limits))
}

fn number(places: u32) -> usize {
    usize::try_from(places).unwrap_or(usize::MAX)
}

/// One connection that reads everything.
pub(super) async fn checker(config: &Config) -> Result<DatabaseConnection, OpenError> {
    match config {
        Config::Sqlite(path) => Ok(sqlite::reader(&file::existing(path)?).await?),
        Config::Postgres(server) => {
            server.check().await?;
            Ok(server.readers())
        }
    }
}

/// Begins a transaction that reads the database as it is at this moment, for as long as that takes.
pub(super) async fn snapshot(database: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    if database.get_database_backend() != DbBackend::Postgres {
        return database.begin().await;
    }
    let tx = database.begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly)).await?;
    tx.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
    Ok(tx)
}

/// As many connections there may be.
pub(super) fn most(pool: &DatabaseConnection) -> u32 {
    match pool.get_database_backend() {
        DbBackend::Postgres => pool.get_postgres_connection_pool().options().get_max_connections(),
        _ => 1,
    }
}

/// As many connections wait to be used.
pub(super) fn idle(pool: &DatabaseConnection) -> usize {
    match pool.get_database_backend() {
        DbBackend::Postgres => pool.get_postgres_connection_pool().num_idle(),
        _ => 0,
    }
}

/// Begins a transaction that writes, for what is done beside the journal.
pub(super) async fn begin(writers: &DatabaseConnection) -> Result<Transaction, DbErr> {
    Transaction::begin(writers, STATEMENT).await
}

/// Brings the tables up to date.
pub(super) async fn migrate(writers: &DatabaseConnection) -> Result<(), OpenError> {
    knows_steps(writers).await?;
    Ok(alone(writers, async |tx| Migrator::up(tx, None).await).await?)
}

/// Refuses tables that are not those of this program, instead of changing them.
pub(super) async fn is_up_to_date(database: &DatabaseConnection) -> Result<(), OpenError> {
    knows_steps(database).await?;
    let pending = Migrator::get_pending_migrations_read_only(database).await?;
    if pending.is_empty() { Ok(()) } else { Err(OpenError::Outdated) }
}

/// Whether the tables are chatgraph's, of whatever version.
pub(super) async fn is_ours(database: &DatabaseConnection) -> Result<bool, DbErr> {
    let manager = SchemaManager::new(database);
    Ok(manager.has_table("seaql_migrations").await? && manager.has_table("change_log").await?)
}

/// Refuses tables of a newer program.
pub(super) async fn knows_steps(database: &DatabaseConnection) -> Result<(), OpenError> {
    let manager = SchemaManager::new(database);
    if !manager.has_table("seaql_migrations").await? {
        return Ok(());
    }
    let known: Vec<_> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    // The migrator's own read would create the table, which a connection that reads must not.
    let query = Statement::from_string(database.get_database_backend(), "SELECT version FROM seaql_migrations");
    for row in database.query_all_raw(query).await? {
        let step: String = row.try_get("", "version")?;
        if !known.contains(&step) {
            return Err(OpenError::Newer(step));
        }
    }
    Ok(())
}

/// Brings the database's tables up to date, creating the file if it is missing.
///
/// # Errors
/// [`OpenError`].
pub async fn migrate_up(config: &Config) -> Result<(), OpenError> {
    create(config)?;
    let writers = writers(config).await?;
    migrate(&writers).await?;
    Ok(writers.close().await?)
}

/// Undoes the newest step; with the first one, all data go. No server may run on the database.
///
/// # Errors
/// [`OpenError`].
pub async fn migrate_down(config: &Config) -> Result<(), OpenError> {
    require(config)?;
    let (_hold, _lock) = (Hold::take(config)?, ServerLock::take(config).await?);
    let writers = writers(config).await?;
    knows_steps(&writers).await?;
    alone(&writers, async |tx| Migrator::down(tx, Some(1)).await).await?;
    Ok(writers.close().await?)
}

/// Draws the change log anew, after the database was restored from a back-up: numbers that were given since are given
/// again, so cursors from before are refused from now on. No server may run on the database.
///
/// # Errors
/// [`OpenError`].
pub async fn renew_log(config: &Config, now: i64) -> Result<(), OpenError> {
    require(config)?;
    let (_hold, _lock) = (Hold::take(config)?, ServerLock::take(config).await?);
    let writers = writers(config).await?;
    migrate(&writers).await?;
    organization::renew_log(&writers, now).await?;
    Ok(writers.close().await?)
}

/// Writes what is left in the `-wal` file into an SQLite database, so that the file alone is the whole database. Fails if
/// another process is reading; nothing is lost then.
///
/// # Errors
/// [`OpenError`].
pub async fn checkpoint(config: &Config) -> Result<(), OpenError> {
    match config {
        Config::Sqlite(path) => Ok(sqlite::checkpoint(&file::existing(path)?).await?),
        Config::Postgres(_) => Ok(()),
    }
}

/// All steps, oldest first, and whether the database has them.
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

/// Does something to the tables while no other process does: all of it in one transaction, and others wait their turn.
async fn alone<T>(
    writers: &DatabaseConnection,
    steps: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, DbErr>,
) -> Result<T, DbErr> {
    // The migrations take no transaction but the library's. When it fails the process is over.
    let immediate = Some(SqliteTransactionMode::Immediate);
    let options = TransactionOptions { sqlite_transaction_mode: immediate, ..Default::default() };
    let tx = writers.begin_with_options(options).await?;
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared(postgres::ALONE).await?;
    }
    let done = steps(&tx).await?;
    tx.commit().await?;
    Ok(done)
}
