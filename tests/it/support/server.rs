//! Starts the program, the sandbox, and a paired session.

use std::future::Future;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write as _;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use chatgraph::clock::SystemClock;
use chatgraph::domain::clock::Clock as _;
use chatgraph_sandbox::AccountSpec;
use chatgraph_sandbox::Phone;
use chatgraph_sandbox::Sandbox;
use serde_json::Value;
use serde_json::json;
use tokio::time::timeout;

use super::Log;
use super::Subscription;
use super::TestDatabase;

/// Default time limit of a wait.
pub(crate) const EVENT_TIMEOUT: Duration = Duration::from_secs(20);
/// Time limit of a request or statement that a busy machine can slow down, but that must not wait for anything else. A
/// test that hangs then reports where.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

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
    child: Child,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    pub(super) log: Log,
}

impl TestServer {
    /// Starts everything with a small account: three people, a group, and a short history.
    pub(crate) async fn start() -> Self {
        Self::with_account(account("15550100", "Alex Example")).await
    }

    /// Starts everything with this account.
    pub(crate) async fn with_account(account: AccountSpec) -> Self {
        Self::with_database(account, TestDatabase::new().await).await
    }

    /// Starts everything with this account and this log.
    pub(crate) async fn with_log(account: AccountSpec, log: Log) -> Self {
        Self::with(account, TestDatabase::new().await, log, &[]).await
    }

    /// Starts everything with this account on this database.
    pub(crate) async fn with_database(account: AccountSpec, database: TestDatabase) -> Self {
        Self::with(account, database, Log::default(), &[]).await
    }

    /// Starts everything with these additional arguments.
    pub(crate) async fn with_arguments(arguments: &[&str]) -> Self {
        let (account, database) = (account("15550100", "Alex Example"), TestDatabase::new().await);
        Self::with(account, database, Log::default(), arguments).await
    }

    /// Starts a server without rate limits, for a test that compares often enough to exceed them.
    pub(crate) async fn unlimited() -> Self {
        Self::with_arguments(&UNLIMITED).await
    }

    /// Returns the log so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Starts everything with these.
    pub(crate) async fn with(account: AccountSpec, database: TestDatabase, log: Log, arguments: &[&str]) -> Self {
        Self::within(account, database, log, arguments, Vec::new()).await
    }

    /// Starts everything with these, in this environment.
    pub(crate) async fn within(
        account: AccountSpec,
        database: TestDatabase,
        log: Log,
        arguments: &[&str],
        environment: Vec<(String, String)>,
    ) -> Self {
        let sandbox = Sandbox::start(chatgraph_sandbox::Config::default()).await.expect("a sandbox");
        let phone = sandbox.create_account(account).expect("an account");
        let key = create_key(&database, "org_1", &[]);
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let (child, url) = serve(&database, &sandbox, &arguments, &environment, &log);
        let (session, at_hand) = (String::new(), phone.clone());
        let mut server =
            Self { url, key, session, sandbox, phone: at_hand, database, child, arguments, environment, log };
        server.session = server.pair(&phone).await;
        server.assert_in_sync().await;
        server
    }

    /// Creates a session and scans its code with `phone`, through the API as a user would; returns its id.
    pub(crate) async fn pair(&self, phone: &Phone) -> String {
        self.pair_as(&self.key, phone).await
    }

    /// The same for the organization of another key.
    pub(crate) async fn pair_as(&self, key: &str, phone: &Phone) -> String {
        let creation = "mutation { createSession(input: {label: \"Shop\"}) { session { id status } } }";
        let made = self.query_as(key, creation, json!({})).await;
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
        let creation = "mutation { createSession(input: {label: \"Shop\"}) { session { id } } }";
        let made = self.query(creation).await;
        let id = made["data"]["createSession"]["session"]["id"].as_str().expect("an id").to_owned();
        let code = self.code(&self.key, &id).await;
        (id, code)
    }

    /// Starts a session, and waits for its QR code.
    async fn code(&self, key: &str, session: &str) -> String {
        let start = "mutation($id: ID!) { startSession(input: {sessionId: $id}) { session { status } } }";
        self.query_as(key, start, json!({"id": session})).await;
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
        self.has_status(key, session, "WORKING").await;
    }

    /// Stops the server's session.
    pub(crate) async fn stop_session(&self) {
        let stop = "mutation($id: ID!) { stopSession(input: {sessionId: $id}) { session { status } } }";
        let answer = self.query_with(stop, json!({"id": self.session})).await;
        assert_eq!(answer["data"]["stopSession"]["session"]["status"], "STOPPED", "{answer}");
    }

