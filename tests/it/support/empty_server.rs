//! A server without sessions, started with the test's own arguments.

use std::process::Child;
use std::process::Command;

use reqwest::Response;
use serde_json::Value;
use serde_json::json;

use super::Log;
use super::TestDatabase;
use super::create_key;
use super::serve_logged;
use super::server::resident_mib;
use super::wait_for;

/// A running server, and a key of one organization with every permission.
pub(crate) struct EmptyServer {
    child: Child,
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) database: TestDatabase,
    pub(crate) log: Log,
}

impl EmptyServer {
    /// Starts `serve` on a new database.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::with_log(arguments, Log::default()).await
    }

    /// The same with this log.
    pub(crate) async fn with_log(arguments: &[&str], log: Log) -> Self {
        let database = TestDatabase::new().await;
        let key = create_key(&database, "org_1", &[]);
        let (child, url) = serve_logged(&database, arguments, &log);
        Self { child, url, key, database, log }
    }

    /// Returns the URL of another path of the server.
    pub(crate) fn at(&self, path: &str) -> String {
        self.url.replace("/graphql", path)
    }

    /// Gets another path of the server, without a key.
    pub(crate) async fn page(&self, path: &str) -> Response {
        reqwest::get(self.at(path)).await.expect("an answer")
    }

    /// Sends a query with the server's key.
    pub(crate) async fn query(&self, query: &str) -> Value {
        let request = reqwest::Client::new().post(&self.url).bearer_auth(&self.key).json(&json!({"query": query}));
        request.send().await.expect("an answer").json().await.expect("JSON")
    }

    /// Executes a statement directly on the database.
    pub(crate) async fn execute(&self, statement: &str) {
        use sea_orm::ConnectionTrait as _;
        let database = sea_orm::Database::connect(self.database.url()).await.expect("a connection");
        database.execute_unprepared(statement).await.expect("executed");
    }

    /// Returns the program's resident memory. Linux only.
    pub(crate) fn resident_mib(&self) -> f64 {
        resident_mib(&self.child)
    }

    /// Asks the program to stop, with SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends the program a signal. The shell's own `kill` is on every machine.
    pub(crate) fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    }

    /// Waits until the program has exited by itself; returns true if it exited cleanly.
    pub(crate) async fn ends(&mut self) -> bool {
        let child = std::sync::Mutex::new(&mut self.child);
        let ended = async || child.lock().expect("unpoisoned").try_wait().expect("a child");
        wait_for("the end of the program", ended).await.success()
    }
}

impl Drop for EmptyServer {
    fn drop(&mut self) {
        // The process may have exited already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Returns a header of an answer; empty if it is missing.
pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
