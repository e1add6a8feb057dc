//! An SQLite database on a failing disk: each write and each sync of a transaction fails, once, twice and for a while.
//! Everything that was acknowledged, to a client or to WhatsApp, survives a kill, and work continues without a restart.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{task::block_in_place, time::timeout};

use crate::support::{Call, FOREVER, Faults, MEI, RAVI, TestServer, postgres, wait_for};

/// Upper bound of the calls in one commit.
const CALLS: i32 = 5;
/// Number of failing calls that is never reached: the disk fails until the fault is removed.
const WHILE: i32 = i32::MAX;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_disk_loses_nothing_acknowledged_and_work_continues() {
    if postgres().is_some() {
        return;
    }
    let mut rig = Rig::start().await;
    for call in [Call::Write, Call::Sync] {
        for times in [1, 2, WHILE] {
            let mut failed = 0;
            for skip in 0..CALLS {
                failed += rig.fail(call, skip, times).await;
            }
            println!("{call:?} x {times}: {failed} calls failed, {}", rig.summary());
            assert!(failed > 0, "no call failed");
        }
    }
    rig.holds_what_it_acknowledged().await;
    // The same again, with a kill during the failure.
    rig.faults.arm(Call::Write, 2, WHILE);
    rig.ask(3).await;
    rig.server.kill();
    rig.faults.disarm(Call::Write);
    block_in_place(|| rig.server.restart());
    rig.server.wait_until_working().await;
    rig.holds_what_it_acknowledged().await;
    println!("in all: {}", rig.summary());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_not_ready_while_its_writes_fail() {
    if postgres().is_some() {
        return;
    }
    let rig = Rig::start().await;
    let url = rig.server.url.replace("/graphql", "/readyz");
    let wait_for_readiness = async |writes: &str, status: u16| {
        wait_for("the readiness", async || {
            let answer = reqwest::get(&url).await.expect("an answer");
            let answered = answer.status().as_u16();
            let body: Value = answer.json().await.expect("JSON");
            (answered == status && body["writes"] == writes && body["database"] == "ok").then_some(())
        })
        .await;
    };
    wait_for_readiness("ok", 200).await;
    rig.faults.arm(Call::Sync, 0, WHILE);
    // Only the server itself writes.
    wait_for_readiness("failing", 503).await;
    rig.faults.disarm(Call::Sync);
    wait_for_readiness("ok", 200).await;
}

/// A server on a disk with injected failures, and the changes that it acknowledged.
struct Rig {
    server: TestServer,
    faults: Faults,
    next: i64,
    /// Last acknowledged value of each chat, and later values that may have replaced it.
    muted: BTreeMap<&'static str, (i64, BTreeSet<i64>)>,
    messages: BTreeSet<String>,
    codes: BTreeMap<String, u32>,
}

impl Rig {
    async fn start() -> Self {
        let faults = Faults::new();
        let builder = TestServer::builder().arguments(&["--metrics"]).environment(faults.environment());
        let server = builder.start().await;
        let (muted, messages) = (BTreeMap::new(), BTreeSet::new());
        Self { server, faults, next: FOREVER / 2, muted, messages, codes: BTreeMap::new() }
    }

    /// Makes calls fail while clients and contacts are active, then repairs the disk; returns the number of failed
    /// calls.
    async fn fail(&mut self, call: Call, skip: i32, times: i32) -> i32 {
        self.faults.arm(call, skip, times);
        self.ask(3).await;
        let failed = self.faults.disarm(call);
        let (_, acknowledged) = self.update(RAVI).await;
        assert!(acknowledged, "nothing is stored although the disk works again: {call:?}, {skip}, {times}");
        failed
    }

    /// Changes settings and sends messages concurrently.
    async fn ask(&mut self, messages: u32) {
        for number in 0..messages {
            self.next += 1;
            let text = format!("message {}", self.next);
            self.server.phone().receive("15550111", MEI, &text).await.expect("sent");
            self.messages.insert(text);
            self.update(if number % 2 == 0 { MEI } else { RAVI }).await;
        }
    }

    /// Mutes a chat until a unique instant, and reads it back if the mute is acknowledged.
    async fn update(&mut self, chat: &'static str) -> (i64, bool) {
        self.next += 1;
        let until = self.next;
        let query = "mutation($cid: JID!, $until: Timestamp!) { \
                     updateChat(input: {cid: $cid, mutedUntil: $until}) { chat { mutedUntil } } }";
        let answer = self.server.query_with(query, json!({"cid": chat, "until": until})).await;
        let code = answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("ok").to_owned();
        *self.codes.entry(code.clone()).or_default() += 1;
        let known = self.muted.entry(chat).or_default();
        match &*code {
            "ok" => {
                *known = (until, BTreeSet::new());
                assert_eq!(self.server.chat(chat).await["mutedUntil"], until, "acknowledged, but not visible");
            }
            "outcome_unknown" => {
                known.1.insert(until);
            }
            code => assert_eq!(code, "internal", "{answer}"),
        }
        (until, code == "ok")
    }

    /// Asserts that all acknowledged changes are stored, also after a kill, and each message arrives once.
    async fn holds_what_it_acknowledged(&mut self) {
        let settled = timeout(Duration::from_secs(20), self.server.phone().settled()).await;
        settled.expect("all messages acknowledged in time").expect("acknowledged");
        self.is_there().await;
        block_in_place(|| self.server.restart());
        self.server.wait_until_working().await;
        self.is_there().await;
        self.server.assert_in_sync().await;
    }

    async fn is_there(&self) {
        for (chat, (acknowledged, perhaps)) in &self.muted {
            let stored = self.server.chat(chat).await["mutedUntil"].as_i64().expect("muted");
            assert!(stored == *acknowledged || perhaps.contains(&stored), "{chat}: {stored}, not {acknowledged}");
        }
        let query = "query($cid: JID!) { chat(cid: $cid) { messages(first: 200) { nodes { text } } } }";
        let answer = self.server.query_with(query, json!({"cid": MEI})).await;
        let nodes = answer["data"]["chat"]["messages"]["nodes"].as_array().expect("messages").clone();
        let texts: Vec<_> = nodes.iter().filter_map(|node| node["text"].as_str().map(str::to_owned)).collect();
        let stored: Vec<_> = texts.iter().filter(|text| self.messages.contains(*text)).collect();
        assert_eq!(stored.len(), self.messages.len(), "messages are missing or duplicated: {texts:?}");
        assert_eq!(stored.into_iter().collect::<BTreeSet<_>>().len(), self.messages.len());
    }

    fn summary(&self) -> String {
        format!("{} messages, answers {:?}", self.messages.len(), self.codes)
    }
}
