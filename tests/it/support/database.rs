//! A database for one test: an SQLite file, or a database on the PostgreSQL server in `CHATGRAPH_TEST_POSTGRES`. The
//! tests are the same for both. The library's own tests use this file, too.

use std::{borrow::Cow, fs, path::PathBuf, time::SystemTime};

use chatgraph_migration::{Migrator, MigratorTrait as _};
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database,
    sqlx::{self, AssertSqlSafe, Connection as _, Executor as _, PgConnection},
};
use tempfile::TempDir;

/// PostgreSQL's code for a database that does not exist.
const UNKNOWN_DATABASE: &str = "3D000";

/// A database, deleted when it is dropped.
pub(crate) struct TestDatabase {
    url: String,
    kind: Kind,
}

enum Kind {
    File { _folder: TempDir },
    Server { name: String, server: String },
}

impl TestDatabase {
    /// Creates an empty one.
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// Creates one with the current schema, as the program leaves it: a copy, because each migration costs time.
    pub(crate) async fn migrated() -> Self {
        let Some(server) = server() else {
            let database = Self::new().await;
            fs::copy(template_file().await, database.url.trim_start_matches("sqlite:")).expect("copied");
            return database;
        };
        let (name, template) = (unique_name(), template_name());
        let copy = format!("CREATE DATABASE {name} TEMPLATE {template}");
        let copied = try_execute(&server, &copy).await;
        if copied.is_err_and(|failed| code(&failed).as_deref() == Some(UNKNOWN_DATABASE)) {
            create_template(&server, &template).await;
            execute(&server, &copy).await;
        }
        Self { url: database_on(&server, &name), kind: Kind::Server { name, server } }
    }

    /// Creates an empty one; on PostgreSQL, with these options of `CREATE DATABASE`.
    pub(crate) async fn with(options: &str) -> Self {
        Self::on(server(), options).await
    }

    /// Creates an empty one on this PostgreSQL server, or as a file.
    pub(crate) async fn on(server: Option<String>, options: &str) -> Self {
        let Some(server) = server else {
            let folder = tempfile::tempdir().expect("a folder");
            let url = format!("sqlite:{}", folder.path().join("chatgraph.db").display());
            return Self { url, kind: Kind::File { _folder: folder } };
        };
        let name = unique_name();
        execute(&server, &format!("CREATE DATABASE {name} TEMPLATE template0 {options}")).await;
        Self { url: database_on(&server, &name), kind: Kind::Server { name, server } }
    }

    /// Returns the URL for `--database`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Kind::Server { name, server } = &self.kind else { return };
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        // `drop` cannot await, so a thread with its own runtime deletes the database.
        let dropped = std::thread::scope(|scope| {
            let dropping = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(execute(server, &drop));
            });
            dropping.join()
        });
        assert!(dropped.is_ok() || std::thread::panicking(), "{name} is still there");
    }
}

/// Returns the PostgreSQL server of this test run; `None` for SQLite.
#[expect(clippy::disallowed_methods, reason = "only tests read it, so it is no setting of the program")]
pub(crate) fn server() -> Option<String> {
    std::env::var("CHATGRAPH_TEST_POSTGRES").ok().filter(|server| !server.is_empty())
}

fn database_on(server: &str, name: &str) -> String {
    let (address, parameters) = server.split_once('?').unwrap_or((server, ""));
    let (address, _) = address.rsplit_once('/').expect("CHATGRAPH_TEST_POSTGRES is postgres://USER@HOST:PORT/DATABASE");
    format!("{address}/{name}{}{parameters}", if parameters.is_empty() { "" } else { "?" })
}

fn unique_name() -> String {
    format!("chatgraph_test_{}", ulid::Ulid::generate().to_string().to_lowercase())
}

/// Returns the test program, and when it was built: it contains the migrations, so a template of an earlier build may
/// have another schema.
fn this_build() -> (PathBuf, SystemTime) {
    let program = std::env::current_exe().expect("a program");
    let built = fs::metadata(&program).and_then(|file| file.modified()).expect("a time");
    (program, built)
}

/// Returns the file to copy, next to the test program. The first test of a build creates it.
async fn template_file() -> PathBuf {
    let (program, built) = this_build();
    let template = program.with_extension("template.db");
    let is_current = fs::metadata(&template).and_then(|file| file.modified()).is_ok_and(|created| created >= built);
    if !is_current {
        // Tests that create it at the same time replace it by equal files.
        let folder = program.parent().expect("a folder");
        let new = tempfile::NamedTempFile::new_in(folder).expect("a file").into_temp_path();
        let url = format!("sqlite:{}", new.display());
        migrate(&url, "PRAGMA journal_mode = WAL").await;
        new.persist(&template).expect("renamed");
    }
    template
}

/// Returns the name of the database to copy. The first test of a build creates it.
fn template_name() -> String {
    let (program, built) = this_build();
    let built = built.duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_millis();
    let name = program.file_name().expect("a name").to_string_lossy().replace('-', "_");
    format!("template_{name}_{built}")
}

async fn create_template(server: &str, template: &str) {
    let new = unique_name();
    execute(server, &format!("CREATE DATABASE {new} TEMPLATE template0")).await;
    migrate(&database_on(server, &new), "SELECT 1").await;
    // Another test may have been faster.
    if try_execute(server, &format!("ALTER DATABASE {new} RENAME TO {template}")).await.is_err() {
        execute(server, &format!("DROP DATABASE {new}")).await;
    }
}

async fn migrate(url: &str, first: &str) {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let connection = Database::connect(options).await.expect("a connection");
    connection.execute_unprepared(first).await.expect(first);
    Migrator::up(&connection, None).await.expect("migrated");
    connection.close().await.expect("closed");
}

async fn execute(server: &str, statement: &str) {
    try_execute(server, statement).await.expect(statement);
}

async fn try_execute(server: &str, statement: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(server).await.expect("the server of CHATGRAPH_TEST_POSTGRES");
    connection.execute(AssertSqlSafe(statement.to_owned())).await?;
    connection.close().await
}

fn code(failed: &sqlx::Error) -> Option<String> {
    failed.as_database_error()?.code().map(Cow::into_owned)
}