    /// Starts it again, and waits until it is connected.
    pub(crate) async fn start_session(&self) {
        let start = "mutation($id: ID!) { startSession(input: {sessionId: $id}) { session { status } } }";
        self.query_with(start, json!({"id": self.session})).await;
        self.works().await;
    }

    /// Waits until the server's session is connected.
    pub(crate) async fn works(&self) {
        self.has_status(&self.key, &self.session, "WORKING").await;
    }

    /// Waits until the server's session is logged out.
    pub(crate) async fn is_logged_out(&self) {
        self.has_status(&self.key, &self.session, "LOGGED_OUT").await;
    }

    async fn has_status(&self, key: &str, session: &str, status: &str) {
        wait_for(status, async || {
            let query = "query($id: ID!) { session(id: $id) { status } }";
            let answer = self.query_as(key, query, json!({"id": session})).await;
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
        use sea_orm::ConnectionTrait as _;
        let executed = async {
            let database = sea_orm::Database::connect(self.database.url()).await.expect("a connection");
            database.execute_unprepared(statement).await.expect("executed");
        };
        timeout(ANSWER_TIMEOUT, executed).await.unwrap_or_else(|_| panic!("timeout while executing {statement}"));
    }

    /// Returns the number of rows of a table, across organizations.
    pub(crate) async fn rows(&self, table: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) FROM {table}")).await
    }

    /// Returns the number that a query selects.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        use sea_orm::ConnectionTrait as _;
        let read = async {
            let database = sea_orm::Database::connect(self.database.url()).await.expect("a connection");
            let query = sea_orm::Statement::from_string(database.get_database_backend(), query.to_owned());
            let row = database.query_one_raw(query).await.expect("a read").expect("a row");
            row.try_get_by_index(0).expect("a number")
        };
        timeout(ANSWER_TIMEOUT, read).await.unwrap_or_else(|_| panic!("timeout while reading {query}"))
    }

    /// Subscribes to the changes of all chats, and waits until the subscription is active.
    pub(crate) async fn subscribe_to_chats(&self) -> Subscription {
        Subscription::start(self, super::subscription::ALL, json!({})).await
    }

    /// Kills the program without a shutdown.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// Asks the program to stop.
    pub(crate) fn ask_to_stop(&self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("runs");
        assert!(asked.success());
    }

    /// Kills the program, and starts it again on the same database.
    pub(crate) fn restart(&mut self) {
        self.kill();
        (self.child, self.url) = serve(&self.database, &self.sandbox, &self.arguments, &self.environment, &self.log);
    }

    /// Returns true if the program has not exited.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Returns the server's database, for direct access.
    pub(crate) fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Returns the program's resident memory. Linux only.
    pub(crate) fn resident_mib(&self) -> f64 {
        resident_mib(&self.child)
    }

