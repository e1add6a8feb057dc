//! Opening of the store.

use std::sync::Arc;

use sea_orm::DatabaseConnection;
use tokio_util::task::TaskTracker;

use super::{
    Config, MasterKeys, OpenError, Store,
    connect::{self, FairQueue},
    encryption::{self, Encryption},
    group_commit::{GroupCommit, notifier::CommitNotifier},
    incarnation, search_text,
};
use crate::domain::clock::Clock;

/// Maximum number of concurrent full scans of lists; less than the number of readers.
const WALKS: usize = 2;

impl Store {
    /// Opens the database and starts the group commit. Creates a missing file and migrates the schema. The secrets of
    /// sessions cannot be decrypted.
    ///
    /// # Errors
    /// [`OpenError`], for the operator.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>, tasks: &TaskTracker) -> Result<Self, OpenError> {
        connect::create(config)?;
        let writers = connect::writers(config).await?;
        connect::migrate(&writers).await?;
        Self::start(config, writers, Encryption::default(), clock, tasks).await
    }

    /// Opens the database for a command that neither creates nor migrates it.
    ///
    /// # Errors
    /// [`OpenError`], including [`OpenError::Missing`] and [`OpenError::Outdated`].
    pub async fn open_existing(config: &Config, clock: Arc<dyn Clock>, tasks: &TaskTracker) -> Result<Self, OpenError> {
        let writers = connect::writers(config).await?;
        connect::is_up_to_date(&writers).await?;
        Self::start(config, writers, Encryption::default(), clock, tasks).await
    }

    /// Opens the database like [`Store::open`], for a server that encrypts and decrypts the secrets of its sessions
    /// with these keys.
    ///
    /// # Errors
    /// [`OpenError`], including [`OpenError::NoMasterKey`] if secrets are encrypted with another key.
    pub async fn open_sealed(
        config: &Config,
        keys: &MasterKeys,
        clock: Arc<dyn Clock>,
        tasks: &TaskTracker,
    ) -> Result<Self, OpenError> {
        connect::create(config)?;
        let writers = connect::writers(config).await?;
        connect::migrate(&writers).await?;
        let encryption = encryption::register(&writers, keys).await?;
        search_text::refold(&writers).await?;
        Self::start(config, writers, encryption, clock, tasks).await
    }

    async fn start(
        config: &Config,
        writers: DatabaseConnection,
        encryption: Encryption,
        clock: Arc<dyn Clock>,
        tasks: &TaskTracker,
    ) -> Result<Self, OpenError> {
        let log = incarnation::read(&writers).await?;
        let readers = connect::readers(config).await?;
        let counters = connect::counters(config).await?;
        let walks = FairQueue::new(WALKS, 0);
        let commits = Arc::new(CommitNotifier::default());
        let group_commit = GroupCommit::new(writers, config.answer_timeout(), Arc::clone(&commits), tasks.clone());
        let shared = match config {
            Config::Sqlite(_) => None,
            Config::Postgres(server) => Some(server.clone()),
        };
        Ok(Self { readers, counters, walks, group_commit, clock, commits, log, shared, encryption })
    }
}
