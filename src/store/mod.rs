//! All SQL. The organization is the first argument of every function and in every WHERE clause; the few reads that know
//! none yet (a key by its hash, the sessions a node has to start) say so, and so does [`device`], whose rows are a session's
//! own.
//!
//! Reads are methods of [`Store`]; writes are methods of [`unit::Unit`], reached through [`Store::write`], which hands
//! them to the journal. One file a table; a new one brings its row-to-domain functions along.

mod abandon;
mod census;
mod change;
mod chat;
mod chat_list;
mod check;
mod code;
mod connect;
mod copy;
mod deleted_unread;
pub mod device;
mod early;
pub mod error;
mod hint;
mod idempotency;
mod journal;
mod key;
mod keyset;
mod merge;
mod merged;
mod message;
mod mute;
mod organization;
mod parts;
mod peer;
mod pending;
mod quarantine;
mod reading;
mod refold;
mod refusal;
mod sealing;
mod session;
mod shelf;
mod steps;
mod tenant;
mod text;
mod tombstone;
mod trim;
mod unit;
mod write_check;

use std::sync::Arc;
use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use sea_orm::DatabaseConnection;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use tracing::Span;
use tracing::debug_span;
use tracing::warn;

use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;

use connect::FairQueue;
use connect::Readers;
use error::StoreError;
use journal::Commits;
use journal::Journal;
use sealing::Sealing;

pub use census::Census;
pub use check::Checked;
pub use check::check;
pub use connect::Config;
pub use connect::Hold;
pub use connect::OpenError;
pub use connect::Postgres;
pub use connect::ServerLock;
pub use connect::UrlError;
pub use connect::checkpoint;
pub use connect::migrate_down;
pub use connect::migrate_up;
pub use connect::migrations;
pub use connect::renew_log;
pub use copy::back_up;
pub use copy::restore;
pub use deleted_unread::DeletedUnread;
pub use early::EarlyRewrite;
pub use idempotency::Use;
pub use journal::Committed;
pub use key::KeySecret;
pub use merge::Which;
pub use message::KnownMessage;
pub use mute::EndingMute;
pub use quarantine::MAX_QUARANTINED;
pub use quarantine::QuarantinedEvent;
pub use sealing::MasterKeyError;
pub use sealing::MasterKeyId;
pub use sealing::MasterKeys;
pub use sealing::Rotated;
pub use sealing::forget_master_key;
pub use sealing::master_key_rows;
pub use sealing::new_master_key;
pub use sealing::rotate_master_key;
pub use session::SessionSums;
pub use session::WantedSessions;
pub use tenant::OrganizationCounts;
pub use unit::Unit;
pub use unit::Work;

/// How often a unit is carried out before another process that is in the way has won, and how long to wait in between.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);
/// How many lists may be walked from end to end at the same time: fewer than there are readers.
const WALKS: usize = 2;

/// The database: a few readers and one journal that writes. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: Readers,
    /// Where a statement is given up after a second.
    counters: Readers,
    /// So many lists may be walked at the same time.
    walks: FairQueue,
    journal: Journal,
    commits: Arc<Commits>,
    /// Which change log the database holds.
    log: chatgraph_entity::change_log::Model,
    /// The server that other processes may use, too.
    shared: Option<Postgres>,
    sealing: Sealing,
}

impl Store {
    /// Opens the database and starts the journal, creating a missing file and bringing its tables up to date. Secrets of
    /// sessions are none of the caller's business.
    ///
    /// # Errors
    /// [`OpenError`], in words for the operator.
    pub async fn open(config: &Config, tasks: &TaskTracker) -> Result<Self, OpenError> {
        connect::create(config)?;
        let writers = connect::writers(config).await?;
        connect::migrate(&writers).await?;
        Self::start(config, writers, Sealing::default(), tasks).await
    }

    /// The same for a command that neither creates a database nor changes its tables.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::Missing`] and [`OpenError::Outdated`] among them.
    pub async fn open_existing(config: &Config, tasks: &TaskTracker) -> Result<Self, OpenError> {
        let writers = connect::writers(config).await?;
        connect::is_up_to_date(&writers).await?;
        Self::start(config, writers, Sealing::default(), tasks).await
    }

