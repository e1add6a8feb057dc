//! Migrations of the schema, and the state of the change log that commands set.

use chatgraph_migration::{MigrationStatus, Migrator, MigratorTrait as _, SchemaManager};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait as _,
};

use super::{
    Config, ServerLock, create, database_lock::DatabaseLock, file, open_error::OpenError, postgres, readers, require,
    sqlite, writers,
};
use crate::store::incarnation;

/// Migrates the schema.
pub(in crate::store) async fn migrate(writers: &DatabaseConnection) -> Result<(), OpenError> {
    knows_steps(writers).await?;
    Ok(with_migration_lock(writers, async |tx| Migrator::up(tx, None).await).await?)
}

/// Rejects an outdated or newer schema, instead of changing it.
pub(in crate::store) async fn is_up_to_date(database: &DatabaseConnection) -> Result<(), OpenError> {
    knows_steps(database).await?;
    let pending = Migrator::get_pending_migrations_read_only(database).await?;
    if pending.is_empty() { Ok(()) } else { Err(OpenError::Outdated) }
}

/// Returns whether the database is chatgraph's, of any version.
pub(in crate::store) async fn is_ours(database: &DatabaseConnection) -> Result<bool, DbErr> {
    let manager = SchemaManager::new(database);
    Ok(manager.has_table("seaql_migrations").await? && manager.has_table("change_log").await?)
}

/// Rejects the schema of a newer program.
pub(in crate::store) async fn knows_steps(database: &DatabaseConnection) -> Result<(), OpenError> {
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
    incarnation::renew(&writers, now).await?;
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
