//! Failures of PostgreSQL: connections that break at each message of a writing transaction, revoked privileges and
//! rejected writes. The server also ends idle transactions, or does not answer one read.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use tokio::{task::block_in_place, time::timeout};

use crate::support::{
    CREATE_LABELED_SESSION, CutPoint, FOREVER, MEI, Proxy, RAVI, Subscription, TestDatabase, TestServer, postgres,
    wait_for,
};

/// Upper bound of the messages in the transaction of one update.
const MANY: usize = 60;
/// Errors of a write, whatever the cause: a missing privilege, a damaged page, an unknown statement, a bug.
const CODES: [&str; 4] = ["42501", "XX001", "26000", "22023"];
/// Tables of the WhatsApp library.
const TABLES: [&str; 5] = ["device_record", "device_sender_key", "device_lid", "device_token", "device_secret"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_before_any_message_applies_each_write_once() {
    if postgres().is_some() {
        cut_at_every_message(CutPoint::Before).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_after_any_message_applies_each_write_once() {
    if postgres().is_some() {
        cut_at_every_message(CutPoint::Behind).await;
    }
}

/// Interrupts the update of a chat and the creation of a session at each message of their transactions, sessions twice
/// each.
async fn cut_at_every_message(how: CutPoint) {
    let mut rig = Rig::start(&[]).await;
    for (times, updates) in [(1, true), (2, false)] {
        let (mut cuts, mut commits) = (0, 0);
        for message in 0..MANY {
            rig.proxy.cut(message, how, times);
            if updates {
                rig.update().await
            } else {
                rig.make_session().await
            };
            let (cut, commit) = rig.proxy.stop_cutting();
            (cuts, commits) = (cuts + cut, commits + commit);
            if cut == 0 {
                assert!(message > 5, "too few messages to interrupt: {message}");
                break;
            }
        }
        assert!(commits > 0, "no commit was interrupted");
        println!("{how:?} x {times}: {cuts} cuts, {commits} of them at COMMIT, answers {:?}", rig.codes);
        assert_eq!(rig.update().await, "ok");
    }
    rig.log_is_whole().await;
    block_in_place(|| rig.server.restart());
    rig.server.wait_until_working().await;
    rig.log_is_whole().await;
    rig.server.assert_in_sync().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_whose_transactions_are_cut_are_stored_once() {
    if postgres().is_none() {
        return;
    }
    let rig = Rig::start(&[]).await;
    let mut texts = Vec::new();
    for how in [CutPoint::Before, CutPoint::Behind] {
        for message in (0..24).step_by(3) {
            // Interrupts the transactions that store the library's keys and the message.
            rig.proxy.cut(message, how, 4);
            let text = format!("{how:?} {message}");
            rig.server.phone().receive("15550111", MEI, &text).await.expect("sent");
            texts.push(text);
            let settled = timeout(Duration::from_secs(20), rig.server.phone().settled()).await;
            settled.expect("acknowledged in time").expect("acknowledged");
            rig.proxy.stop_cutting();
        }
    }
    rig.assert_stored_once(&texts).await;
    rig.server.assert_in_sync().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_wait_while_writes_to_the_librarys_tables_fail() {
    if postgres().is_none() {
        return;
    }
    let mut rig = Rig::start(&[]).await;
    let mut texts = Vec::new();
    for code in CODES {
        rig.refuse(code).await;
        let sent: Vec<_> = (0..3).map(|number| format!("while it may not: {code} {number}")).collect();
        for text in &sent {
            rig.server.phone().receive("15550111", MEI, text).await.expect("sent");
        }
        let so_far = rig.server.log().len();
        let waits = async || rig.server.log()[so_far..].contains("Storing session state failed").then_some(());
        wait_for("a rejected write", waits).await;
        assert_eq!(rig.server.phone().pending(), sent.len(), "a message that was not stored was acknowledged: {code}");
        rig.allow().await;
        let settled = timeout(Duration::from_secs(20), rig.server.phone().settled()).await;
        settled.expect("acknowledged in time").expect("acknowledged");
        texts.extend(sent);
    }
    rig.assert_stored_after_restart(&texts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_the_server_ended_are_carried_out_again() {
    if postgres().is_none() {
        return;
    }
    let mut rig = Rig::start(&[]).await;
    let mut texts = Vec::new();
    for round in 0..6 {
        for message in 0..3 {
            let text = format!("{round}.{message}");
            rig.server.phone().receive("15550111", MEI, &text).await.expect("sent");
            texts.push(text);
        }
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                   AND application_name = 'chatgraph' AND pid <> pg_backend_pid()";
        rig.server.execute(end).await;
        rig.update().await;
    }
    // Error 25P03, as after a pause of the process.
    rig.proxy.cut(4, CutPoint::Late, 2);
    rig.server.phone().receive("15550111", MEI, "behind a pause").await.expect("sent");
    texts.push("behind a pause".to_owned());
    assert_eq!(rig.update().await, "ok");
    assert!(rig.proxy.stop_cutting().0 > 0, "no transaction was idle for too long");
    rig.assert_stored_after_restart(&texts).await;
    rig.log_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_opened_to_a_read_only_database_recover() {
    if postgres().is_none() {
        return;
    }
    let mut rig = Rig::start(&["--metrics"]).await;
    let name =
        rig.server.database().url().rsplit('/').next().expect("a name").split('?').next().expect("a name").to_owned();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
               AND application_name = 'chatgraph' AND pid <> pg_backend_pid()";
    rig.server.execute(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    rig.server.execute(cut).await;
    let text = "while nothing may be written".to_owned();
    rig.server.phone().receive("15550111", MEI, &text).await.expect("sent");
    for _ in 0..3 {
        assert_eq!(rig.update().await, "internal");
    }
    let url = rig.server.url.replace("/graphql", "/readyz");
    let ready = async |status: u16| {
        wait_for("the writes to be told", async || {
            let answer = reqwest::get(&url).await.expect("an answer");
            (answer.status().as_u16() == status).then_some(())
        })
        .await;
    };
    ready(503).await;
    // The statement itself declares that it writes.
    let heal = format!("BEGIN READ WRITE; ALTER DATABASE {name} SET default_transaction_read_only = off; COMMIT");
    rig.server.execute(&heal).await;
    ready(200).await;
    for _ in 0..12 {
        assert_eq!(rig.update().await, "ok");
    }
    rig.assert_stored_after_restart(&[text]).await;
    rig.log_is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unanswered_read_does_not_stop_other_organizations() {
    if postgres().is_none() {
        return;
    }
    let rig = Rig::start(&["--metrics"]).await;
    let other = rig.server.create_key("org_2", &[]);
    let second = rig.server.sandbox.create_account(crate::support::small_account("15559900")).expect("an account");
    rig.server.pair_as(&other, &second).await;
    let mine = rig.server.subscribe_to_chats().await;
    let mut theirs = Subscription::open(&rig.server, &other, crate::support::ALL, json!({})).await;
    // One task reads new changes for all subscribers of an organization.
    rig.proxy.withhold_answer("FROM \"change\"");
    rig.server.phone().receive("15550111", MEI, "mine").await.expect("sent");
    wait_for("the read to be intercepted", async || rig.proxy.is_answer_withheld().then_some(())).await;
    for number in 0..3 {
        second.receive("15550111", MEI, &format!("theirs {number}")).await.expect("sent");
        let heard = timeout(Duration::from_secs(5), theirs.next()).await.expect("a change of the other organization");
        assert_eq!(heard["cid"], MEI);
    }
    // The lag of the first subscriber is read from the database.
    let url = rig.server.url.replace("/graphql", "/metrics");
    wait_for("the lag to be reported", async || {
        let figures = reqwest::get(&url).await.expect("an answer").text().await.expect("text");
        let line = figures.lines().find(|line| line.starts_with("chatgraph_subscriber_lag_changes "))?;
        (line != "chatgraph_subscriber_lag_changes 0").then_some(())
    })
    .await;
    drop(mine);
}

/// A server behind a proxy, and the results of its requests.
struct Rig {
    server: TestServer,
    proxy: Proxy,
    next: i64,
    /// Result of each mute, by its end.
    said: BTreeMap<i64, String>,
    /// Result of each creation of a session, by its label.
    sessions: BTreeMap<String, String>,
    codes: BTreeMap<String, u32>,
}

impl Rig {
    async fn start(arguments: &[&str]) -> Self {
        let database = TestDatabase::migrated().await;
        let proxy = Proxy::before(database.url()).await;
        let arguments = [&["--database", proxy.url()], arguments].concat();
        let server = TestServer::builder().database(database).arguments(&arguments).start().await;
        let (said, sessions, codes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { server, proxy, next: FOREVER / 2, said, sessions, codes }
    }

    /// Mutes a chat until a unique instant; returns the result.
    async fn update(&mut self) -> String {
        self.next += 1;
        let until = self.next;
        let query = "mutation($session: ID!, $cid: JID!, $until: Timestamp!) { \
                     updateChat(input: {sessionId: $session, cid: $cid, mutedUntil: $until}) { chat { mutedUntil } } }";
        let variables = json!({"session": self.server.session, "cid": RAVI, "until": until});
        let answer = self.server.query_with(query, variables).await;
        let code = answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("ok").to_owned();
        *self.codes.entry(code.clone()).or_default() += 1;
        self.said.insert(until, code.clone());
        code
    }

    /// Creates a session; a creation is not idempotent.
    async fn make_session(&mut self) -> String {
        let label = format!("session {}", self.sessions.len());
        let answer = self.server.query_with(CREATE_LABELED_SESSION, json!({"label": label})).await;
        let code = answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("ok").to_owned();
        *self.codes.entry(code.clone()).or_default() += 1;
        self.sessions.insert(label, code.clone());
        code
    }

    /// Makes all writes to the library's tables fail with this code.
    async fn refuse(&self, code: &str) {
        let function = format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'refused with {code}' USING ERRCODE = '{code}'; END $$"
        );
        self.server.execute(&function).await;
        for table in TABLES {
            let trigger = format!(
                "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON {table} \
                 FOR EACH STATEMENT EXECUTE FUNCTION refuse()"
            );
            self.server.execute(&trigger).await;
        }
    }

    async fn allow(&self) {
        self.server.execute("DROP FUNCTION refuse() CASCADE").await;
    }

    /// Asserts that the change log has each acknowledged value once, no rejected value, and no gap.
    async fn log_is_whole(&self) {
        for (until, code) in &self.said {
            let muted = 1 << 5;
            let query = format!(
                "SELECT COUNT(*) FROM change WHERE muted_until = {until} AND origin = 1 AND (changed & {muted}) <> 0"
            );
            let times = self.server.number(&query).await;
            match &**code {
                "ok" => assert_eq!(times, 1, "{until}"),
                "outcome_unknown" => assert!(times <= 1, "{until}"),
                code => assert_eq!((code, times), ("internal", 0), "{until}"),
            }
        }
        for (label, code) in &self.sessions {
            let times = self.server.number(&format!("SELECT COUNT(*) FROM session WHERE label = '{label}'")).await;
            match &**code {
                "ok" => assert_eq!(times, 1, "{label}"),
                "outcome_unknown" => assert!(times <= 1, "{label}"),
                code => assert_eq!((code, times), ("internal", 0), "{label}"),
            }
        }
        let gaps = "SELECT MAX(number) - COUNT(*) FROM change WHERE organization = 'org_1'";
        assert_eq!(self.server.number(gaps).await, 0, "the log has gaps");
        let apart = "SELECT last_change - (SELECT MAX(number) FROM change WHERE organization = 'org_1') \
                     FROM organization WHERE id = 'org_1'";
        assert_eq!(self.server.number(apart).await, 0, "the counter differs from the last change number");
    }

    async fn assert_stored_once(&self, texts: &[String]) {
        for text in texts {
            let times = self.server.number(&format!("SELECT COUNT(*) FROM message WHERE text = '{text}'")).await;
            assert_eq!(times, 1, "{text}");
        }
    }

    /// Asserts that all messages are acknowledged in the end, and stored, also after a kill.
    async fn assert_stored_after_restart(&mut self, texts: &[String]) {
        let settled = timeout(Duration::from_secs(25), self.server.phone().settled()).await;
        settled.expect("acknowledged in time").expect("acknowledged");
        self.assert_stored_once(texts).await;
        block_in_place(|| self.server.restart());
        self.server.wait_until_working().await;
        self.assert_stored_once(texts).await;
        self.server.assert_in_sync().await;
    }
}
