//! Opening the database. What is the same for SQLite and PostgreSQL is here, what differs in a file each.

mod postgres;
mod readers;
mod sqlite;
mod url;

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use chatgraph_migration::MigrationStatus;
use chatgraph_migration::Migrator;
use chatgraph_migration::MigratorTrait as _;
use sea_orm::ConnectionTrait as _;
use sea_orm::DatabaseConnection;
use sea_orm::DatabaseTransaction;
use sea_orm::DbBackend;
use sea_orm::DbErr;
use sea_orm::SqliteTransactionMode;
use sea_orm::TransactionOptions;
use sea_orm::TransactionTrait as _;

use super::error::StoreError;
use super::organization;
use super::sealing::MasterKeyId;

pub use postgres::Postgres;
pub(super) use readers::Readers;
pub use url::UrlError;

/// How long a list may be counted: long enough for some hundred thousand chats, short enough to be waited for.
const COUNTING: Duration = Duration::from_secs(1);

/// Where the database is. Read from text with [`str::parse`]: `sqlite:PATH` or
/// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Config {
    /// In one SQLite file, which is made when it is not there.
    Sqlite(PathBuf),
    /// On a PostgreSQL server.
    Postgres(Postgres),
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
    #[error("PostgreSQL 15 or newer is needed; {server} runs version {major}")]
    TooOld {
        /// Host, port and database.
        server: String,
        /// What it runs.
        major: i32,
    },
    /// Names and messages are in every script.
    #[error("the database must be encoded in UTF8; {server} is in {encoding}")]
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
    #[error(
        "the server that was started last seals otherwise: start it with these master keys, in this order, then rotate"
    )]
    NotServed,
    /// The key to be forgotten is not needed.
    #[error("nothing is sealed with master key {0}")]
    NotNeeded(MasterKeyId),
    /// It cannot be connected to or brought up to date.
    #[error("cannot open the database")]
    Database(#[from] DbErr),
    /// What it holds cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps a second server from the same SQLite file for as long as it lives; PostgreSQL is for several servers. Commands
/// beside a running server (`key`, `migrate`) do not take it.
#[derive(Debug)]
pub struct Hold {
    _lock: Option<File>,
}

impl Hold {
    /// Takes the lock file beside an SQLite database.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another server holds it.
    pub fn take(config: &Config) -> Result<Self, OpenError> {
        let Config::Sqlite(database) = config else { return Ok(Self { _lock: None }) };
        let path = database.with_extension("lock");
        let failed = |source| OpenError::File { path: path.clone(), source };
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: Some(lock) }),
            Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse(database.clone())),
            Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// The connections that write: one on SQLite, several on PostgreSQL. A commit is on the disk when it returns.
///
/// # Errors
/// [`OpenError`]
pub(super) async fn writers(config: &Config) -> Result<DatabaseConnection, OpenError> {
    match config {
        Config::Sqlite(path) => Ok(sqlite::writer(path).await?),
        Config::Postgres(server) => {
            server.check().await?;
            Ok(server.writers())
        }
    }
}

/// The connections that count: each statement on them is given up after [`COUNTING`], and so is waiting for one of them.
pub(super) async fn counters(config: &Config) -> Result<Readers, DbErr> {
    let connections = match config {
        Config::Sqlite(path) => sqlite::counter(path).await?,
        Config::Postgres(server) => server.counters(),
    };
    Ok(Readers::new(connections))
}

/// The connections that read; the database itself refuses a write on them.
pub(super) async fn readers(config: &Config) -> Result<Readers, DbErr> {
    let connections = match config {
        Config::Sqlite(path) => sqlite::readers(path).await?,
        Config::Postgres(server) => server.readers(),
    };
    Ok(Readers::new(connections))
}

/// As many connections there may be.
pub(super) fn most(pool: &DatabaseConnection) -> u32 {
    match pool.get_database_backend() {
        DbBackend::Postgres => pool.get_postgres_connection_pool().options().get_max_connections(),
        _ => 1,
    }
}

/// Begins a transaction that writes. SQLite locks at once: a lock that is taken later does not wait for its turn.
pub(super) async fn begin(writers: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let immediate = Some(SqliteTransactionMode::Immediate);
    writers.begin_with_options(TransactionOptions { sqlite_transaction_mode: immediate, ..Default::default() }).await
}

/// Brings the tables up to date.
pub(super) async fn migrate(writers: &DatabaseConnection) -> Result<(), DbErr> {
    alone(writers, async |tx| Migrator::up(tx, None).await).await
}

/// Brings the database's tables up to date, making the file where there is none.
///
/// # Errors
/// [`OpenError`].
pub async fn migrate_up(config: &Config) -> Result<(), OpenError> {
    Ok(migrate(&writers(config).await?).await?)
}

/// Undoes the newest step; with the first one, all data go.
///
/// # Errors
/// [`OpenError`].
pub async fn migrate_down(config: &Config) -> Result<(), OpenError> {
    Ok(alone(&writers(config).await?, async |tx| Migrator::down(tx, Some(1)).await).await?)
}

/// Draws the change log anew, after the database was restored from a back-up: numbers that were given since are given
/// again, so cursors from before are refused from now on. No server may run on the database.
///
/// # Errors
/// [`OpenError`].
pub async fn renew_log(config: &Config) -> Result<(), OpenError> {
    let _hold = Hold::take(config)?;
    let writers = writers(config).await?;
    migrate(&writers).await?;
    Ok(organization::renew_incarnation(&writers).await?)
}

/// Copies an SQLite database as it is at this moment into a new file, also while a server runs on it. The copy's change
/// log is drawn anew: should it be served one day, cursors from after this moment lead nowhere.
///
/// # Errors
/// [`OpenError`]; [`OpenError::File`] when there is no database, or a file at `copy` already.
pub async fn back_up(database: &Path, copy: &Path) -> Result<(), OpenError> {
    let unusable = |path: &Path, kind: ErrorKind| OpenError::File { path: path.to_owned(), source: kind.into() };
    if !database.is_file() {
        return Err(unusable(database, ErrorKind::NotFound));
    }
    if copy.exists() {
        return Err(unusable(copy, ErrorKind::AlreadyExists));
    }
    sqlite::copy(database, copy).await?;
    let writer = sqlite::writer(copy).await?;
    organization::renew_incarnation(&writer).await?;
    Ok(writer.close().await?)
}

/// All steps, oldest first, and whether the database has them.
///
/// # Errors
/// [`OpenError`].
pub async fn migrations(config: &Config) -> Result<Vec<(String, bool)>, OpenError> {
    let steps = alone(&writers(config).await?, async |tx| Migrator::get_migration_with_status(tx).await).await?;
    Ok(steps.iter().map(|step| (step.name().to_owned(), step.status() == MigrationStatus::Applied)).collect())
}

/// Does something to the tables while no other process does: all of it in one transaction, and others wait their turn.
async fn alone<T>(
    writers: &DatabaseConnection,
    steps: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, DbErr>,
) -> Result<T, DbErr> {
    let tx = begin(writers).await?;
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared(postgres::ALONE).await?;
    }
    let done = steps(&tx).await?;
    tx.commit().await?;
    Ok(done)
}
