//! Clients beside attackers without a token: incomplete headers, slow bodies, long documents, silent or invalid
//! sockets, and guessed tokens, all at once. A client with a token still gets its answers, and the server's memory does
//! not grow.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::support::{EmptyServer, upgrade_to};

/// Duration of the attack.
const SIEGE: Duration = Duration::from_secs(5);
/// Pause between two requests of one attacker, so that their number does not depend on this machine's cores.
const BREATH: Duration = Duration::from_millis(20);
/// Maximum response time for clients at the 99th percentile: ten times the documented one, because other tests and the
/// attackers also use this machine.
const MOST: Duration = Duration::from_secs(5);
/// Maximum growth of the server's memory, in MiB.
const GROWTH: f64 = 64.0;

/// The attacked server, and the end of the attack.
#[derive(Clone)]
struct Target {
    url: String,
    stop: CancellationToken,
}

impl Target {
    /// Connects from another address than the clients'.
    async fn connect(&self) -> Option<TcpStream> {
        let socket = TcpSocket::new_v4().ok()?;
        socket.bind("127.0.0.66:0".parse().ok()?).ok()?;
        let address = self.url.trim_start_matches("http://").trim_end_matches("/graphql");
        socket.connect(address.parse().ok()?).await.ok()
    }

    async fn open(&self) -> Option<WebSocketStream<TcpStream>> {
        Some(client_async(upgrade_to(&self.url), self.connect().await?).await.ok()?.0)
    }

    async fn post(&self, token: &str, length: usize, body: &str) -> Option<TcpStream> {
        let mut stream = self.connect().await?;
        let head = format!(
            "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: \
             application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).await.ok()?;
        Some(stream)
    }

    /// Repeats an attack until the end.
    async fn again<F: Future>(self, blow: impl Fn(Self, usize) -> F) {
        let mut round = 0;
        while !self.stop.is_cancelled() {
            round += 1;
            let _ = timeout(SIEGE, blow(self.clone(), round)).await;
            sleep(BREATH).await;
        }
    }
}

async fn half_heads(target: Target) {
    let mut held = Vec::new();
    while !target.stop.is_cancelled() {
        if let Some(mut stream) = target.connect().await {
            let _ = stream.write_all(b"POST /graphql HTTP/1.1\r\nHost: x\r\nX: ").await;
            held.push(stream);
        }
        held.truncate(200);
        sleep(BREATH).await;
    }
}

async fn silent_sockets(target: Target) {
    let mut held = Vec::new();
    while !target.stop.is_cancelled() {
        held.extend(target.open().await);
        held.truncate(200);
        sleep(BREATH).await;
    }
}

async fn slow_body(target: Target, _: usize) -> Option<()> {
    let mut stream = target.post("cg_nobody", 1_000_000, "{").await?;
    for _ in 0..20 {
        stream.write_all(b" ").await.ok()?;
        sleep(BREATH).await;
    }
    Some(())
}

async fn long_document(target: Target, round: usize) -> Option<()> {
    let body = json!({"query": "[".repeat(30_000), "variables": {"a": "x".repeat(500_000)}}).to_string();
    let mut stream = target.post(&format!("cg_{round}"), body.len(), &body).await?;
    let _ = stream.read(&mut [0; 1024]).await;
    Some(())
}

async fn unknown_tokens(target: Target, round: usize) -> Option<()> {
    let token = if round.is_multiple_of(2) { format!("cg_guess_{round}") } else { format!("e30.e30.{round}") };
    let mut stream = target.post(&token, 2, "{}").await?;
    let _ = stream.read(&mut [0; 1024]).await;
    Some(())
}

async fn invalid_messages(target: Target, round: usize) -> Option<()> {
    let mut socket = target.open().await?;
    let invalid_messages = match round % 4 {
        0 => Message::text("[".repeat(100_000)),
        1 => Message::binary(vec![0; 1_000]),
        2 => Message::text(json!({"type": "subscribe", "id": "1", "payload": {"query": "{ a }"}}).to_string()),
        _ => Message::text(json!({"type": "connection_init", "payload": {"Authorization": "Bearer x"}}).to_string()),
    };
    socket.send(invalid_messages).await.ok()?;
    while let Some(Ok(_)) = socket.next().await {}
    Some(())
}

/// Returns the 99th percentile of the clients' response times, until `end` and for at least `questions` queries.
async fn patience(server: &EmptyServer, client: &reqwest::Client, end: Duration, questions: usize) -> Duration {
    let begun = Instant::now();
    let mut waits = Vec::new();
    while begun.elapsed() < end || waits.len() < questions {
        let asked = Instant::now();
        let query = json!({"query": "{ viewer { kind } chats(first: 50) { nodes { id name } } }"});
        let answer = client.post(&server.url).bearer_auth(&server.key).json(&query).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let answer: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(answer["data"]["viewer"]["kind"], "API_KEY", "{answer}");
        waits.push(asked.elapsed());
        sleep(BREATH / 4).await;
    }
    waits.sort_unstable();
    waits[waits.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_are_served_during_attacks_and_memory_does_not_grow() {
    let server = EmptyServer::start(&[]).await;
    let client = reqwest::Client::new();
    let in_peace = patience(&server, &client, SIEGE / 10, 40).await;
    let before = server.resident_mib();

    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let target = Target { url: server.url.clone(), stop: stop.clone() };
    tasks.spawn(half_heads(target.clone()));
    tasks.spawn(silent_sockets(target.clone()));
    for _ in 0..2 {
        tasks.spawn(target.clone().again(slow_body));
        tasks.spawn(target.clone().again(long_document));
        tasks.spawn(target.clone().again(unknown_tokens));
        tasks.spawn(target.clone().again(invalid_messages));
    }
    let besieged = patience(&server, &client, SIEGE, 40).await;
    let grown = server.resident_mib() - before;
    stop.cancel();
    tasks.close();
    timeout(SIEGE * 10, tasks.wait()).await.expect("the attackers stop");

    println!("p99 {in_peace:?} without attackers, {besieged:?} with them; memory grew by {grown:.1} MiB");
    assert!(besieged < MOST.max(in_peace * 20), "p99 {besieged:?} with attackers, {in_peace:?} without");
    assert!(grown < GROWTH, "memory grew by {grown:.1} MiB");
    patience(&server, &client, Duration::ZERO, 5).await;
}
