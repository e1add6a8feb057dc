//! Hot reads from SQLite in the task of the request. The driver behind the entities runs each connection on a thread of
//! its own. It hands over row by row, which costs several times more than the read itself.
//!
//! A read that takes longer than [`IN_TASK_READ_TIMEOUT`], or waits for a lock, would delay other tasks of its thread. It
//! is interrupted, and repeated on a thread of its own. SQLite cannot be interrupted while it compiles a statement or
//! waits for the disk. Long statements therefore take a thread at once, and after a read that the disk delayed, all do
//! for [`SLOW_DISK_PERIOD`].

use std::{
    borrow::Cow,
    error::Error,
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::{
    OpenFlags,
    types::{ToSqlOutput, ValueRef},
};
use sea_orm::{
    DbErr, RuntimeErr, SqlxError, Statement, Value,
    sqlx::error::{DatabaseError, ErrorKind},
};
use tokio::time::timeout;
use tracing::{debug, warn};

use super::{
    row::Row,
    sqlite::{self, MAX_READERS},
};
use crate::store::error::{self, StoreError};

/// Time limit of a read in the task of its request.
const IN_TASK_READ_TIMEOUT: Duration = Duration::from_millis(2);
/// Duration of a read in a task from which on the disk must have delayed it.
const SLOW_DISK_READ: Duration = Duration::from_millis(10);
/// Time for which reads take a thread at once after a slow one.
const SLOW_DISK_PERIOD: Duration = Duration::from_secs(1);
/// Number of SQLite's virtual-machine steps between two checks of the time limit: some ten microseconds, if the pages
/// are in memory.
const PROGRESS_STEPS: i32 = 1_000;
/// Maximum number of idle connections: as many as reads at a time.
const MAX_IDLE: usize = MAX_READERS as usize;
/// Maximum number of statements that each connection keeps prepared.
const MAX_CACHED_STATEMENTS: usize = 100;
/// Maximum length of a statement that is kept prepared and executed in a task, in bytes: a few pages of chats.
const MAX_CACHED_STATEMENT_BYTES: usize = 16 * 1024;

/// Connections for reading. Cheap to clone.
#[derive(Clone)]
pub(super) struct SqliteReads(Arc<Pool>);

struct Pool {
    path: PathBuf,
    /// Idle connections, the last used one last; `None` once the pool is closed.
    idle: Mutex<Option<Vec<Reader>>>,
    /// Until then, reads take a thread at once.
    slow_until: Mutex<Option<Instant>>,
}

impl SqliteReads {
    /// Creates them for this file. The caller limits the number of reads at a time; each opens a connection if none is
    /// idle.
    pub(super) fn new(path: &Path) -> Self {
        // As in `sqlite`: an absolute path is never parsed as a URI.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self(Arc::new(Pool { path, idle: Mutex::new(Some(Vec::new())), slow_until: Mutex::default() }))
    }

    /// Executes a statement within `limit`, and returns its rows. A read whose caller is gone is interrupted. One that
    /// the disk does not answer within `answer` fails.
    pub(super) async fn rows<T: Send + 'static>(
        &self,
        statement: Statement,
        from_row: impl Fn(&Row<'_>) -> Result<T, StoreError> + Send + 'static,
        limit: Duration,
        answer: Duration,
    ) -> Result<Vec<T>, StoreError> {
        let reader = self.0.take()?;
        if !is_long(&statement) && !self.0.has_slow_disk() {
            let began = Instant::now();
            let done = reader.rows(&statement, &from_row, &Limits::in_task());
            if began.elapsed() >= SLOW_DISK_READ {
                self.0.report_slow_disk();
            }
            if !done.as_ref().is_err_and(needs_thread) {
                self.0.put(reader);
                // A request with many short reads must not keep its thread from other tasks.
                tokio::task::yield_now().await;
                return done;
            }
        }
        let (pool, limits) = (Arc::clone(&self.0), Limits::of_thread(limit));
        let cancel = CancelOnDrop(Arc::clone(&limits.abandoned));
        let read = tokio::task::spawn_blocking(move || {
            let done = reader.rows(&statement, &from_row, &limits);
            pool.put(reader);
            done
        });
        let Ok(done) = timeout(answer, read).await else {
            warn!("A read timed out: the disk does not answer");
            return Err(error::no_answer().into());
        };
        drop(cancel);
        let done = done.map_err(|failed| StoreError::from(DbErr::Custom(failed.to_string())))?;
        done.map_err(|failed| if needs_thread(&failed) { error::too_slow().into() } else { failed })
    }

    /// Closes every connection as soon as it is idle.
    pub(super) fn close(&self) {
        drop(self.0.idle().take());
    }
}

/// Interrupts the read when it is dropped; a read that has ended ignores it.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Returns whether the statement takes long to compile, and much memory while it is prepared.
fn is_long(statement: &Statement) -> bool {
    statement.sql.len() > MAX_CACHED_STATEMENT_BYTES
}

/// Returns whether the read exceeded its limits: it was interrupted, or another process has the lock.
fn needs_thread(failed: &StoreError) -> bool {
    match failed {
        StoreError::TimedOut => true,
        StoreError::Database(error) => sqlite::is_busy(error),
        _ => false,
    }
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, Option<Vec<Reader>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Reader, StoreError> {
        let idle = self.idle().as_mut().ok_or(StoreError::Closed)?.pop();
        idle.map_or_else(|| Reader::open(&self.path).map_err(|error| failed(&error)), Ok)
    }

    fn put(&self, reader: Reader) {
        // A read whose caller is gone still holds its connection, so there may be more than reads at a time.
        if let Some(idle) = self.idle().as_mut().filter(|idle| idle.len() < MAX_IDLE) {
            idle.push(reader);
        }
    }

    fn has_slow_disk(&self) -> bool {
        self.slow_until().is_some_and(|end| Instant::now() < end)
    }

    fn report_slow_disk(&self) {
        *self.slow_until() = Some(Instant::now() + SLOW_DISK_PERIOD);
    }

    fn slow_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.slow_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection.
struct Reader {
    connection: rusqlite::Connection,
    /// The limits of the running read, for the connection's progress handler.
    limits: Arc<Mutex<Limits>>,
}

/// Limits of a read.
#[derive(Clone)]
struct Limits {
    deadline: Instant,
    /// Time limit for another process's lock.
    lock: Duration,
    /// True if the caller is gone.
    abandoned: Arc<AtomicBool>,
}

impl Limits {
    /// The limits in the task of the request, which never waits for a lock.
    fn in_task() -> Self {
        Self { deadline: Instant::now() + IN_TASK_READ_TIMEOUT, lock: Duration::ZERO, abandoned: Arc::default() }
    }

    /// The limits on a thread of the read's own.
    fn of_thread(limit: Duration) -> Self {
        Self { deadline: Instant::now() + limit, lock: limit, abandoned: Arc::default() }
    }
}

impl Reader {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(path, flags)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.set_prepared_statement_cache_capacity(MAX_CACHED_STATEMENTS);
        let limits = Arc::new(Mutex::new(Limits::in_task()));
        let watched = Arc::clone(&limits);
        connection.progress_handler(
            PROGRESS_STEPS,
            Some(move || {
                let limits = watched.lock().unwrap_or_else(PoisonError::into_inner);
                limits.abandoned.load(Ordering::Relaxed) || Instant::now() >= limits.deadline
            }),
        )?;
        Ok(Self { connection, limits })
    }

    /// Executes a statement within the limits.
    fn rows<T>(
        &self,
        statement: &Statement,
        from_row: &impl Fn(&Row<'_>) -> Result<T, StoreError>,
        limits: &Limits,
    ) -> Result<Vec<T>, StoreError> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner).clone_from(limits);
        self.connection.busy_timeout(limits.lock).map_err(|error| failed(&error))?;
        if is_long(statement) {
            let mut prepared = self.connection.prepare(&statement.sql).map_err(|error| failed(&error))?;
            return read(&mut prepared, statement, from_row);
        }
        let mut prepared = self.connection.prepare_cached(&statement.sql).map_err(|error| failed(&error))?;
        read(&mut prepared, statement, from_row)
    }
}

