//! A transaction of the group commit, with its own BEGIN, SAVEPOINT, ROLLBACK and COMMIT. The drivers count the nesting
//! of transactions, and on SQLite that count is wrong after a failure. SQLite has rolled back by itself then, and later
//! statements would be released inside a transaction that is never committed. Here, a connection on which one of these
//! statements failed is closed, and the database itself rejects BEGIN in an open transaction.

use std::{sync::Arc, time::Duration};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement, prelude::async_trait,
};
use tokio::{sync::Mutex, time::timeout};

use super::connection::Connection;
use crate::store::error::{self, StoreError};

/// Time limit of BEGIN. It only waits for other transactions on SQLite, whose own limit is shorter.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(12);
/// Time limit for the outcome of a transaction.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Statements before the first unit, between units, and after a unit that is undone. The commit releases the last
/// savepoint.
const SQLITE_BEGIN_SQL: &str = "BEGIN IMMEDIATE; SAVEPOINT unit";
const POSTGRES_BEGIN_SQL: &str = "BEGIN; SAVEPOINT unit; \
     SELECT pg_current_xact_id()::text AS number, pg_postmaster_start_time()::text AS server, \
     current_setting('transaction_read_only') AS read_only";
const KEEP_SQL: &str = "RELEASE SAVEPOINT unit; SAVEPOINT unit";
const UNDO_SQL: &str = "ROLLBACK TO SAVEPOINT unit";

/// `SQLite`'s codes for a commit that is certainly not in the file: busy (5), full (13), a constraint (19), and a
/// failed write (10 with 3 above it). After others, such as a failed sync, the next start may find all of it.
const UNDONE_CODES: [u32; 4] = [5, 13, 19, 0x30a];

/// An open transaction. If it is dropped before the commit, its connection is closed, and the database rolls back.
pub(in crate::store) struct Transaction {
    held: Mutex<Held>,
    backend: DbBackend,
    /// Time limit of a statement. The server's own limit is shorter: this is for a server that does not answer.
    limit: Duration,
    mark: Option<Mark>,
}

/// Identifies a transaction on PostgreSQL, to query its outcome later.
#[derive(Debug, Clone)]
pub(in crate::store) struct Mark {
    number: String,
    /// Start time of the server. After a failover, another server may have given the number to another transaction.
    server: String,
}

/// Outcome of a transaction whose commit was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Outcome {
    Committed,
    Undone,
    /// The transaction is still in progress.
    UnderWay,
    /// The server does not know it, or is not the same one.
    Unknown,
}

/// Reason why a transaction is not known to be committed.
#[derive(Debug)]
pub(in crate::store) enum NotCommitted {
    /// Nothing of it is stored.
    Undone(DbErr),
    /// COMMIT was sent, and the answer is missing or inconclusive.
    Unknown(DbErr, Option<Mark>),
}

impl From<NotCommitted> for StoreError {
    fn from(error: NotCommitted) -> Self {
        match error {
            NotCommitted::Undone(failed) => failed.into(),
            NotCommitted::Unknown(failed, _) => Self::Unconfirmed(Arc::new(failed)),
        }
    }
}

struct Held {
    /// `None` once it is returned or closed.
    connection: Option<Connection>,
    /// Failure since the last savepoint.
    fault: Option<Fault>,
}

/// Failure of a transaction.
#[derive(Debug, Clone)]
pub(in crate::store) enum Fault {
    /// A statement failed: only a rollback is possible, on SQLite as on PostgreSQL.
    Statement(DbErr),
    /// The connection is unusable.
    Connection(DbErr),
}

impl Transaction {
    /// Begins a write transaction with the first savepoint. SQLite locks at once, because an upgrade of a lock does not
    /// wait.
    pub(in crate::store) async fn begin(writers: &DatabaseConnection, limit: Duration) -> Result<Self, DbErr> {
        let mut connection = Connection::acquire(writers).await?;
        let backend = writers.get_database_backend();
        let begun = timeout(BEGIN_TIMEOUT, async {
            match backend {
                DbBackend::Postgres => Mark::read(connection.query_unprepared(POSTGRES_BEGIN_SQL).await?).map(Some),
                _ => connection.execute_unprepared(SQLITE_BEGIN_SQL).await.map(|_| None),
            }
        });
        match begun.await.unwrap_or_else(|_| Err(error::no_answer())) {
            Ok(mark) => {
                let held = Mutex::new(Held { connection: Some(connection), fault: None });
                Ok(Self { held, backend, limit, mark })
            }
            Err(failed) => {
                connection.discard();
                Err(failed)
            }
        }
    }

    /// Releases the last savepoint and sets the next one.
    pub(in crate::store) async fn keep(&self) -> Result<(), DbErr> {
        self.execute_unprepared(KEEP_SQL).await.map(drop)
    }

