//! All SQL. The organization is part of every WHERE clause. The few exceptions say so: reads that do not know it yet (a
//! key by its hash, the sessions to start), and [`whatsapp_device`], whose rows belong to a session.
//!
//! Reads are methods of [`Store`] with the organization as the first argument. Writes are methods of
//! [`unit_of_work::UnitOfWork`], which runs in the group commit through [`Store::write`], and which knows its
//! organization and its time. There is one file per table, with its conversions between rows and domain types.

mod api_key;
mod backup;
mod batched_delete;
mod change;
mod change_log;
mod chat;
mod chat_list;
mod chat_view;
mod chunk;
mod commit_notify;
mod config;
mod connect;
mod counts;
mod data_version;
mod deleted_unread;
mod early_edit;
mod early_event;
mod encryption;
mod enum_code;
pub mod error;
mod group_commit;
mod history_position;
mod idempotency;
mod incarnation;
mod integrity_check;
mod keyset;
mod merged_chat;
mod message;
mod message_marker;
mod message_move;
mod mute_expiry;
mod open;
mod organization;
mod organization_data;
mod peer;
mod pending_action;
mod quarantine;
mod rejection;
mod retention;
mod sanitize;
mod search_text;
mod session;
mod setting_columns;
mod soft_delete;
mod tombstone;
mod unit_cache;
mod unit_of_work;
mod unread;
pub mod whatsapp_device;
mod write_check;

use std::{sync::Arc, time::Duration};

use sea_orm::ConnectionTrait as _;
use tracing::{Instrument as _, Span, debug_span, warn};

use crate::{
    backoff::Backoff,
    domain::{
        clock::Clock,
        id::{OrganizationId, SessionId},
    },
};
use connect::{FairQueue, ReadPool};
use encryption::Encryption;
use error::StoreError;
use group_commit::{GroupCommit, UnitOwner, notifier::CommitNotifier};

pub use api_key::{HashedSecret, KeySecret};
pub use backup::{back_up, restore};
pub use chat_view::ChatPages;
pub use config::{DatabaseArgs, MasterKeyArgs};
pub use connect::{
    Config, DatabaseLock, OpenError, Postgres, ServerLock, UrlError, checkpoint, migrate_down, migrate_up, migrations,
    reset_change_log,
};
pub use counts::Counts;
pub use deleted_unread::DeletedUnread;
pub use early_edit::EarlyEdit;
pub use encryption::{
    MasterKeyError, MasterKeyId, MasterKeys, Rotated, forget_master_key, master_key_rows, new_master_key,
    rotate_master_key,
};
pub use group_commit::Committed;
pub use idempotency::KeyUse;
#[cfg(test)]
pub(crate) use integrity_check::broken_rules;
pub use integrity_check::{CheckResult, check};
pub use message::KnownMessage;
pub use message_move::MovedMessages;
pub use mute_expiry::EndingMute;
pub use organization_data::OrganizationCounts;
pub use quarantine::{MAX_QUARANTINED, QuarantinedEvent};
pub use session::{SessionSums, WantedSessions};
pub use unit_of_work::{UnitOfWork, Work};

/// Attempts of a unit that conflicts with another process, and pauses between them.
const MAX_ATTEMPTS: u32 = 5;
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(20);
const MAX_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The database: a pool of readers, and one group commit that writes. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: ReadPool,
    /// Readers with a time limit of one second.
    counters: ReadPool,
    /// Limits concurrent full scans of lists.
    walks: FairQueue,
    group_commit: GroupCommit,
    /// Clock of the units of work.
    clock: Arc<dyn Clock>,
    commits: Arc<CommitNotifier>,
    /// Incarnation of the change log.
    log: chatgraph_entity::change_log::Model,
    /// The database server, if other processes may use it, too.
    shared: Option<Postgres>,
    encryption: Encryption,
}

