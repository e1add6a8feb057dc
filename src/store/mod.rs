//! All SQL. The organization is the first argument of every function and in every WHERE clause; the few reads that know
//! none yet (a key by its hash, the sessions a node has to start) say so, and so does [`device`], whose rows are a session's
//! own.
//!
//! Reads are methods of [`Store`]; writes are methods of [`unit::Unit`], reached through [`Store::write`], which hands
//! them to the journal. One file a table; a new one brings its row-to-domain functions along.

mod change;
mod chat;
mod code;
mod connect;
pub mod device;
pub mod error;
mod journal;
mod key;
mod keyset;
mod message;
mod organization;
mod pending;
mod session;
mod unit;

use std::sync::Arc;

use sea_orm::DatabaseConnection;
use tokio_util::task::TaskTracker;

use error::StoreError;
use journal::Commits;
use journal::Journal;

pub use connect::Config;
pub use connect::Hold;
pub use connect::OpenError;
pub use connect::migrate_down;
pub use connect::migrate_up;
pub use connect::migrations;
pub use key::StoredKey;
pub use unit::Unit;
pub use unit::Work;

/// The database: a few readers and one journal that writes. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: DatabaseConnection,
    journal: Journal,
    commits: Arc<Commits>,
    incarnation: i64,
}

impl Store {
    /// Opens the database, brings its tables up to date and starts the journal.
    ///
    /// # Errors
    /// [`OpenError`], in words for the operator.
    pub async fn open(config: &Config, tasks: &TaskTracker) -> Result<Self, OpenError> {
        let writer = connect::writer(config).await?;
        connect::migrate(&writer).await?;
        let incarnation = organization::incarnation(&writer).await?;
        let readers = connect::readers(config).await?;
        let commits = Arc::new(Commits::default());
        let journal = Journal::start(writer, Arc::clone(&commits), tasks);
        Ok(Self { readers, journal, commits, incarnation })
    }

    /// Carries out `work` as one unit: all of it is committed, or nothing. Units that wait at the same time are
    /// committed together; a failing one fails alone. Once handed over, the unit is carried out even when the caller
    /// stops waiting.
    ///
    /// # Errors
    /// What `work` returned, or [`StoreError`] when the commit failed.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'u> FnOnce(&'u mut Unit<'_>) -> Work<'u, T, E> + Send + 'static,
    {
        self.journal.write(work).await
    }

    /// Waits until something was committed, and tells whose. Meant for one listener: what one hears, no other does.
    pub async fn committed(&self) -> Vec<crate::domain::id::OrganizationId> {
        self.commits.next().await
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError`] when it gives none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.readers.ping().await?)
    }
}

#[cfg(test)]
pub(crate) mod tests;
