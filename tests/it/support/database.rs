//! A database for one test: an SQLite file, or a database on the PostgreSQL server in `CHATGRAPH_TEST_POSTGRES`. The
//! tests are the same for both. The library's own tests use this file, too.

use sea_orm::sqlx::AssertSqlSafe;
use sea_orm::sqlx::Connection as _;
use sea_orm::sqlx::Executor as _;
use sea_orm::sqlx::PgConnection;
use tempfile::TempDir;

/// An empty database, deleted when it is dropped.
pub(crate) struct TestDatabase {
    url: String,
    kind: Kind,
}

enum Kind {
    File { _folder: TempDir },
    Server { name: String, server: String },
}

impl TestDatabase {
    /// Creates it.
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// Creates it; on PostgreSQL, with these options of `CREATE DATABASE`.
    pub(crate) async fn with(options: &str) -> Self {
        Self::on(server(), options).await
    }

    /// Creates it on this PostgreSQL server, or as a file.
    pub(crate) async fn on(server: Option<String>, options: &str) -> Self {
        let Some(server) = server else {
            let folder = tempfile::tempdir().expect("a folder");
            let url = format!("sqlite:{}", folder.path().join("chatgraph.db").display());
            return Self { url, kind: Kind::File { _folder: folder } };
        };
        let name = format!("chatgraph_test_{}", ulid::Ulid::generate().to_string().to_lowercase());
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

async fn execute(server: &str, statement: &str) {
    let mut connection = PgConnection::connect(server).await.expect("the server of CHATGRAPH_TEST_POSTGRES");
    connection.execute(AssertSqlSafe(statement.to_owned())).await.expect(statement);
    connection.close().await.expect("closed");
}
