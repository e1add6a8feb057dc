//! A server with a paired session.

use std::{
    io::Write as _,
    process::{Output, Stdio},
    time::Duration,
};

use chatgraph_sandbox::{Phone, Sandbox};
use serde_json::json;

use super::{
    CREATE_LABELED_SESSION, Log, OWNER, Process, SESSION_STATUS, START_SESSION, STOP_SESSION, ServerBuilder,
    Subscription, TestDatabase, create_key, program, wait_for,
};

const DAY_MS: i64 = 86_400_000;

/// Arguments of a server without rate limits.
const UNLIMITED: [&str; 4] = ["--rate-limit-cost-per-minute", "0", "--organization-rate-limit-cost-per-minute", "0"];

/// A running server with one organization, a key with every permission, and a session paired with the sandbox's phone.
pub(crate) struct TestServer {
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) session: String,
    pub(crate) sandbox: Sandbox,
    phone: Phone,
    database: TestDatabase,
    process: Process,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    pub(super) log: Log,
}

impl TestServer {
    /// Starts everything with a small account: three people, a group, and a short history.
    pub(crate) async fn start() -> Self {
        Self::builder().start().await
    }

    /// Starts everything with these additional arguments.
    pub(crate) async fn with_arguments(arguments: &[&str]) -> Self {
        Self::builder().arguments(arguments).start().await
    }

    /// Starts a server without rate limits, for a test that compares often enough to exceed them.
    pub(crate) async fn unlimited() -> Self {
        Self::with_arguments(&UNLIMITED).await
    }

    /// Chooses the account, the database, the log, the arguments and the environment.
    pub(crate) fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Starts the sandbox and the program, and pairs a session.
    pub(super) async fn build(builder: ServerBuilder, database: TestDatabase) -> Self {
        let ServerBuilder { account, database: _, log, arguments, environment } = builder;
        let sandbox = Sandbox::start(chatgraph_sandbox::Config::default()).await.expect("a sandbox");
        let account = account.unwrap_or_else(|| super::account(OWNER, "Alex Example"));
        let phone = sandbox.create_account(account).expect("an account");
        let key = create_key(&database, "org_1", &[]);
        let at_sandbox = ["--sandbox-url".to_owned(), sandbox.url(), "--sandbox-key".to_owned(), sandbox.key()];
        let arguments: Vec<String> = at_sandbox.into_iter().chain(arguments).collect();
        let process = Process::serve(&database, &arguments, &environment, &log);
        let (url, session) = (process.url.clone(), String::new());
        let mut server = Self { url, key, session, sandbox, phone, database, process, arguments, environment, log };
        server.session = server.pair(&server.phone).await;
        server.assert_in_sync().await;
        server
    }

    /// Returns the log so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Creates a session and scans its code with `phone`, through the API as a user would; returns its id.
    pub(crate) async fn pair(&self, phone: &Phone) -> String {
        self.pair_as(&self.key, phone).await
    }

    /// The same for the organization of another key.
    pub(crate) async fn pair_as(&self, key: &str, phone: &Phone) -> String {
        let made = self.query_as(key, CREATE_LABELED_SESSION, json!({"label": "Shop"})).await;
        let id = made["data"]["createSession"]["session"]["id"].as_str().expect("an id").to_owned();
        self.link(key, &id, phone).await;
        id
    }

    /// Links the session again, after it was logged out.
    pub(crate) async fn pair_again(&self) {
        self.link(&self.key, &self.session, &self.phone).await;
    }

    /// Creates a session and starts it; returns its id and its QR code.
    pub(crate) async fn session_to_scan(&self) -> (String, String) {
        let made = self.query_with(CREATE_LABELED_SESSION, json!({"label": "Shop"})).await;
        let id = made["data"]["createSession"]["session"]["id"].as_str().expect("an id").to_owned();
        let code = self.code(&self.key, &id).await;
        (id, code)
    }

    /// Starts a session, and waits for its QR code.
    async fn code(&self, key: &str, session: &str) -> String {
        self.query_as(key, START_SESSION, json!({"id": session})).await;
        wait_for("a QR code", async || {
            let query = "query($id: ID!) { session(id: $id) { status pairing { qr expiresAt } } }";
            let answer = self.query_as(key, query, json!({"id": session})).await;
            answer["data"]["session"]["pairing"]["qr"].as_str().map(str::to_owned)
        })
        .await
    }

