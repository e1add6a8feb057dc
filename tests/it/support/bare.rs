//! A server without sessions, started with arguments of the test's own.

use std::process::Child;
use std::process::Command;

use reqwest::Response;
use serde_json::Value;
use serde_json::json;

use super::Log;
use super::TestDatabase;
use super::create_key;
use super::eventually;
use super::serve_logged;
use super::server::resident_mib;

/// A running server, and a key of one organization that may everything.
pub(crate) struct BareServer {
    child: Child,
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) database: TestDatabase,
    pub(crate) log: Log,
}

impl BareServer {
    /// Starts `serve` on a fresh database.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::with_log(arguments, Log::default()).await
    }

    /// The same, and logs so much.
    pub(crate) async fn with_log(arguments: &[&str], log: Log) -> Self {
        let database = TestDatabase::new().await;
        let key = create_key(&database, "org_1", &[]);
        let (child, url) = serve_logged(&database, arguments, &log);
        Self { child, url, key, database, log }
    }

    /// The URL of another path of the server.
    pub(crate) fn at(&self, path: &str) -> String {
        self.url.replace("/graphql", path)
    }

    /// Gets another path of the server, without a key.
    pub(crate) async fn page(&self, path: &str) -> Response {
        reqwest::get(self.at(path)).await.expect("an answer")
    }

    /// Sends a query under the server's key.
    pub(crate) async fn query(&self, query: &str) -> Value {
        let request = reqwest::Client::new().post(&self.url).bearer_auth(&self.key).json(&json!({"query": query}));
        request.send().await.expect("an answer").json().await.expect("JSON")
    }

    /// Carries out a statement on the database, behind the server's back.
    pub(crate) async fn execute(&self, statement: &str) {
        use sea_orm::ConnectionTrait as _;
        let database = sea_orm::Database::connect(self.database.url()).await.expect("a connection");
        database.execute_unprepared(statement).await.expect("executed");
    }

    /// The program's resident memory. Linux only.
    pub(crate) fn resident_mib(&self) -> f64 {
        resident_mib(&self.child)
    }

    /// Asks the program to end, as `kill` does.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends the program a signal. The shell's own `kill` is on every machine.
    pub(crate) fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    }

    /// Waits until the program has ended by itself; tells whether in good order.
    pub(crate) async fn ends(&mut self) -> bool {
        let child = std::sync::Mutex::new(&mut self.child);
        let ended = async || child.lock().expect("unpoisoned").try_wait().expect("a child");
        eventually("the end of the program", ended).await.success()
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A header of an answer; empty when there is none.
pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
