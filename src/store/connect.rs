//! Opening the database.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use chatgraph_migration::MigrationStatus;
use chatgraph_migration::Migrator;
use chatgraph_migration::MigratorTrait as _;
use sea_orm::ConnectOptions;
use sea_orm::Database;
use sea_orm::DatabaseConnection;
use sea_orm::DbErr;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::sqlite::SqliteJournalMode;
use sea_orm::sqlx::sqlite::SqliteSynchronous;

use super::error::StoreError;

/// How many connections read at the same time.
const READERS: u32 = 4;

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The SQLite file; made when it is not there.
    pub path: PathBuf,
}

/// Why the database could not be opened, in words for the operator.
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
    /// It cannot be connected to or brought up to date.
    #[error("cannot open the database")]
    Database(#[from] DbErr),
    /// What it holds cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps a second server from the same SQLite file for as long as it lives. Commands beside a running server (`key`,
/// `migrate`) do not take it.
#[derive(Debug)]
pub struct Hold {
    _lock: File,
}

impl Hold {
    /// Takes the lock file beside the database.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another server holds it.
    pub fn take(config: &Config) -> Result<Self, OpenError> {
        let path = config.path.with_extension("lock");
        let failed = |source| OpenError::File { path: path.clone(), source };
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse(config.path.clone())),
            Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// The one connection that writes. `synchronous=FULL`: a commit is on the disk when it returns.
pub(super) async fn writer(config: &Config) -> Result<DatabaseConnection, DbErr> {
    connect(config, 1, |options| options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full))
        .await
}

/// The connections that read; SQLite itself refuses a write on them.
pub(super) async fn readers(config: &Config) -> Result<DatabaseConnection, DbErr> {
    connect(config, READERS, |options| options.pragma("query_only", "on")).await
}

/// Brings the tables up to date.
pub(super) async fn migrate(writer: &DatabaseConnection) -> Result<(), DbErr> {
    Migrator::up(writer, None).await
}

/// Brings the database's tables up to date, making it where there is none.
///
/// # Errors
/// [`OpenError`].
pub async fn migrate_up(config: &Config) -> Result<(), OpenError> {
    Ok(migrate(&writer(config).await?).await?)
}

/// Undoes the newest step; with the first one, all data go.
///
/// # Errors
/// [`OpenError`].
pub async fn migrate_down(config: &Config) -> Result<(), OpenError> {
    Ok(Migrator::down(&writer(config).await?, Some(1)).await?)
}

/// All steps, oldest first, and whether the database has them.
///
/// # Errors
/// [`OpenError`].
pub async fn migrations(config: &Config) -> Result<Vec<(String, bool)>, OpenError> {
    let steps = Migrator::get_migration_with_status(&writer(config).await?).await?;
    Ok(steps.iter().map(|step| (step.name().to_owned(), step.status() == MigrationStatus::Applied)).collect())
}

async fn connect(
    config: &Config,
    connections: u32,
    more: fn(SqliteConnectOptions) -> SqliteConnectOptions,
) -> Result<DatabaseConnection, DbErr> {
    let path = config.path.clone();
    let mut options = ConnectOptions::new("sqlite:");
    options
        .max_connections(connections)
        .min_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(Duration::from_secs(10))
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |options| {
            let options = options.filename(&path).create_if_missing(true).foreign_keys(true);
            more(options.busy_timeout(Duration::from_secs(10)))
        });
    Database::connect(options).await
}
