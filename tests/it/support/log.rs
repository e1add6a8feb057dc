//! Log of a server, and the SQL statements of a request.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{TestServer, api::client, wait_for};

/// The lines of a server's log.
#[derive(Clone)]
pub(crate) struct Log {
    /// Filter of the log.
    pub(super) filter: &'static str,
    /// Format of the log.
    pub(super) format: &'static str,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Default for Log {
    fn default() -> Self {
        Self::with_filter("info")
    }
}

impl Log {
    /// Logs every SQL statement, and the end of every request.
    pub(crate) fn of_statements() -> Self {
        Self::with_filter("info,sqlx::query=debug,chatgraph::http=debug")
    }

    /// Logs the reason for each rejected token, and the end of every request.
    pub(crate) fn of_tokens() -> Self {
        Self::with_filter("info,chatgraph::auth=debug,chatgraph::http=debug")
    }

    /// Logs everything, as one JSON object a line.
    pub(crate) fn of_everything_as_json() -> Self {
        Self::with_filter("trace")
    }

    /// Logs everything, as text.
    pub(crate) fn of_everything_as_text() -> Self {
        Self { format: "text", ..Self::with_filter("trace") }
    }

    fn with_filter(filter: &'static str) -> Self {
        Self { filter, format: "json", lines: Arc::default() }
    }

    /// Returns everything that was logged.
    pub(crate) fn text(&self) -> String {
        self.lines.lock().expect("unpoisoned").join("\n")
    }

    /// Adds a line; with the default filter, a failing test prints it.
    pub(super) fn add(&self, line: String) {
        if self.filter == "info" {
            println!("{line}");
        }
        self.lines.lock().expect("unpoisoned").push(line);
    }

    /// Returns the entries of one request.
    pub(crate) fn of_request(&self, id: &str) -> Vec<Value> {
        let lines = self.lines.lock().expect("unpoisoned");
        let entries =
            lines.iter().filter(|line| line.contains(id)).map(|line| serde_json::from_str(line).expect("JSON"));
        entries.collect()
    }
}

impl TestServer {
    /// Sends a query, and returns the answer and its SQL statements.
    pub(crate) async fn statements(&self, query: &str, variables: Value) -> (Value, Vec<String>) {
        let id = ulid::Ulid::generate().to_string();
        let body = json!({"query": query, "variables": variables});
        let request = client().post(&self.url).bearer_auth(&self.key).header("X-Request-Id", &id).json(&body);
        let answer = request.send().await.expect("an answer").json().await.expect("JSON");
        let entries = wait_for("the end of the request in the log", async || {
            let entries = self.log.of_request(&id);
            entries.iter().any(|entry| entry["fields"]["message"] == "Request completed").then_some(entries)
        })
        .await;
        let statements = entries.iter().filter(|entry| entry["target"] == "sqlx::query");
        let text =
            |entry: &Value| entry["fields"]["summary"].to_string() + &entry["fields"]["db.statement"].to_string();
        (answer, statements.map(text).collect())
    }
}

/// Returns the URL of this path on the monitoring listener, from the log.
pub(crate) fn monitoring_url(log: &str, path: &str) -> String {
    let mut entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let told = entries.rfind(|entry| entry["fields"]["message"] == "Serving metrics");
    let address = told.expect("a line with the address")["fields"]["address"].clone();
    format!("http://{}{path}", address.as_str().expect("an address"))
}
