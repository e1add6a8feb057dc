//! Settings of a test's server.

use chatgraph_sandbox::AccountSpec;

use super::{EmptyServer, Log, TestDatabase, TestServer};

/// Settings of a server; each has a default.
#[derive(Default)]
pub(crate) struct ServerBuilder {
    pub(super) account: Option<AccountSpec>,
    pub(super) database: Option<TestDatabase>,
    pub(super) log: Log,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
}

impl ServerBuilder {
    /// Sets the account of the sandbox's phone; by default it is [`account`](super::account).
    pub(crate) fn account(self, account: AccountSpec) -> Self {
        Self { account: Some(account), ..self }
    }

    /// Sets the database; by default it is a new one.
    pub(crate) fn database(self, database: TestDatabase) -> Self {
        Self { database: Some(database), ..self }
    }

    /// Sets the log.
    pub(crate) fn log(self, log: Log) -> Self {
        Self { log, ..self }
    }

    /// Adds arguments of `serve`.
    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Adds environment variables of the program.
    pub(crate) fn environment(mut self, environment: Vec<(String, String)>) -> Self {
        self.environment.extend(environment);
        self
    }

    /// Starts the sandbox and the program, and pairs a session with the phone.
    pub(crate) async fn start(mut self) -> TestServer {
        let database = self.take_database().await;
        TestServer::build(self, database).await
    }

    /// Starts the program alone, without a sandbox.
    pub(crate) async fn start_empty(mut self) -> EmptyServer {
        let database = self.take_database().await;
        EmptyServer::build(&self, database)
    }

    async fn take_database(&mut self) -> TestDatabase {
        match self.database.take() {
            Some(database) => database,
            None => TestDatabase::migrated().await,
        }
    }
}