    /// Returns the CPU time of the program's threads. Linux only.
    pub(crate) fn cpu(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("a process");
        let taken = threads.map(|thread| {
            let told = std::fs::read_to_string(thread.expect("a thread").path().join("schedstat")).unwrap_or_default();
            told.split(' ').next().and_then(|taken| taken.parse().ok()).unwrap_or(0)
        });
        Duration::from_nanos(taken.sum())
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

impl Drop for TestServer {
    fn drop(&mut self) {
        // The process may have exited already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A small account: Mei with an unread message, Ravi muted, the book club, Olu without a chat.
pub(crate) fn account(phone: &str, name: &str) -> AccountSpec {
    // WhatsApp's message timestamps are whole seconds.
    let now = SystemClock.now() / 1_000;
    let ago = |minutes: i64| (now - minutes * 60) * 1_000;
    let spec = json!({
        "phone": phone,
        "name": name,
        "contacts": [
            {"phone": "15550111", "name": "Mei Tanaka", "pushName": "mei"},
            {"phone": "15550112", "name": "Ravi Patel"},
            {"phone": "15550113", "name": "Olu Adeyemi"},
        ],
        "groups": [{"jid": "120363000000000001@g.us", "subject": "Book club", "participants": ["15550111", "15550112"]}],
        "history": [
            {"jid": "15550111@s.whatsapp.net", "unreadCount": 1, "messages": [
                {"text": "See you at six?", "at": ago(30)},
                {"from": "15550111", "text": "Yes!", "at": ago(20)},
            ]},
            {"jid": "15550112@s.whatsapp.net", "mutedUntil": FOREVER, "messages": [
                {"from": "15550112", "text": "The invoice is on its way", "at": ago(300)},
            ]},
            {"jid": "120363000000000001@g.us", "archived": true, "messages": [
                {"from": "15550112", "text": "Chapter four next week", "at": ago(900)},
            ]},
        ],
    });
    serde_json::from_value(spec).expect("an account")
}

const DAY_MS: i64 = 86_400_000;

/// An account with a single chat, with Mei.
pub(crate) fn small_account(phone: &str) -> AccountSpec {
    let mut account = account(phone, "Second number");
    account.contacts.truncate(1);
    account.history.truncate(1);
    account.groups.clear();
    account
}

/// A mute without end.
pub(crate) const FOREVER: i64 = 253_402_300_799_999;

/// Polls until there is a result.
pub(crate) async fn wait_for<T, F: Future<Output = Option<T>>>(what: &str, ask: impl Fn() -> F) -> T {
    wait_for_within(EVENT_TIMEOUT, what, ask).await
}

/// The same with another time limit.
pub(crate) async fn wait_for_within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    what: &str,
    ask: impl Fn() -> F,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "timeout while waiting for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Creates a key of an organization, with every permission unless `more` names some.
pub(crate) fn create_key(database: &TestDatabase, organization: &str, more: &[&str]) -> String {
    let everything: &[&str] =
        if more.contains(&"--permission") { &[] } else { &["--permission", "read,send,manage,events"] };
    let arguments = [&["key", "create", "--organization", organization], everything, more].concat();
    let output = program(database, &arguments).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

fn serve(
    database: &TestDatabase,
    sandbox: &Sandbox,
    more: &[String],
    environment: &[(String, String)],
    kept: &Log,
) -> (Child, String) {
    let (url, key) = (sandbox.url(), sandbox.key());
    let mut arguments = vec!["--sandbox-url", &*url, "--sandbox-key", &*key];
    arguments.extend(more.iter().map(String::as_str));
    serve_within(database, &arguments, environment, kept)
}

/// Starts the program on a free port, and collects its log; returns the URL of its API.
pub(crate) fn serve_logged(database: &TestDatabase, more: &[&str], kept: &Log) -> (Child, String) {
    serve_within(database, more, &[], kept)
}

fn serve_within(
    database: &TestDatabase,
    more: &[&str],
    environment: &[(String, String)],
    kept: &Log,
) -> (Child, String) {
    let arguments = [&["serve", "--listen", "127.0.0.1:0", "--log-format", kept.format], more].concat();
    let filter = ("CHATGRAPH_LOG_FILTER", kept.filter);
    let environment = environment.iter().map(|(name, value)| (name, value));
    let mut child =
        program(database, &arguments).envs([filter]).envs(environment).stderr(Stdio::piped()).spawn().expect("starts");
    let log = BufReader::new(child.stderr.take().expect("piped")).lines();
    let (found, address) = std::sync::mpsc::channel();
    let kept = kept.clone();
    std::thread::spawn(move || {
        let mut found = Some(found);
        for line in log.map_while(Result::ok) {
            match serving_at(&line).zip(found.take_if(|_| serving_at(&line).is_some())) {
                Some((address, found)) => found.send(address).expect("the starting test"),
                None => kept.add(line),
            }
        }
    });
    let Ok(address) = address.recv_timeout(ANSWER_TIMEOUT) else {
        child.kill().expect("killed");
        panic!("the server does not start, or reports no address");
    };
    (child, format!("http://{address}/graphql"))
}

/// Extracts the address from the line that reports it, in either log format.
fn serving_at(line: &str) -> Option<String> {
    let Ok(entry) = serde_json::from_str::<Value>(line) else {
        return line.split_once("Serving address=")?.1.split(' ').next().map(str::to_owned);
    };
    let serves = entry["fields"]["message"] == "Serving";
    serves.then(|| entry["fields"]["address"].as_str().expect("an address").to_owned())
}

/// Returns a process's resident memory. Linux only.
pub(super) fn resident_mib(child: &Child) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}

/// Returns a command of the program on this database.
pub(crate) fn program(database: &TestDatabase, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatgraph"));
    command.args(arguments).env("CHATGRAPH_DATABASE", database.url()).stdin(Stdio::null());
    command
}
