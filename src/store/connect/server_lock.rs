//! Lock that allows one server at a time on a PostgreSQL database: a session-level advisory lock on a connection that
//! the server keeps open. PostgreSQL releases it when the connection ends, however the process ended.

use std::{io, time::Duration};

use sea_orm::{
    SqlxError,
    sqlx::{Connection as _, Executor as _, PgConnection, query_scalar},
};
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::{Config, OpenError, Postgres};

/// The lock's number is "chatsrvr" in ASCII.
const TRY_LOCK_SQL: &str = "SELECT pg_try_advisory_lock(x'6368617473727672'::bigint)";
/// Finds the connection that holds it, by the two halves of that number.
const HOLDER_SQL: &str = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 \
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                      AND classid = x'63686174'::bigint::oid AND objid = x'73727672'::bigint::oid";
/// Lets PostgreSQL detect within half a minute that the machine at the other end is gone, and release the lock.
const KEEPALIVE_SQL: &str =
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";
/// Time limit for taking the lock: a killed process may hold it for a moment.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// Interval of the connection check, and time limit of its answer.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Keeps a second server from the same PostgreSQL database for as long as it lives. Does nothing on SQLite, where a
/// locked file serves the purpose ([`super::DatabaseLock`]).
pub struct ServerLock {
    held: Option<HeldLock>,
}

struct HeldLock {
    server: Postgres,
    connection: PgConnection,
    /// PostgreSQL backend processes of this server's connections that may hold the lock.
    own: Vec<i32>,
}

impl ServerLock {
    /// Takes the lock, and waits a few seconds for a server that is stopping.
    ///
    /// # Errors
    /// [`OpenError::Served`] if another server has it, [`OpenError::Unreachable`].
    pub async fn take(config: &Config) -> Result<Self, OpenError> {
        let Config::Postgres(server) = config else { return Ok(Self { held: None }) };
        let failed = |source| OpenError::Unreachable { server: server.server(), source };
        let deadline = Instant::now() + ACQUIRE_TIMEOUT;
        loop {
            if let Some(held) = HeldLock::take(server).await.map_err(failed)? {
                return Ok(Self { held: Some(held) });
            }
            if Instant::now() >= deadline {
                return Err(OpenError::Served(server.server()));
            }
            sleep(RETRY_DELAY).await;
        }
    }

    /// Waits until another server has the lock, which is only possible after the connection was lost: the database
    /// restarted, or the network failed. Holds the lock until dropped.
    pub async fn lost(self) {
        let Some(mut held) = self.held else { return std::future::pending().await };
        loop {
            sleep(CHECK_INTERVAL).await;
            if matches!(timeout(ANSWER_TIMEOUT, held.connection.ping()).await, Ok(Ok(()))) {
                continue;
            }
            warn!("Lost the connection that holds the server lock");
            if !held.renew().await {
                return;
            }
            info!("Server lock acquired again");
        }
    }
}

impl HeldLock {
    /// Takes the lock on a new connection; `None` if another connection has it.
    async fn take(server: &Postgres) -> Result<Option<Self>, SqlxError> {
        let mut own = Vec::new();
        let connection = take(server, &mut own).await?;
        Ok(connection.map(|connection| Self { server: server.clone(), connection, own }))
    }

    /// Takes the lock again once the database is available; returns `false` if another server has it.
    async fn renew(&mut self) -> bool {
        let mut since_held = None;
        loop {
            match take(&self.server, &mut self.own).await {
                Ok(Some(connection)) => {
                    self.connection = connection;
                    self.own = self.own.split_off(self.own.len() - 1);
                    return true;
                }
                Ok(None) => {
                    // PostgreSQL may not have detected yet that an earlier connection is dead.
                    match self.end_own().await {
                        Ok(true) => since_held = None,
                        Ok(false) if since_held.get_or_insert_with(Instant::now).elapsed() >= ACQUIRE_TIMEOUT => {
                            return false;
                        }
                        Ok(false) | Err(_) => {}
                    }
                    sleep(RETRY_DELAY).await;
                }
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "Connecting to the database failed");
                    sleep(CHECK_INTERVAL).await;
                }
            }
        }
    }

    /// Terminates a lost connection of this server that still holds the lock; returns whether there was one.
    async fn end_own(&self) -> Result<bool, SqlxError> {
        let mut connection = self.server.connection().await?;
        answered(async {
            let holder: Option<i32> = query_scalar(HOLDER_SQL).fetch_optional(&mut connection).await?;
            let Some(pid) = holder.filter(|holder| self.own.contains(holder)) else { return Ok(false) };
            let _ended: bool =
                query_scalar("SELECT pg_terminate_backend($1)").bind(pid).fetch_one(&mut connection).await?;
            Ok(true)
        })
        .await
    }
}

/// Takes the lock on a new connection; `None` if another connection has it. The backend process is added to `own`
/// first, because the answer may be lost.
async fn take(server: &Postgres, own: &mut Vec<i32>) -> Result<Option<PgConnection>, SqlxError> {
    let mut connection = server.connection().await?;
    let is_held: bool = answered(async {
        connection.execute(KEEPALIVE_SQL).await?;
        let pid: i32 = query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await?;
        own.push(pid);
        query_scalar(TRY_LOCK_SQL).fetch_one(&mut connection).await
    })
    .await?;
    Ok(is_held.then_some(connection))
}

async fn answered<T>(asking: impl Future<Output = Result<T, SqlxError>>) -> Result<T, SqlxError> {
    timeout(ANSWER_TIMEOUT, asking).await.unwrap_or_else(|_| Err(SqlxError::Io(io::ErrorKind::TimedOut.into())))
}