    /// The same as [`Store::open`] for a server, which seals and opens the secrets of its sessions with these keys.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::NoMasterKey`] when secrets are sealed with another key.
    pub async fn open_sealed(config: &Config, keys: &MasterKeys, tasks: &TaskTracker) -> Result<Self, OpenError> {
        connect::create(config)?;
        let writers = connect::writers(config).await?;
        connect::migrate(&writers).await?;
        let sealing = sealing::register(&writers, keys).await?;
        refold::refold(&writers).await?;
        Self::start(config, writers, sealing, tasks).await
    }

    async fn start(
        config: &Config,
        writers: DatabaseConnection,
        sealing: Sealing,
        tasks: &TaskTracker,
    ) -> Result<Self, OpenError> {
        let log = organization::change_log(&writers).await?;
        let readers = connect::readers(config).await?;
        let counters = connect::counters(config).await?;
        let walks = FairQueue::new(WALKS, 0);
        let commits = Arc::new(Commits::default());
        let journal = Journal::new(writers, config.patience(), Arc::clone(&commits), tasks.clone());
        let shared = match config {
            Config::Sqlite(_) => None,
            Config::Postgres(server) => Some(server.clone()),
        };
        Ok(Self { readers, counters, walks, journal, commits, log, shared, sealing })
    }

    /// Closes every connection, each once it is idle. Nothing can be read or written afterwards.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close(&self) -> Result<(), StoreError> {
        self.journal.close().await?;
        self.counters.connections.close_by_ref().await?;
        Ok(self.readers.connections.close_by_ref().await?)
    }

    /// Carries out `work` as one unit of the organization: all of it is committed, or nothing. Units that wait at the
    /// same time are committed together; a failing one fails alone. Once handed over, the unit is carried out even when
    /// the caller stops waiting; `work` is carried out again in a new transaction if the one it was in is undone for
    /// another's sake.
    ///
    /// # Errors
    /// What `work` returned, or [`StoreError`] when the commit failed.
    pub async fn write<T, E, F>(&self, organization: &OrganizationId, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'u> FnOnce(&'u mut Unit<'_>) -> Work<'u, T, E> + Clone + Send + 'static,
    {
        self.journal.write(organization, None, work).instrument(unit_span()).await
    }

    /// As [`Store::write`], for a unit that touches one session and what belongs to it: units of different sessions may
    /// then be committed at the same time.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_in<T, E, F>(&self, organization: &OrganizationId, session: SessionId, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'u> FnOnce(&'u mut Unit<'_>) -> Work<'u, T, E> + Clone + Send + 'static,
    {
        self.journal.write(organization, Some(session), work).instrument(unit_span()).await
    }

    /// As [`Store::write_in`], and a few times again while another process is in the way, each time with its own copy of
    /// `input`.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_again<I, T, E, F>(
        &self,
        organization: &OrganizationId,
        session: SessionId,
        input: I,
        work: F,
    ) -> Result<T, E>
    where
        I: Clone + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + std::error::Error + Send + 'static,
        F: for<'u> Fn(I, &'u mut Unit<'_>) -> Work<'u, T, E> + Clone + Send + 'static,
    {
        let mut attempt = 1;
        loop {
            let (input, work) = (input.clone(), work.clone());
            match self.write_in(organization, session, move |unit| work(input, unit)).await {
                Err(failed) if attempt < ATTEMPTS && StoreError::is_conflict(&failed) => {
                    warn!(
                        error = &failed as &dyn std::error::Error,
                        attempt, "Write conflict; retrying the unit of work"
                    );
                    tokio::time::sleep(PAUSE * attempt).await;
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    /// Waits until something was committed, and tells whose. Meant for one listener: what one hears, no other does.
    pub async fn committed(&self) -> Vec<OrganizationId> {
        self.commits.to_hear.next().await
    }

    /// Tells other processes on the same database of this one's commits and hears of theirs, so that
    /// [`Store::committed`] tells of all. Goes on for as long as it is awaited; on SQLite, where there is one process, it
    /// ends at once.
    pub async fn share_commits(&self) {
        if let Some(server) = &self.shared {
            hint::share(server, &self.readers, &self.commits).await;
        }
    }

    /// The readers, for what an organization wants to know.
    fn reader(&self, organization: &OrganizationId) -> Readers {
        self.readers.of(organization)
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError`] when it gives none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.readers.execute_unprepared("SELECT 1").await.map(drop)?)
    }
}

/// The span of a unit of work, from its handing over to its commit.
fn unit_span() -> Span {
    debug_span!("unit of work")
}

#[cfg(test)]
pub(crate) mod tests;
