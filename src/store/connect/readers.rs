//! Reading past dead connections. A PostgreSQL server that restarts closes every connection, and a pool finds out one by
//! one: what was asked on a dead one is asked again on the next, as nothing is lost by it.

use sea_orm::ConnectionTrait;
use sea_orm::DatabaseConnection;
use sea_orm::DbBackend;
use sea_orm::DbErr;
use sea_orm::ExecResult;
use sea_orm::QueryResult;
use sea_orm::Statement;
use sea_orm::prelude::async_trait;

use crate::store::error;

/// The connections that read. Cheap to clone.
#[derive(Clone)]
pub(in crate::store) struct Readers(pub(in crate::store) DatabaseConnection);

impl Readers {
    pub(super) fn new(connections: DatabaseConnection) -> Self {
        Self(connections)
    }

    /// Asks `question`, of as many connections as there may be dead ones and one more.
    async fn ask<T, A>(&self, question: impl Fn() -> A + Send) -> Result<T, DbErr>
    where
        A: Future<Output = Result<T, DbErr>> + Send,
    {
        for _ in 0..super::most(&self.0) {
            match question().await {
                Err(failed) if error::is_lost_connection(&failed) => {}
                answered => return answered,
            }
        }
        question().await
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Readers {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.ask(|| self.0.execute_raw(statement.clone())).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.ask(|| self.0.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.ask(|| self.0.query_one_raw(statement.clone())).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.ask(|| self.0.query_all_raw(statement.clone())).await
    }
}