    async fn link(&self, key: &str, session: &str, phone: &Phone) {
        let qr = self.code(key, session).await;
        phone.scan(&qr).await.expect("a scan");
        phone.connected().await.expect("a companion");
        self.wait_for_status(key, session, "WORKING").await;
    }

    /// Stops the server's session.
    pub(crate) async fn stop_session(&self) {
        let answer = self.query_with(STOP_SESSION, json!({"id": self.session})).await;
        assert_eq!(answer["data"]["stopSession"]["session"]["status"], "STOPPED", "{answer}");
    }

    /// Starts it again, and waits until it is connected.
    pub(crate) async fn start_session(&self) {
        self.query_with(START_SESSION, json!({"id": self.session})).await;
        self.wait_until_working().await;
    }

    /// Waits until the server's session is connected.
    pub(crate) async fn wait_until_working(&self) {
        self.wait_for_status(&self.key, &self.session, "WORKING").await;
    }

    /// Waits until the server's session is logged out.
    pub(crate) async fn wait_until_logged_out(&self) {
        self.wait_for_status(&self.key, &self.session, "LOGGED_OUT").await;
    }

    async fn wait_for_status(&self, key: &str, session: &str, status: &str) {
        wait_for(status, async || {
            let answer = self.query_as(key, SESSION_STATUS, json!({"id": session})).await;
            (answer["data"]["session"]["status"] == status).then_some(())
        })
        .await;
    }

    /// Returns the phone of the session's account.
    pub(crate) fn phone(&self) -> &Phone {
        &self.phone
    }

    /// Creates a key of an organization; without permissions in the list it has every permission.
    pub(crate) fn create_key(&self, organization: &str, permissions: &[&str]) -> String {
        let permissions: Vec<_> = permissions.iter().flat_map(|permission| ["--permission", permission]).collect();
        create_key(&self.database, organization, &permissions)
    }

    /// Creates a key of an organization with every permission that expires after a day.
    pub(crate) fn create_key_for_a_day(&self, organization: &str) -> String {
        create_key(&self.database, organization, &["--expires", "1d"])
    }

    /// Creates a key of an organization with every permission that expires at this time, as `--expires` takes it.
    pub(crate) fn create_key_until(&self, organization: &str, expires: &str) -> String {
        create_key(&self.database, organization, &["--expires", expires])
    }

    /// Makes such a key expire, directly in the database.
    pub(crate) async fn expire(&self, key: &str) {
        let update =
            format!("UPDATE api_key SET expires_at = expires_at - {DAY_MS} - 1 WHERE prefix = '{}'", &key[..8]);
        self.execute(&update).await;
    }

    /// Makes all changes so far older, directly in the database.
    pub(crate) async fn age_changes(&self, days: i64) {
        self.execute(&format!("UPDATE \"change\" SET at = at - {}", days * DAY_MS)).await;
    }

    /// Executes a statement directly on the database.
    pub(crate) async fn execute(&self, statement: &str) {
        self.database.execute(statement).await;
    }

    /// Returns the number of rows of a table, across organizations.
    pub(crate) async fn rows(&self, table: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) FROM {table}")).await
    }

    /// Returns the number that a query selects.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        self.database.number(query).await
    }

    /// Subscribes to the changes of all chats, and waits until the subscription is active.
    pub(crate) async fn subscribe_to_chats(&self) -> Subscription {
        Subscription::start(self, super::subscription::ALL, json!({})).await
    }

    /// Kills the program without a shutdown.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks the program to stop.
    pub(crate) fn ask_to_stop(&self) {
        self.process.signal("TERM");
    }

    /// Kills the program, and starts it again on the same database.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.process = Process::serve(&self.database, &self.arguments, &self.environment, &self.log);
        self.url.clone_from(&self.process.url);
    }

    /// Returns true if the program has not exited.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.exited().is_none()
    }

    /// Returns the server's database, for direct access.
    pub(crate) fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Returns the program's resident memory. Linux only.
    pub(crate) fn resident_mib(&self) -> f64 {
        self.process.resident_mib()
    }

    /// Returns the CPU time of the program's threads. Linux only.
    pub(crate) fn cpu(&self) -> Duration {
        self.process.cpu()
    }

    /// Runs another command of the program on the server's database, with this standard input.
    pub(crate) fn command_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = program(&self.database, arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("written");
        child.wait_with_output().expect("ends")
    }

    /// Runs another command of the program on the server's database.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        program(&self.database, arguments).output().expect("runs")
    }
}
