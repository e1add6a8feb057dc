//! One connection of a pool. The pools of sea-orm take back every connection, whatever its state. Here, a connection
//! that did not answer or is in an unknown state is closed instead.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::{
    ConnAcquireErr, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, SqlxError, Statement,
    sqlx::{self, AssertSqlSafe, Executor as _, Postgres, Sqlite, pool::PoolConnection, postgres::PgRow},
};
use sea_query_sqlx::SqlxValues;
use tokio::{runtime::Handle, time::timeout};

/// Time limit for the return of a connection to its pool. The driver waits for running statements without a limit; the
/// server's own limit for our statements is at most this long.
const RETURN_TIMEOUT: Duration = Duration::from_secs(35);

/// Number of SQLite's virtual-machine steps between two calls of the progress handler: a few hundred microseconds.
const PROGRESS_STEPS: i32 = 10_000;

/// Interrupts SQLite's running statement when it is dropped, so that an abandoned read ends.
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Marks the read as done.
    pub(super) fn disarm(mut self) {
        self.0 = Arc::default();
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A connection that returns to its pool when it is dropped.
pub(super) struct Connection(Option<Kind>);

enum Kind {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl Connection {
    /// Waits for a free connection, or opens one, within the pool's time limit.
    pub(super) async fn acquire(pool: &DatabaseConnection) -> Result<Self, DbErr> {
        let acquired = match pool.get_database_backend() {
            DbBackend::Postgres => pool.get_postgres_connection_pool().acquire().await.map(Kind::Postgres),
            _ => pool.get_sqlite_connection_pool().acquire().await.map(Kind::Sqlite),
        };
        Ok(Self(Some(acquired.map_err(not_acquired)?)))
    }

    /// Limits SQLite's next statement to `limit`, and to the life of the result unless that is disarmed. PostgreSQL has
    /// its own limit.
    pub(super) async fn limit(&mut self, limit: Duration) -> Result<Interrupt, DbErr> {
        let interrupt = Interrupt(Arc::new(AtomicBool::new(false)));
        if let Kind::Sqlite(connection) = self.kind() {
            let (is_given_up, deadline) = (Arc::clone(&interrupt.0), Instant::now() + limit);
            let mut handle = connection.lock_handle().await.map_err(not_executed)?;
            handle.set_progress_handler(PROGRESS_STEPS, move || {
                !is_given_up.load(Ordering::Relaxed) && Instant::now() < deadline
            });
        }
        Ok(interrupt)
    }

    /// Closes the connection at once without notifying the server, which may not answer.
    pub(super) fn discard(mut self) {
        match self.0.take() {
            Some(Kind::Sqlite(connection)) => drop(connection.detach()),
            Some(Kind::Postgres(connection)) => drop(connection.detach()),
            None => {}
        }
    }

    pub(super) async fn execute(&mut self, statement: &Statement) -> Result<ExecResult, DbErr> {
        let done = match self.kind() {
            Kind::Sqlite(connection) => query::<Sqlite>(statement).execute(&mut **connection).await.map(Into::into),
            Kind::Postgres(connection) => query::<Postgres>(statement).execute(&mut **connection).await.map(Into::into),
        };
        done.map_err(not_executed)
    }

    pub(super) async fn execute_unprepared(&mut self, sql: &str) -> Result<ExecResult, DbErr> {
        let sql = AssertSqlSafe(sql.to_owned());
        let done = match self.kind() {
            Kind::Sqlite(connection) => connection.execute(sql).await.map(Into::into),
            Kind::Postgres(connection) => connection.execute(sql).await.map(Into::into),
        };
        done.map_err(not_executed)
    }

    /// Returns the first row of several statements.
    pub(super) async fn query_unprepared(&mut self, sql: &str) -> Result<Option<QueryResult>, DbErr> {
        let sql = AssertSqlSafe(sql.to_owned());
        let row = match self.kind() {
            Kind::Sqlite(connection) => connection.fetch_optional(sql).await.map(|row| row.map(Into::into)),
            Kind::Postgres(connection) => connection.fetch_optional(sql).await.map(|row| row.map(Into::into)),
        };
        row.map_err(not_answered)
    }

    pub(super) async fn query_one(&mut self, statement: &Statement) -> Result<Option<QueryResult>, DbErr> {
        let row = match self.kind() {
            Kind::Sqlite(connection) => {
                query::<Sqlite>(statement).fetch_optional(&mut **connection).await.map(|row| row.map(Into::into))
            }
            Kind::Postgres(connection) => {
                query::<Postgres>(statement).fetch_optional(&mut **connection).await.map(|row| row.map(Into::into))
            }
        };
        row.map_err(not_answered)
    }

    /// Returns the rows as the driver reads them.
    pub(super) async fn query_rows(&mut self, statement: &Statement) -> Result<Vec<PgRow>, DbErr> {
        let Kind::Postgres(connection) = self.kind() else {
            return Err(DbErr::Custom("SQLite has connections of its own for hot reads".into()));
        };
        query::<Postgres>(statement).fetch_all(&mut **connection).await.map_err(not_answered)
    }

    pub(super) async fn query_all(&mut self, statement: &Statement) -> Result<Vec<QueryResult>, DbErr> {
        let rows = match self.kind() {
            Kind::Sqlite(connection) => {
                let rows = query::<Sqlite>(statement).fetch_all(&mut **connection).await;
                rows.map(|rows| rows.into_iter().map(Into::into).collect())
            }
            Kind::Postgres(connection) => {
                let rows = query::<Postgres>(statement).fetch_all(&mut **connection).await;
                rows.map(|rows| rows.into_iter().map(Into::into).collect())
            }
        };
        rows.map_err(not_answered)
    }

    fn kind(&mut self) -> &mut Kind {
        self.0.as_mut().expect("only methods that consume it take the value")
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The driver's own return to the pool waits for an answer without a limit, and would lose a slot of the pool
        // forever if there is none. SQLite answers in this process.
        if let (Some(Kind::Postgres(mut connection)), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(timeout(RETURN_TIMEOUT, connection.return_to_pool()));
        }
    }
}

fn query<DB>(statement: &Statement) -> sqlx::query::Query<'_, DB, SqlxValues>
where
    DB: sqlx::Database,
    SqlxValues: sqlx::IntoArguments<DB>,
{
    let values = statement.values.clone().unwrap_or_else(|| sea_orm::Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}

fn not_acquired(error: SqlxError) -> DbErr {
    match error {
        SqlxError::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        SqlxError::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        error => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
    }
}

fn not_executed(error: SqlxError) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn not_answered(error: SqlxError) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