/// Executes a prepared statement.
fn read<T>(
    prepared: &mut rusqlite::Statement<'_>,
    statement: &Statement,
    from_row: &impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let values = statement.values.iter().flat_map(|values| &values.0);
    for (value, number) in values.zip(1..) {
        prepared.raw_bind_parameter(number, parameter(value)?).map_err(|error| failed(&error))?;
    }
    let (mut rows, mut read) = (prepared.raw_query(), Vec::new());
    while let Some(row) = rows.next().map_err(|error| failed(&error))? {
        read.push(from_row(&Row::Sqlite(row))?);
    }
    // As the other driver logs them.
    debug!(target: "sqlx::query", summary = statement.sql, rows_returned = read.len());
    Ok(read)
}

/// A parameter of one of the types that our columns have.
fn parameter(value: &Value) -> Result<ToSqlOutput<'_>, StoreError> {
    let integer = |value: Option<i64>| value.map_or(ValueRef::Null, ValueRef::Integer);
    Ok(ToSqlOutput::Borrowed(match value {
        Value::Bool(value) => integer(value.map(i64::from)),
        Value::SmallInt(value) => integer(value.map(i64::from)),
        Value::Int(value) => integer(value.map(i64::from)),
        Value::BigInt(value) => integer(*value),
        Value::BigUnsigned(value) => integer(value.and_then(|value| i64::try_from(value).ok())),
        Value::String(value) => value.as_ref().map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes())),
        Value::Bytes(value) => value.as_ref().map_or(ValueRef::Null, |bytes| ValueRef::Blob(bytes)),
        other => return Err(DbErr::Type(format!("a parameter of a type without a column: {other:?}")).into()),
    }))
}

