//! PostgreSQL: a database for several nodes. Connections are opened on demand.

use std::{fmt, io, time::Duration};

use log::LevelFilter;
use sea_orm::{
    DatabaseConnection, SqlxError,
    sqlx::{
        ConnectOptions as _, Connection as _, PgConnection, PgPool,
        postgres::{PgConnectOptions, PgPoolOptions},
        query_as,
    },
};

use super::{OpenError, time_limits::COUNT_TIMEOUT};

/// First statements of `with_migration_lock`. The lock is released with the transaction; its number is "chatgrap" in
/// ASCII.
pub(super) const MIGRATION_LOCK_SQL: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'; \
                                SELECT pg_advisory_xact_lock(x'6368617467726170'::bigint)";
/// Oldest version that is tested.
const MIN_VERSION: i32 = 15;
/// Time limit for connecting, and for acquiring a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of connections that count.
pub(super) const MAX_COUNTERS: u32 = 2;
/// Idle time after which a connection is tested before use: a restarted server has closed it.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(1);
/// Idle time after which a connection is closed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(10);
/// Maximum lifetime of a connection, to get rid of undetected faults.
const MAX_LIFETIME: Duration = Duration::from_mins(30);

/// A database on a PostgreSQL server.
#[derive(Clone, PartialEq, Eq)]
pub struct Postgres {
    /// Contains the password, so it is never printed.
    url: String,
    /// Maximum number of connections that read.
    pub readers: u32,
    /// Maximum number of connections that write, and thus of organizations that commit at the same time.
    pub writers: u32,
    /// Time limit of one statement.
    pub statement_timeout: Duration,
    /// Time limit for another node's lock.
    pub lock_timeout: Duration,
    /// Time limit for an idle transaction, as of a node that hangs: its locks are released then.
    pub idle_in_transaction_timeout: Duration,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("server", &self.server()).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Creates it with the default settings; `url` must be validated.
    pub(super) fn at(url: String) -> Self {
        Self {
            url,
            readers: 8,
            writers: 8,
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            idle_in_transaction_timeout: Duration::from_secs(10),
        }
    }

    /// Connects once, to report problems early and to check the server's version and encoding.
    pub(super) async fn check(&self) -> Result<(), OpenError> {
        let server = self.server();
        let asked = tokio::time::timeout(CONNECT_TIMEOUT, self.ask()).await;
        let asked = asked.unwrap_or_else(|_| Err(SqlxError::Io(io::ErrorKind::TimedOut.into())));
        let (version, encoding) = asked.map_err(|source| OpenError::Unreachable { server: server.clone(), source })?;
        let major = version / 10_000;
        if major < MIN_VERSION {
            return Err(OpenError::TooOld { server, major });
        }
        if encoding != "UTF8" {
            return Err(OpenError::Encoding { server, encoding });
        }
        Ok(())
    }

    async fn ask(&self) -> Result<(i32, String), SqlxError> {
        let mut connection = PgConnection::connect_with(&self.options()).await?;
        let question = "SELECT current_setting('server_version_num')::integer, getdatabaseencoding()::text";
        let answer = query_as(question).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(answer)
    }

    pub(super) fn writers(&self) -> DatabaseConnection {
        pool(self.writers).connect_lazy_with(self.options()).into()
    }

    pub(super) fn readers(&self) -> DatabaseConnection {
        let options = self.options().options([("default_transaction_read_only", "on")]);
        pool(self.readers).connect_lazy_with(options).into()
    }

    /// Creates a pool whose statements take at most `limit`.
    pub(super) fn limited_readers(&self, limit: Duration) -> DatabaseConnection {
        // 0 would mean no limit.
        let limited = Self { statement_timeout: self.statement_timeout.min(limit), ..self.clone() };
        limited.readers()
    }

    pub(super) fn counters(&self) -> DatabaseConnection {
        let limit = COUNT_TIMEOUT.as_millis().to_string();
        let options = self.options().options([("default_transaction_read_only", "on"), ("statement_timeout", &limit)]);
        pool(MAX_COUNTERS).acquire_timeout(COUNT_TIMEOUT).connect_lazy_with(options).into()
    }

    /// Creates a pool with one connection for notifications.
    pub(in crate::store) fn listener(&self) -> PgPool {
        pool(1).connect_lazy_with(self.options())
    }

    /// Opens a dedicated connection.
    ///
    /// # Errors
    /// `PostgreSQL`'s, or a timeout.
    pub(super) async fn connection(&self) -> Result<PgConnection, SqlxError> {
        let options = self.options();
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await;
        connecting.unwrap_or_else(|_| Err(SqlxError::Io(io::ErrorKind::TimedOut.into())))
    }

    fn options(&self) -> PgConnectOptions {
        let milliseconds = |time: Duration| time.as_millis().to_string();
        let options = self.parsed().log_slow_statements(LevelFilter::Off, Duration::MAX).options([
            ("statement_timeout", milliseconds(self.statement_timeout)),
            ("lock_timeout", milliseconds(self.lock_timeout)),
            ("idle_in_transaction_session_timeout", milliseconds(self.idle_in_transaction_timeout)),
            // The driver sends no keepalives, so the server does.
            ("tcp_keepalives_idle", "60".to_owned()),
            ("tcp_keepalives_interval", "10".to_owned()),
            ("tcp_keepalives_count", "3".to_owned()),
            // A unit that has waited for a lock must see what the other one stored.
            ("default_transaction_isolation", "read committed".to_owned()),
        ]);
        if options.get_application_name().is_some() { options } else { options.application_name("chatgraph") }
    }

    fn parsed(&self) -> PgConnectOptions {
        self.url.parse().expect("the URL was parsed before")
    }

    /// Host, port and database, without the password.
    pub(super) fn server(&self) -> String {
        let options = self.parsed();
        let database = options.get_database().unwrap_or_default();
        match options.get_socket() {
            Some(folder) => format!("{}/{database}", folder.display()),
            None => format!("{}:{}/{database}", options.get_host(), options.get_port()),
        }
    }
}

fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(CONNECT_TIMEOUT)
        .idle_timeout(IDLE_TIMEOUT)
        .max_lifetime(MAX_LIFETIME)
        .test_before_acquire(false)
        .before_acquire(|connection, seen| {
            Box::pin(async move {
                if seen.idle_for >= TEST_AFTER_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
}