impl Store {
    /// Closes every connection, each once it is idle. No reads or writes are possible afterwards.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close(&self) -> Result<(), StoreError> {
        self.group_commit.close().await?;
        self.counters.connections.close_by_ref().await?;
        Ok(self.readers.close().await?)
    }

    /// Runs `work` as one unit of the organization: all of it is committed, or nothing. Units that wait at the same
    /// time are committed together; a failed unit does not affect the others. The unit runs even if the caller is
    /// cancelled. `work` runs again in a new transaction, with the same time, if its first one is rolled back because of
    /// another unit.
    ///
    /// # Errors
    /// The error of `work`, or [`StoreError`] if the commit failed.
    pub async fn write<T, E, F>(&self, organization: &OrganizationId, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'u> FnOnce(&'u mut UnitOfWork<'_>) -> Work<'u, T, E> + Clone + Send + 'static,
    {
        let unit = UnitOwner { organization, session: None, changes_version: true };
        self.group_commit.write(unit, self.clock.now(), work).instrument(unit_span()).await
    }

    /// Like [`Store::write`], for a unit that only concerns one session: units of different sessions can be committed
    /// in parallel.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_session<T, E, F>(
        &self,
        organization: &OrganizationId,
        session: SessionId,
        work: F,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'u> FnOnce(&'u mut UnitOfWork<'_>) -> Work<'u, T, E> + Clone + Send + 'static,
    {
        let unit = UnitOwner { organization, session: Some(session), changes_version: true };
        self.group_commit.write(unit, self.clock.now(), work).instrument(unit_span()).await
    }

    /// Like [`Store::write`] and [`Store::write_session`], for rows that no stored response shows.
    async fn write_unversioned<T, E, F>(
        &self,
        organization: &OrganizationId,
        session: Option<SessionId>,
        work: F,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'u> FnOnce(&'u mut UnitOfWork<'_>) -> Work<'u, T, E> + Clone + Send + 'static,
    {
        let unit = UnitOwner { organization, session, changes_version: false };
        self.group_commit.write(unit, self.clock.now(), work).instrument(unit_span()).await
    }

    /// Like [`Store::write_session`], with a few retries after conflicts with another process, each with its own copy of
    /// `input`.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_session_with_retry<I, T, E, F>(
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
        F: for<'u> Fn(I, &'u mut UnitOfWork<'_>) -> Work<'u, T, E> + Clone + Send + 'static,
    {
        let (mut attempt, mut pauses) = (1, Backoff::half_jitter(FIRST_RETRY_DELAY, MAX_RETRY_DELAY));
        loop {
            let (input, work) = (input.clone(), work.clone());
            match self.write_session(organization, session, move |unit| work(input, unit)).await {
                Err(failed) if attempt < MAX_ATTEMPTS && StoreError::is_conflict(&failed) => {
                    warn!(
                        error = &failed as &dyn std::error::Error,
                        attempt, "Write conflict; retrying the unit of work"
                    );
                    pauses.wait().await;
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    /// Waits for a commit, and returns the organizations with new changes. For one receiver only: a commit is reported
    /// once.
    pub async fn committed(&self) -> Vec<OrganizationId> {
        self.commits.to_hear.next().await
    }

    /// Returns the version of an organization's data, which every commit changes. `None` during a commit. It does not
    /// include changes by commands, and those of another server only after their notification.
    #[must_use]
    pub fn data_version(&self, organization: &OrganizationId) -> Option<u64> {
        self.commits.versions.current(organization)
    }

    /// Exchanges notifications of commits with other processes on the same database, so that [`Store::committed`]
    /// returns theirs, too. Runs for as long as it is awaited; on SQLite, with a single process, it returns at once.
    pub async fn share_commits(&self) {
        if let Some(server) = &self.shared {
            commit_notify::share(server, &self.readers, &self.commits).await;
        }
    }

    /// The readers, on behalf of an organization.
    fn reader(&self, organization: &OrganizationId) -> ReadPool {
        self.readers.for_organization(organization)
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.readers.execute_unprepared("SELECT 1").await.map(drop)?)
    }
}

/// Creates the span of a unit of work, from its submission to its commit.
fn unit_span() -> Span {
    debug_span!("unit of work")
}

#[cfg(test)]
pub(crate) mod tests;
