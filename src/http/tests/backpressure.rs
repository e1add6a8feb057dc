//! Fairness among operations and clients that share a WebSocket or a server: large responses, and clients that do not
//! read.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::fixture::{NEWER, OLDER, PATIENCE, Rig, Socket};
use crate::{graphql, http::Config, rate_limit::Rate};

const FROM: &str = "subscription($after: String) { chatChanges(after: $after) { cursor change { cid } } }";

#[tokio::test]
async fn busy_subscriptions_starve_no_other_and_no_heartbeat() {
    const BUSY: usize = 20;
    const CHANGES: usize = 100;
    const ALL: usize = BUSY * CHANGES;
    let rig = Rig::start(Config { heartbeat: Duration::from_millis(20), silence: PATIENCE, ..Config::default() }).await;
    rig.changes(CHANGES).await;
    let mut socket = rig.enter(NEWER).await;
    for id in 0..BUSY {
        socket.subscribe(&id.to_string(), FROM, json!({"after": rig.beginning()})).await;
    }
    socket.subscribe("query", "{ viewer { kind } }", json!({})).await;
    let (mut told, mut answered_after, mut beats) = (0, None, 0);
    while told < ALL {
        let message = socket.next().await;
        match message["id"].as_str() {
            Some("query") => answered_after = answered_after.or(Some(told)),
            Some(_) => told += usize::from(message["payload"]["data"]["chatChanges"]["change"].is_object()),
            None => beats += 1,
        }
    }
    assert!(answered_after.is_some_and(|told| told < ALL / 2), "answered after {answered_after:?} changes");
    assert!(beats > 0, "no heartbeat between the responses");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected_after_few_answers() {
    const QUERIES: usize = 100;
    let timeout = Duration::from_millis(300);
    let rig = Rig::start(Config { write_timeout: timeout, ..Config::default() }).await;
    let mut socket = rig.connect_narrowly(NEWER).await;
    socket.init(&rig.key).await;
    // A small part of the responses fills the socket buffers of the operating system.
    let all = "types { name description fields { name description args { name description } \
               type { name kind ofType { name kind } } } }";
    // Each query of chats that starts reads the clock once.
    let query = format!(
        "{{ chats {{ nodes {{ id }} }} __schema {{ {all} }} again: __schema {{ {all} }} more: __schema {{ {all} }} }}"
    );
    let asked = rig.clock.asked();
    for id in 0..QUERIES {
        socket.subscribe(&id.to_string(), &query, json!({})).await;
    }
    rig.is_left_alone().await;
    // Each of them reads the clock once more when it is written.
    let begun = (rig.clock.asked() - asked) / 2;
    let mut answers = 0;
    while let Some(Message::Text(text)) = socket.any().await {
        answers += usize::from(text.contains("__schema"));
    }
    assert!(answers < QUERIES / 2, "{answers} of {QUERIES} answers were sent to a client that does not read");
    assert!((1..answers + 20).contains(&begun), "{begun} were begun for {answers} that were sent");
}

/// A query with the cost of 100 chats.
const DEAR: &str = "subscription { chatChanges { cursor change { cid chat { session { chats(first: 100) { \
                    nodes { id } } } } } } }";
const DEAR_COST: u64 = 300;

/// A subscriber on one of the transports.
enum Listener {
    Socket(Socket),
    Events { response: reqwest::Response, read: String },
}

impl Listener {
    async fn open(rig: &Rig, transport: &str, query: &str) -> Self {
        let payload = json!({"query": query});
        if transport == "events" {
            let request = reqwest::Client::new().post(rig.url()).bearer_auth(&rig.key).json(&payload);
            let response = request.header("Accept", "text/event-stream").send().await.expect("an answer");
            return Self::Events { response, read: String::new() };
        }
        let mut socket = rig.enter(transport).await;
        let start = if transport == NEWER { "subscribe" } else { "start" };
        socket.send_json(&json!({"type": start, "id": "1", "payload": payload})).await;
        Self::Socket(socket)
    }

    /// Returns the next response.
    async fn next(&mut self) -> Value {
        match self {
            Self::Socket(socket) => socket.next_message().await["payload"].clone(),
            Self::Events { response, read } => loop {
                if let Some((event, rest)) = read.clone().split_once("\n\n") {
                    rest.clone_into(read);
                    if let Some((_, data)) = event.split_once("data: ") {
                        return serde_json::from_str(data).expect("JSON");
                    }
                    continue;
                }
                let chunk = timeout(PATIENCE, response.chunk()).await.expect("in time").expect("whole");
                *read += std::str::from_utf8(&chunk.expect("the stream goes on")).expect("text");
            },
        }
    }

    /// Returns the addresses of the next changed chats.
    async fn cids(&mut self, count: usize) -> Vec<Value> {
        let mut cids = Vec::new();
        while cids.len() < count {
            let answer = self.next().await;
            assert_eq!(answer["errors"], Value::Null, "{answer}");
            let change = &answer["data"]["chatChanges"]["change"];
            if change.is_object() {
                cids.push(change["cid"].clone());
            }
        }
        cids
    }
}

#[tokio::test]
async fn each_event_is_charged_and_waits_and_no_event_is_lost() {
    const CHANGES: usize = 10;
    // A burst of two events, then ten per second.
    let rate = Rate { per_minute: DEAR_COST * 600, burst: DEAR_COST * 2 };
    let api = graphql::Config {
        rate_limit_cost_per_minute: rate.per_minute,
        rate_limit_burst: rate.burst,
        ..graphql::Config::default()
    };
    for transport in [NEWER, OLDER, "events"] {
        let rig = Rig::with_api(Config::default(), &api).await;
        let mut listener = Listener::open(&rig, transport, DEAR).await;
        assert!(listener.next().await["data"]["chatChanges"]["cursor"].is_string(), "{transport}");
        let began = Instant::now();
        rig.changes(CHANGES).await;
        let cids = listener.cids(CHANGES).await;
        let took = began.elapsed();
        let logged: Vec<_> = rig.store.log().await.iter().map(|change| json!(change.cid.to_string())).collect();
        assert_eq!(cids, logged, "{transport}");
        // The subscription itself used half of the burst, and the last event may overdraw it.
        let least = Duration::from_millis(100) * u32::try_from(CHANGES - 2).expect("few");
        assert!(took >= least, "{transport}: {CHANGES} events took {took:?}");
    }
}

#[tokio::test]
async fn events_of_all_keys_of_an_organization_are_paid_for_together() {
    let rate = Rate { per_minute: DEAR_COST * 600, burst: DEAR_COST * 2 };
    let api = graphql::Config {
        rate_limit_cost_per_minute: 0,
        organization_rate_limit_cost_per_minute: Some(rate.per_minute),
        organization_rate_limit_burst: Some(rate.burst),
        ..graphql::Config::default()
    };
    let rig = Rig::with_api(Config::default(), &api).await;
    let mut listeners = Vec::new();
    for _ in 0..2 {
        // The second one starts when its organization has budget left.
        let listener = loop {
            let mut listener = Listener::open(&rig, NEWER, DEAR).await;
            if listener.next().await["data"].is_object() {
                break listener;
            }
        };
        listeners.push(listener);
    }
    let began = Instant::now();
    rig.changes(4).await;
    for listener in &mut listeners {
        listener.cids(4).await;
    }
    assert!(began.elapsed() >= Duration::from_millis(500), "8 events took {:?}", began.elapsed());
}
