//! Reads with retries on dead connections. A PostgreSQL server that restarts closes every connection, and the pool
//! discovers that one by one, so a read is retried on the next one. A connection that does not answer is closed: the
//! database's own time limit is shorter. Organizations take turns at the connections.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement, prelude::async_trait,
};
use tokio::time::timeout;
use tracing::warn;

use super::{
    connection::Connection,
    fair_queue::{FairQueue, Owner, Place},
    pool_size::max_connections,
    row::Row,
    sqlite_reads::SqliteReads,
};
use crate::{
    domain::id::OrganizationId,
    store::error::{self, StoreError},
};

/// With more connections than this, one is reserved for organizations without a read in progress.
const MIN_RESERVING_PLACES: usize = 2;

/// Time limits of reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadLimits {
    /// Time limit in the queue.
    pub(super) queue: Duration,
    /// Time limit for SQLite; PostgreSQL has its own.
    pub(super) read: Duration,
    /// Time limit for the answer.
    pub(super) answer: Duration,
}

/// Connections for reading, for an organization or for the server itself. Cheap to clone.
#[derive(Clone)]
pub(in crate::store) struct ReadPool {
    pub(in crate::store) connections: DatabaseConnection,
    /// Connections for hot reads from SQLite.
    in_process: Option<SqliteReads>,
    limits: ReadLimits,
    queue: FairQueue,
    owner: Owner,
}

impl ReadPool {
    /// Creates them with at most `places` reads at a time; one is reserved if there are many.
    pub(super) fn new(connections: DatabaseConnection, places: usize, limits: ReadLimits) -> Self {
        let reserved = usize::from(places > MIN_RESERVING_PLACES);
        Self { connections, in_process: None, limits, queue: FairQueue::new(places, reserved), owner: None }
    }

    /// Executes hot reads on these connections instead.
    pub(super) fn with_in_process(self, reads: Option<SqliteReads>) -> Self {
        Self { in_process: reads, ..self }
    }

    /// The same connections for an organization, which takes turns with the others.
    pub(in crate::store) fn for_organization(&self, organization: &OrganizationId) -> Self {
        Self { owner: Some(organization.clone()), ..self.clone() }
    }

    /// Executes a hot read, and returns its rows. On SQLite this takes neither a thread nor a model per row.
    pub(in crate::store) async fn rows<T: Send + 'static>(
        &self,
        statement: Statement,
        from_row: impl Fn(&Row<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        if let Some(reads) = &self.in_process {
            let _place = self.place().await?;
            return reads.rows(statement, from_row, self.limits.read, self.limits.answer).await;
        }
        let statement = Arc::new(statement);
        let rows = self.ask(|connection| {
            let statement = Arc::clone(&statement);
            Box::pin(async move { connection.query_rows(&statement).await })
        });
        rows.await?.iter().map(|row| from_row(&Row::Postgres(row))).collect()
    }

    /// Closes every connection, each once it is idle.
    pub(in crate::store) async fn close(&self) -> Result<(), DbErr> {
        if let Some(reads) = &self.in_process {
            reads.close();
        }
        self.connections.close_by_ref().await
    }

    async fn place(&self) -> Result<Place, DbErr> {
        let place = timeout(self.limits.queue, self.queue.place(&self.owner)).await;
        place.map_err(|_| error::too_slow())
    }

    /// Runs `question`, on as many connections as can be dead plus one.
    async fn ask<T, Q>(&self, question: Q) -> Result<T, DbErr>
    where
        Q: for<'c> Fn(&'c mut Connection) -> BoxFuture<'c, Result<T, DbErr>> + Send,
    {
        let _place = self.place().await?;
        let mut dead = 0;
        loop {
            let mut connection = Connection::acquire(&self.connections).await?;
            let interrupt = connection.limit(self.limits.read).await?;
            let answer = timeout(self.limits.answer, question(&mut connection)).await;
            match answer {
                Ok(Err(failed)) if error::is_lost_connection(&failed) => {
                    connection.discard();
                    if dead == max_connections(&self.connections) {
                        return Err(failed);
                    }
                    dead += 1;
                }
                Ok(Err(failed)) if error::is_given_up(&failed) => return Err(error::too_slow()),
                Ok(answered) => {
                    interrupt.disarm();
                    return answered;
                }
                Err(_) => {
                    warn!("A read timed out; closing its database connection");
                    connection.discard();
                    return Err(error::no_answer());
                }
            }
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for ReadPool {
    fn get_database_backend(&self) -> DbBackend {
        self.connections.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.ask(|connection| {
            let statement = statement.clone();
            Box::pin(async move { connection.execute(&statement).await })
        })
        .await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.ask(|connection| {
            let sql = sql.to_owned();
            Box::pin(async move { connection.execute_unprepared(&sql).await })
        })
        .await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.ask(|connection| {
            let statement = statement.clone();
            Box::pin(async move { connection.query_one(&statement).await })
        })
        .await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.ask(|connection| {
            let statement = statement.clone();
            Box::pin(async move { connection.query_all(&statement).await })
        })
        .await
    }
}
