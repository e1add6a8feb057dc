//! Storage of the WhatsApp library's state of a session: its keys, its link to the account, and its app-state versions.
//!
//! This is the only part of the store whose rows have no organization: they belong to the session, which is the first
//! part of every key, and only the session layer uses them. They are deleted with the session.
//!
//! Most of the state is looked up by its key alone and is a [`Record`]; a new kind is a line in [`RecordKind`]. State
//! that is also looked up by something else has its own table and file.

mod archive;
mod lid;
mod privacy_token;
mod record;
mod secret;
mod sender_key;

use std::{error::Error, time::Duration};

use chatgraph_entity::device_record;
use sea_orm::{
    ActiveModelTrait, ColumnTrait as _, Condition, ConnectionTrait, EntityTrait, QueryFilter as _, Select, Statement,
    sea_query::OnConflict,
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    Store, batched_delete,
    error::StoreError,
    unit_of_work::{UnitOfWork, Work},
};
use crate::domain::id::{OrganizationId, SessionId};

pub use lid::LidMapping;
pub use privacy_token::PrivacyToken;
pub use record::{Record, RecordKind};
pub use secret::Secret;

/// Rows per statement: databases limit the number of values.
const BATCH_ROWS: usize = 1000;
/// Maximum number of rows that one unit deletes.
const DELETE_STEP: u64 = if cfg!(test) { 3 } else { 1000 };
/// Tables with the state of sessions.
pub(in crate::store) const TABLES: [&str; 5] =
    ["device_secret", "device_record", "device_sender_key", "device_lid", "device_token"];
/// Condition that the session `$1` has no device.
const NO_DEVICE: &str =
    "NOT EXISTS (SELECT 1 FROM device_record AS device WHERE device.session_id = $1 AND device.kind = 1)";
/// Backoff for retrying a database operation.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(50);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The device state of one session. Writes return once they are committed, and reads see all earlier commits. A write
/// of several rows is one unit; an empty write does nothing. Both wait while the database is unavailable.
#[derive(Clone)]
pub struct DeviceState {
    store: Store,
    organization: OrganizationId,
    session: SessionId,
    closed: CancellationToken,
}

impl Store {
    /// Returns the device state of a session. No I/O.
    #[must_use]
    pub fn device_state(&self, organization: &OrganizationId, session: SessionId) -> DeviceState {
        let (store, organization) = (self.clone(), organization.clone());
        DeviceState { store, organization, session, closed: CancellationToken::new() }
    }
}

impl DeviceState {
    /// Rejects all further writes through this handle and its clones: an abandoned client may still be running.
    pub fn close(&self) {
        self.closed.cancel();
    }

