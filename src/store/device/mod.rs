//! What the WhatsApp library remembers of a session: its keys, its link to the account, how far it has read.
//!
//! The one part of the store whose rows name no organization: they are the session's own, every key begins with the
//! session, and only the session layer, which runs the session, comes here. They go when the session goes.
//!
//! Most of it is found by its key alone and is a [`Record`]; a new kind of those is a line in [`Kind`]. What is asked
//! for by something else too has a table and a file of its own.

mod lid;
mod record;
mod secret;
mod sender_key;
mod token;

use std::error::Error;
use std::time::Duration;

use chatgraph_entity::device_lid;
use chatgraph_entity::device_record;
use chatgraph_entity::device_secret;
use chatgraph_entity::device_sender_key;
use chatgraph_entity::device_token;
use sea_orm::ActiveModelTrait;
use sea_orm::ColumnTrait as _;
use sea_orm::Condition;
use sea_orm::ConnectionTrait;
use sea_orm::EntityTrait;
use sea_orm::QueryFilter as _;
use sea_orm::Select;
use sea_orm::sea_query::OnConflict;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;

use super::Store;
use super::error::StoreError;
use super::unit::Unit;
use super::unit::Work;

pub use lid::LidMapping;
pub use record::Kind;
pub use record::Record;
pub use secret::Secret;
pub use token::Token;

/// Rows in one statement: databases bound how many values one may carry.
const ROWS: usize = 1000;
/// How long to wait before the database is asked again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The memory of one session. Writes return once they are committed, and reads see what was committed before. A write
/// of several rows is one unit; one of none costs nothing. While the database is away, both wait for it.
#[derive(Clone)]
pub struct DeviceState {
    store: Store,
    organization: OrganizationId,
    session: SessionId,
    closed: CancellationToken,
}

impl Store {
    /// The memory of a session. No I/O.
    #[must_use]
    pub fn device_state(&self, organization: &OrganizationId, session: SessionId) -> DeviceState {
        let (store, organization) = (self.clone(), organization.clone());
        DeviceState { store, organization, session, closed: CancellationToken::new() }
    }
}

impl DeviceState {
    /// Refuses all further writes through this handle and its clones: a client that was given up may still be at it.
    pub fn close(&self) {
        self.closed.cancel();
    }

    /// Waits until the handle is closed.
    pub async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Deletes all of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget(&self) -> Result<(), StoreError> {
        self.write(self.session.to_bytes(), |session, unit| Box::pin(async move { forget(unit.tx, &session).await }))
            .await
    }

    /// Inserts rows, and does what `conflict` says with those that are there. Rows come in the order of their keys, each
    /// once: a statement must not meet a row twice, and writers that meet the same rows do so in the same order.
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
                    let insert = A::Entity::insert_many(rows.by_ref().take(ROWS)).on_conflict(conflict.clone());
                    insert.exec_without_returning(unit.tx).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Deletes the rows of an entity that fit one of the conditions, and tells how many.
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

    /// The first row.
    async fn one<E: EntityTrait<Model: Send>>(&self, query: Select<E>) -> Result<Option<E::Model>, StoreError> {
        self.patiently(|| {
            let (query, readers) = (query.clone(), &self.store.readers);
            async move { Ok(query.one(readers).await?) }
        })
        .await
    }

    /// All rows.
    async fn all<E: EntityTrait<Model: Send>>(&self, query: Select<E>) -> Result<Vec<E::Model>, StoreError> {
        self.patiently(|| {
            let (query, readers) = (query.clone(), &self.store.readers);
            async move { Ok(query.all(readers).await?) }
        })
        .await
    }

    /// Every write comes through here; what has to hold for all of them is asked here, in their transaction. It may be
    /// carried out twice, when nobody can tell whether it was committed.
    async fn write<I, T, F>(&self, input: I, work: F) -> Result<T, StoreError>
    where
        I: Clone + Send + Sync + 'static,
        T: Send + 'static,
        F: for<'u> Fn(I, &'u mut Unit<'_>) -> Work<'u, T, StoreError> + Clone + Send + Sync + 'static,
    {
        let (input, work) = (&input, &work);
        self.patiently(|| {
            let (input, work, closed) = (input.clone(), work.clone(), self.closed.clone());
            self.store.write_in(&self.organization, self.session, move |unit| {
                if closed.is_cancelled() { Box::pin(async { Err(StoreError::Closed) }) } else { work(input, unit) }
            })
        })
        .await
    }

    /// Asks until the database answers, or the handle is closed. To the library an error is an answer: a message that it
    /// cannot open because of one it refuses for good. So every error of the database is waited out, whatever it is. What is
    /// told of a value that was read is passed on, and that the session is gone: all rows refer to it.
    async fn patiently<T, A>(&self, ask: impl Fn() -> A + Send) -> Result<T, StoreError>
    where
        A: Future<Output = Result<T, StoreError>> + Send,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            let failed = match ask().await {
                Err(failed) if failed.is_of_database() && !failed.refers_to_nothing() => failed,
                answered => return answered,
            };
            warn!(error = &failed as &dyn Error, "A session waits for the database");
            tokio::select! {
                () = self.closed.cancelled() => return Err(StoreError::Closed),
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }
}

/// Deletes what is remembered of a session.
pub(in crate::store) async fn forget(tx: &impl ConnectionTrait, session: &[u8]) -> Result<(), StoreError> {
    clear::<device_record::Entity>(tx, device_record::Column::SessionId, session).await?;
    clear::<device_sender_key::Entity>(tx, device_sender_key::Column::SessionId, session).await?;
    clear::<device_lid::Entity>(tx, device_lid::Column::SessionId, session).await?;
    clear::<device_token::Entity>(tx, device_token::Column::SessionId, session).await?;
    clear::<device_secret::Entity>(tx, device_secret::Column::SessionId, session).await
}

/// Deletes a session's rows of one table.
async fn clear<E: EntityTrait>(
    tx: &impl ConnectionTrait,
    session_id: E::Column,
    session: &[u8],
) -> Result<(), StoreError> {
    E::delete_many().filter(session_id.eq(session)).exec(tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
