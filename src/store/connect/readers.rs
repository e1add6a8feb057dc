//! Reading past dead connections. A PostgreSQL server that restarts closes every connection, and a pool finds out one by
//! one: what was asked on a dead one is asked again on the next, as nothing is lost by it. One on which no answer comes is
//! closed: the database gives up by itself before that.

use std::time::Duration;

use futures_util::future::BoxFuture;
use sea_orm::ConnectionTrait;
use sea_orm::DatabaseConnection;
use sea_orm::DbBackend;
use sea_orm::DbErr;
use sea_orm::ExecResult;
use sea_orm::QueryResult;
use sea_orm::Statement;
use sea_orm::prelude::async_trait;
use tokio::time::timeout;
use tracing::warn;

use super::connection::Connection;
use crate::store::error;

/// The connections that read, and how long an answer is waited for. Cheap to clone.
#[derive(Clone)]
pub(in crate::store) struct Readers(pub(in crate::store) DatabaseConnection, Duration);

impl Readers {
    pub(super) fn new(connections: DatabaseConnection, limit: Duration) -> Self {
        Self(connections, limit)
    }

    /// Asks `question`, of as many connections as there may be dead ones and one more.
    async fn ask<T, Q>(&self, question: Q) -> Result<T, DbErr>
    where
        Q: for<'c> Fn(&'c mut Connection) -> BoxFuture<'c, Result<T, DbErr>> + Send,
    {
        let mut dead = 0;
        loop {
            let mut connection = Connection::acquire(&self.0).await?;
            let answer = timeout(self.1, question(&mut connection)).await;
            match answer {
                Ok(Err(failed)) if error::is_lost_connection(&failed) => {
                    connection.discard();
                    if dead == super::most(&self.0) {
                        return Err(failed);
                    }
                    dead += 1;
                }
                Ok(answered) => return answered,
                Err(_) => {
                    warn!("The database did not answer a read; its connection is closed");
                    connection.discard();
                    return Err(error::silence());
                }
            }
        }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Readers {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
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
