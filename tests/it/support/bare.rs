//! A server without sessions, started with arguments of the test's own.

use std::process::Child;

use super::TestDatabase;
use super::program;
use super::serve_with;

/// A running server, and a key of one organization that may everything.
pub(crate) struct BareServer {
    child: Child,
    pub(crate) url: String,
    pub(crate) key: String,
    _database: TestDatabase,
}

impl BareServer {
    /// Starts `serve` on a fresh database.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let database = TestDatabase::new().await;
        let made = program(&database, &["key", "create", "--organization", "org_1"]).output().expect("runs");
        let key = String::from_utf8(made.stdout).expect("text").trim().to_owned();
        let (child, url) = serve_with(&database, arguments);
        Self { child, url, key, _database: database }
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }
}