    /// Rolls back to the last savepoint.
    pub(in crate::store) async fn undo(&self) -> Result<(), DbErr> {
        let mut held = self.held.lock().await;
        if let Some(Fault::Connection(lost)) = &held.fault {
            return Err(lost.clone());
        }
        held.fault = None;
        let undone = timeout(self.limit, held.statement()?.execute_unprepared(UNDO_SQL)).await;
        held.ended(undone.unwrap_or_else(|_| Err(error::no_answer()))).map(drop)
    }

    /// Returns the failure since the last savepoint.
    pub(in crate::store) async fn fault(&self) -> Option<Fault> {
        self.held.lock().await.fault.clone()
    }

    /// Commits. The connection only returns to the pool if the database confirmed the commit.
    pub(in crate::store) async fn commit(self) -> Result<(), NotCommitted> {
        let mut held = self.held.lock().await;
        let committed = match held.statement() {
            Ok(connection) => timeout(self.limit, connection.execute_unprepared("COMMIT")).await,
            Err(failed) => return Err(NotCommitted::Undone(failed)),
        };
        let Err(failed) = held.ended(committed.unwrap_or_else(|_| Err(error::no_answer()))) else {
            drop(held.connection.take());
            return Ok(());
        };
        drop(held);
        let is_undone = match (self.backend, error::sqlite_code(&failed)) {
            (DbBackend::Postgres, _) => !error::is_lost_connection(&failed) && !error::is_silence(&failed),
            (_, code) => {
                code.is_some_and(|code| UNDONE_CODES.contains(&code) || UNDONE_CODES[..3].contains(&(code & 0xff)))
            }
        };
        if is_undone {
            Err(NotCommitted::Undone(failed))
        } else {
            Err(NotCommitted::Unknown(failed, self.mark.clone()))
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(connection) = self.held.get_mut().connection.take() {
            connection.discard();
        }
    }
}

impl Held {
    /// Returns the connection for one statement, which counts as failed until it has ended: the caller may be
    /// cancelled.
    fn statement(&mut self) -> Result<&mut Connection, DbErr> {
        if let Some(Fault::Statement(failed) | Fault::Connection(failed)) = &self.fault {
            return Err(failed.clone());
        }
        self.fault = Some(Fault::Connection(error::no_answer()));
        self.connection.as_mut().ok_or_else(error::no_answer)
    }

    fn ended<T>(&mut self, done: Result<T, DbErr>) -> Result<T, DbErr> {
        self.fault = match &done {
            Ok(_) => None,
            Err(failed) if error::is_of_connection(failed) => Some(Fault::Connection(failed.clone())),
            Err(failed) => Some(Fault::Statement(failed.clone())),
        };
        done
    }
}

impl Mark {
    fn read(row: Option<QueryResult>) -> Result<Self, DbErr> {
        let row = row.ok_or_else(|| DbErr::RecordNotFound("a transaction id".to_owned()))?;
        if row.try_get::<String>("", "read_only")? == "on" {
            return Err(error::read_only());
        }
        Ok(Self { number: row.try_get("", "number")?, server: row.try_get("", "server")? })
    }

    /// Queries the outcome of the transaction.
    pub(in crate::store) async fn outcome(&self, pool: &DatabaseConnection) -> Result<Outcome, DbErr> {
        let question = "SELECT pg_xact_status($1::xid8) AS status WHERE pg_postmaster_start_time()::text = $2";
        let values = [self.number.clone().into(), self.server.clone().into()];
        let question = Statement::from_sql_and_values(DbBackend::Postgres, question, values);
        let mut connection = Connection::acquire(pool).await?;
        let answer = timeout(ANSWER_TIMEOUT, connection.query_one(&question)).await;
        let row = match answer.unwrap_or_else(|_| Err(error::no_answer())) {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(Outcome::Unknown),
            Err(failed) => {
                connection.discard();
                return Err(failed);
            }
        };
        Ok(match row.try_get::<Option<String>>("", "status")?.as_deref() {
            Some("committed") => Outcome::Committed,
            Some("aborted") => Outcome::Undone,
            Some("in progress") => Outcome::UnderWay,
            _ => Outcome::Unknown,
        })
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let mut held = self.held.lock().await;
        let done = timeout(self.limit, held.statement()?.execute(&statement)).await;
        held.ended(done.unwrap_or_else(|_| Err(error::no_answer())))
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut held = self.held.lock().await;
        let done = timeout(self.limit, held.statement()?.execute_unprepared(sql)).await;
        held.ended(done.unwrap_or_else(|_| Err(error::no_answer())))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let mut held = self.held.lock().await;
        let row = timeout(self.limit, held.statement()?.query_one(&statement)).await;
        held.ended(row.unwrap_or_else(|_| Err(error::no_answer())))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut held = self.held.lock().await;
        let rows = timeout(self.limit, held.statement()?.query_all(&statement)).await;
        held.ended(rows.unwrap_or_else(|_| Err(error::no_answer())))
    }
}