/// Reports SQLite's error as the other driver does, since [`error`] classifies errors by their codes.
fn failed(error: &rusqlite::Error) -> StoreError {
    let code = error.sqlite_error().map(|error| error.extended_code);
    let failure = SqliteFailure { code, message: error.to_string() };
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(SqlxError::Database(Box::new(failure))))).into()
}

#[derive(Debug)]
struct SqliteFailure {
    /// SQLite's extended code.
    code: Option<i32>,
    message: String,
}

impl fmt::Display for SqliteFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for SqliteFailure {}

impl DatabaseError for SqliteFailure {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        self.code.map(|code| code.to_string().into())
    }

    fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::DbBackend;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_read_that_waits_for_a_lock_delays_no_other_task() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("numbers.db");
        let other = rusqlite::Connection::open(&path).expect("a database");
        other
            .execute_batch("CREATE TABLE numbers (n); INSERT INTO numbers VALUES (7); BEGIN EXCLUSIVE")
            .expect("a lock");
        let reads = SqliteReads::new(&path);
        let query = Statement::from_string(DbBackend::Sqlite, "SELECT n FROM numbers");
        let mut read = Box::pin(reads.rows(query, |row| row.get::<i64>(0), PATIENCE, PATIENCE));
        // This test has one thread, which releases the lock.
        assert!(futures_util::poll!(&mut read).is_pending());
        other.execute_batch("COMMIT").expect("released");
        assert_eq!(read.await.expect("a row"), [7]);
    }

    #[tokio::test]
    async fn long_statements_and_reads_from_a_slow_disk_take_a_thread() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("numbers.db");
        drop(rusqlite::Connection::open(&path).expect("a database").execute_batch("CREATE TABLE numbers (n)"));
        let reads = SqliteReads::new(&path);
        let runs_in_task = async |sql: String| {
            let query = Statement::from_string(DbBackend::Sqlite, sql);
            let thread = reads.rows(query, |_| Ok(std::thread::current().id()), PATIENCE, PATIENCE);
            thread.await.expect("a row") == [std::thread::current().id()]
        };
        let comment = " ".repeat(MAX_CACHED_STATEMENT_BYTES);
        assert!(runs_in_task("SELECT 1".into()).await);
        assert!(!runs_in_task(format!("SELECT 1{comment}")).await);
        reads.0.report_slow_disk();
        assert!(!runs_in_task("SELECT 1".into()).await);
    }

    #[tokio::test]
    async fn a_pool_keeps_no_more_connections_than_reads_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("numbers.db");
        drop(rusqlite::Connection::open(&path).expect("a database").execute_batch("CREATE TABLE numbers (n)"));
        let pool = SqliteReads::new(&path).0;
        let readers: Vec<_> = (0..MAX_IDLE + 3).map(|_| pool.take().expect("a connection")).collect();
        for reader in readers {
            pool.put(reader);
        }
        assert_eq!(pool.idle().as_ref().map(Vec::len), Some(MAX_IDLE));
    }
}
