//! A server without sessions, started with the test's own arguments.

use reqwest::Response;
use serde_json::{Value, json};

use super::{Log, Process, ServerBuilder, TestDatabase, TestServer, create_key, wait_for};

/// A running server, and a key of one organization with every permission.
pub(crate) struct EmptyServer {
    process: Process,
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) database: TestDatabase,
    pub(crate) log: Log,
}

impl EmptyServer {
    /// Starts `serve` on a new database.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        TestServer::builder().arguments(arguments).start_empty().await
    }

    /// Starts `serve` without a sandbox.
    pub(super) fn build(builder: &ServerBuilder, database: TestDatabase) -> Self {
        let key = create_key(&database, "org_1", &[]);
        let process = Process::serve(&database, &builder.arguments, &builder.environment, &builder.log);
        Self { url: process.url.clone(), process, key, database, log: builder.log.clone() }
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
        self.database.execute(statement).await;
    }

    /// Returns the program's resident memory. Linux only.
    pub(crate) fn resident_mib(&self) -> f64 {
        self.process.resident_mib()
    }

    /// Asks the program to stop, with SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }

    /// Waits until the program has exited by itself; returns true if it exited cleanly.
    pub(crate) async fn ends(&mut self) -> bool {
        let process = std::sync::Mutex::new(&mut self.process);
        let ended = async || process.lock().expect("unpoisoned").exited();
        wait_for("the end of the program", ended).await.success()
    }
}

/// Returns a header of an answer; empty if it is missing.
pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