    /// Waits until the handle is closed.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Deletes the device itself. [`DeviceState::clear_rest`] deletes the rest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget(&self) -> Result<(), StoreError> {
        self.remove_records_under(RecordKind::Device, &[]).await.map(drop)
    }

    /// Deletes what [`DeviceState::forget`] left, some rows a unit; nothing while there is a device.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clear_rest(&self) -> Result<(), StoreError> {
        if self.has_record_under(RecordKind::Device, &[]).await? {
            return Ok(());
        }
        loop {
            let some = self.write(self.session.to_bytes(), |session, unit| {
                Box::pin(async move { unit.clear_device(&session, DELETE_STEP).await })
            });
            if some.await? < DELETE_STEP {
                return Ok(());
            }
        }
    }

    /// Inserts rows with `conflict` as the conflict clause. Rows must be unique and in the order of their keys: a
    /// statement must not contain a row twice, and concurrent writers must use the same order.
    async fn upsert<A>(&self, rows: Vec<A>, conflict: OnConflict) -> Result<(), StoreError>
    where
        A: ActiveModelTrait + Send + Sync + 'static,
    {
        if rows.is_empty() {
            return Ok(());
        }
        self.write((rows, conflict), |(rows, conflict), unit| {
            Box::pin(async move {
                let mut rows = rows.into_iter().peekable();
                while rows.peek().is_some() {
                    let insert = A::Entity::insert_many(rows.by_ref().take(BATCH_ROWS)).on_conflict(conflict.clone());
                    insert.exec_without_returning(unit.tx).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Deletes the rows that match one of the conditions, and returns the number.
    async fn delete<E: EntityTrait>(&self, conditions: Vec<Condition>) -> Result<u32, StoreError> {
        if conditions.is_empty() {
            return Ok(0);
        }
        self.write(conditions, |conditions, unit| {
            Box::pin(async move {
                let mut gone = 0;
                for condition in conditions {
                    gone += E::delete_many().filter(condition).exec(unit.tx).await?.rows_affected;
                }
                Ok(u32::try_from(gone).unwrap_or(u32::MAX))
            })
        })
        .await
    }

    /// Returns the first row.
    async fn find_one<E: EntityTrait<Model: Send>>(&self, query: Select<E>) -> Result<Option<E::Model>, StoreError> {
        self.with_retry(|| {
            let (query, readers) = (query.clone(), &self.store.readers);
            async move { Ok(query.one(readers).await?) }
        })
        .await
    }

    /// Returns all rows.
    async fn find_all<E: EntityTrait<Model: Send>>(&self, query: Select<E>) -> Result<Vec<E::Model>, StoreError> {
        self.with_retry(|| {
            let (query, readers) = (query.clone(), &self.store.readers);
            async move { Ok(query.all(readers).await?) }
        })
        .await
    }

    /// Runs a write; every write goes through here, so the checks for all of them are made here, in their transaction.
    /// It may run twice, if the outcome of its commit is unknown.
    async fn write<I, T, F>(&self, input: I, work: F) -> Result<T, StoreError>
    where
        I: Clone + Send + Sync + 'static,
        T: Send + 'static,
        F: for<'u> Fn(I, &'u mut UnitOfWork<'_>) -> Work<'u, T, StoreError> + Clone + Send + Sync + 'static,
    {
        let (input, work) = (&input, &work);
        self.with_retry(|| {
            let (input, work, closed) = (input.clone(), work.clone(), self.closed.clone());
            self.store.write_unversioned(&self.organization, Some(self.session), move |unit| {
                if closed.is_cancelled() { Box::pin(async { Err(StoreError::Closed) }) } else { work(input, unit) }
            })
        })
        .await
    }

    /// Retries until the database answers, or the handle is closed. The library treats an error as final: it would
    /// permanently reject a message that it cannot decrypt because of one. So every database error is retried. Errors
    /// about a value that was read are returned, and so is a deleted session: all rows refer to it.
    async fn with_retry<T, A>(&self, ask: impl Fn() -> A + Send) -> Result<T, StoreError>
    where
        A: Future<Output = Result<T, StoreError>> + Send,
    {
        let mut pause = FIRST_RETRY_DELAY;
        loop {
            let failed = match ask().await {
                Err(failed) if failed.is_of_database() && !failed.refers_to_nothing() => failed,
                answered => return answered,
            };
            warn!(error = &failed as &dyn Error, "Storing session state failed; it will be retried");
            tokio::select! {
                () = self.closed.cancelled() => return Err(StoreError::Closed),
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(MAX_RETRY_DELAY),
            }
        }
    }
}

impl Store {
    /// Returns the sessions with device state but without a device: its deletion was interrupted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn half_deleted_devices(&self) -> Result<Vec<(OrganizationId, SessionId)>, StoreError> {
        let rest =
            TABLES.map(|table| format!("EXISTS (SELECT 1 FROM {table} AS rest WHERE rest.session_id = session.id)"));
        let no_device = NO_DEVICE.replace("$1", "session.id");
        let rest = rest.join(" OR ");
        let sql = format!("SELECT organization, id FROM session WHERE organization <> '' AND {no_device} AND ({rest})");
        let query = Statement::from_string(self.readers.get_database_backend(), sql);
        let corrupt = |column| StoreError::Corrupt { table: "session", column };
        let mut found = Vec::new();
        for row in self.readers.query_all_raw(query).await? {
            let (organization, id): (String, Vec<u8>) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let organization = organization.parse().map_err(|_| corrupt("organization"))?;
            found.push((organization, SessionId::from_bytes(&id).map_err(|_| corrupt("id"))?));
        }
        Ok(found)
    }
}

impl UnitOfWork<'_> {
    /// Deletes up to `limit` rows of a session's device state, the device itself first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(in crate::store) async fn clear_session(&mut self, session: &[u8], limit: u64) -> Result<u64, StoreError> {
        let device = device_record::Entity::delete_many()
            .filter(device_record::Column::SessionId.eq(session))
            .filter(device_record::Column::Kind.eq(RecordKind::Device as i16));
        let device = device.exec(self.tx).await?.rows_affected;
        Ok(device + self.clear_device(session, limit.saturating_sub(device)).await?)
    }

    /// Deletes up to `limit` rows of the device state of a session without a device; returns the number.
    async fn clear_device(&mut self, session: &[u8], limit: u64) -> Result<u64, StoreError> {
        let mut cleared = 0;
        for table in TABLES {
            if cleared < limit {
                cleared += batched_delete::remove(self.tx, table, NO_DEVICE, session, limit - cleared).await?;
            }
        }
        Ok(cleared)
    }
}

/// Deletes all of a session's device state at once, for a command of the operator.
pub(in crate::store) async fn forget(tx: &impl ConnectionTrait, session: &[u8]) -> Result<(), StoreError> {
    for table in TABLES {
        batched_delete::remove(tx, table, "TRUE", session, u64::MAX >> 1).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
