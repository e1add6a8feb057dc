//! Monitoring of the server: reported states and figures, and private data that they omit.

use std::time::Instant;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::support::{
    CREATE_SESSION, EmptyServer, Log, MEI, START_SESSION, Subscription, TestServer, VIEWER_KIND, monitoring_url,
    upgrade_to, wait_for,
};

/// Arguments for a monitoring listener on a free port.
const WATCHED: [&str; 2] = ["--metrics-listen", "127.0.0.1:0"];

async fn ready(url: &str) -> (u16, Value) {
    let response = reqwest::get(url).await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

/// Returns the value of one metric.
fn figure(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

async fn figures(url: &str) -> String {
    reqwest::get(url).await.expect("an answer").text().await.expect("text")
}

impl EmptyServer {
    /// Returns the URL of this path on the monitoring listener.
    fn monitoring_url(&self, path: &str) -> String {
        monitoring_url(&self.log.text(), path)
    }
}

#[tokio::test]
async fn a_server_is_ready_while_its_database_answers() {
    let server = EmptyServer::start(&WATCHED).await;
    let url = server.monitoring_url("/readyz");
    let at_once = async |status: u16| {
        wait_for("the state of the database", async || {
            let (told, body) = ready(&url).await;
            (told == status).then_some(body)
        })
        .await
    };
    let body = at_once(200).await;
    let none = json!({"STARTING": 0, "SCAN_QR_CODE": 0, "WORKING": 0, "FAILED": 0, "STOPPED": 0, "LOGGED_OUT": 0});
    assert_eq!(body, json!({"status": "ready", "database": "ok", "writes": "ok", "sessions": none}));
    let (status, public) = ready(&server.at("/readyz")).await;
    assert_eq!(
        (status, public),
        (200, json!({"status": "ready", "database": "ok", "writes": "ok"})),
        "the public endpoint has only the state"
    );

    server.execute("ALTER TABLE pending_action RENAME TO elsewhere").await;
    let body = at_once(503).await;
    assert_eq!(body, json!({"status": "unready", "database": "unavailable", "writes": "ok", "sessions": null}));

    server.execute("ALTER TABLE elsewhere RENAME TO pending_action").await;
    at_once(200).await;
}

#[tokio::test]
async fn a_session_that_does_not_work_yet_makes_nothing_unready() {
    let server = TestServer::with_arguments(&WATCHED).await;
    let made = server.query(CREATE_SESSION).await;
    let id = made["data"]["createSession"]["session"]["id"].as_str().expect("an id").to_owned();
    server.query_with(START_SESSION, json!({"id": id})).await;
    let url = monitoring_url(&server.log(), "/readyz");
    wait_for("both sessions to be counted", async || {
        let (status, body) = ready(&url).await;
        let sessions = &body["sessions"];
        let waiting = sessions["SCAN_QR_CODE"].as_i64().unwrap_or(0) + sessions["STARTING"].as_i64().unwrap_or(0);
        (status == 200 && sessions["WORKING"] == 1 && waiting == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn asking_often_whether_it_is_ready_costs_one_look_a_second() {
    let server = TestServer::builder().log(Log::of_statements()).start().await;
    let (url, client) = (server.url.replace("/graphql", "/readyz"), reqwest::Client::new());
    let begun = Instant::now();
    for _ in 0..20 {
        let asked = (0..20).map(|_| client.get(&url).send());
        for answer in futures_util::future::join_all(asked).await {
            assert_eq!(answer.expect("an answer").status(), 200);
        }
    }
    let most = begun.elapsed().as_secs() + 2;
    let log = server.log();
    let looks = log.lines().filter(|line| line.contains("COUNT") && line.contains("pending_action")).count();
    assert!((1..=most).contains(&(looks as u64)), "{looks} reads for 400 requests; at most {most} were expected");
}

#[tokio::test]
async fn readiness_fails_while_the_server_stops() {
    let server = EmptyServer::start(&WATCHED).await;
    let url = server.monitoring_url("/readyz");
    assert_eq!(ready(&url).await.0, 200);
    // An incomplete request delays the server's stop.
    let address = server.at("").replace("http://", "");
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nExpect: \
         100-continue\r\nContent-Length: 9\r\n\r\n",
        server.key
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("the server reads the body");
    assert_eq!(&answer, b"HTTP/1.1 100");
    server.terminate();
    wait_for("the server to report that it stops", async || {
        let (status, body) = ready(&url).await;
        (status == 503 && body["status"] == "draining").then_some(())
    })
    .await;
}

#[tokio::test]
async fn metrics_are_served_only_where_enabled() {
    let server = EmptyServer::start(&WATCHED).await;
    assert_eq!(reqwest::get(server.at("/metrics")).await.expect("an answer").status(), 404);
    for (accept, media, end) in [
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text", "# EOF\n"),
        ("*/*", "text/plain; version=0.0.4", "\n"),
    ] {
        let asked = reqwest::Client::new().get(server.monitoring_url("/metrics")).header("Accept", accept);
        let response = asked.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        let told = response.headers()["content-type"].to_str().expect("text").to_owned();
        assert!(told.starts_with(media), "{told}");
        let text = response.text().await.expect("text");
        assert!(text.ends_with(end) && text.contains("# EOF") == accept.contains("openmetrics"), "{text}");
    }
    assert_eq!(reqwest::get(server.monitoring_url("/healthz")).await.expect("an answer").status(), 200);
    assert_eq!(reqwest::get(server.monitoring_url("/graphql")).await.expect("an answer").status(), 404);
    let server = EmptyServer::start(&["--metrics"]).await;
    assert_eq!(reqwest::get(server.at("/metrics")).await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_connection_counts_for_as_long_as_it_is_open() {
    let server = EmptyServer::start(&WATCHED).await;
    let (url, address) = (server.monitoring_url("/metrics"), server.at("").replace("http://", ""));
    let come_to = async |count: f64| {
        wait_for("the connections to be counted", async || {
            (figure(&figures(&url).await, "chatgraph_connections") == Some(count)).then_some(())
        })
        .await;
    };
    come_to(0.0).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(TcpStream::connect(&address).await.expect("a connection"));
    }
    come_to(3.0).await;
    drop(held);
    come_to(0.0).await;
}

#[tokio::test]
async fn a_throttled_token_is_counted() {
    let server = EmptyServer::start(&[&WATCHED[..], &["--max-failed-tokens-per-minute", "1"]].concat()).await;
    let url = server.monitoring_url("/metrics");
    for (status, unheard) in [(401, 0.0), (429, 1.0), (429, 2.0)] {
        let guess = reqwest::Client::new().post(&server.url).bearer_auth("cg_nobody").json(&json!({"query": "{ a }"}));
        assert_eq!(guess.send().await.expect("an answer").status(), status);
        assert_eq!(figure(&figures(&url).await, "chatgraph_tokens_throttled_total"), Some(unheard));
    }
}

#[tokio::test]
async fn metrics_count_events_without_names() {
    let server = TestServer::with_arguments(&["--metrics"]).await;
    let url = server.url.replace("/graphql", "/metrics");
    let before = figures(&url).await;
    server.query("query WhatIsYourName { viewer { kind } }").await;
    server.query("{ nothingLikeThis }").await;
    server.query_as("cg_of_nobody", VIEWER_KIND, json!({})).await;
    let unknown = "mutation { updateChat(input: {cid: \"15550199@s.whatsapp.net\", read: true}) { chat { id } } }";
    server.query(unknown).await;
    server.update_chat(MEI, "pinned: true").await;
    let _changes = server.subscribe_to_chats().await;
    // This socket sends a message before it authenticates.
    let (mut socket, _) = connect_async(upgrade_to(&server.url)).await.expect("a socket");
    let early = json!({"type": "subscribe", "id": "1", "payload": {"query": VIEWER_KIND}});
    socket.send(Message::text(early.to_string())).await.expect("sent");
    while let Some(Ok(_)) = socket.next().await {}
    let mut other = Subscription::open(&server, "cg_of_nobody", VIEWER_KIND, json!({})).await;
    assert_eq!(u16::from(other.closed().await.code), 4403);

    let expected = [
        ("chatgraph_operations_total{kind=\"query\",code=\"ok\"}", 1.0),
        ("chatgraph_operations_total{kind=\"unknown\",code=\"validation_error\"}", 1.0),
        ("chatgraph_operations_total{kind=\"mutation\",code=\"not_found\"}", 1.0),
        ("chatgraph_operations_total{kind=\"mutation\",code=\"ok\"}", 1.0),
        ("chatgraph_operations_total{kind=\"subscription\",code=\"ok\"}", 1.0),
        ("chatgraph_operation_duration_seconds_count{kind=\"mutation\"}", 2.0),
        ("chatgraph_http_responses_total{status=\"401\"}", 1.0),
        ("chatgraph_websocket_closes_total{code=\"4401\"}", 1.0),
        ("chatgraph_websocket_closes_total{code=\"4403\"}", 1.0),
        ("chatgraph_units_of_work_total", 1.0),
        ("chatgraph_commits_total", 1.0),
    ];
    let after = wait_for("everything to be counted", async || {
        let after = figures(&url).await;
        let grown = |name: &str| figure(&after, name).unwrap_or(0.0) - figure(&before, name).unwrap_or(0.0);
        expected.iter().all(|(name, least)| grown(name) >= *least).then_some(after.clone())
    })
    .await;
    for (name, value) in [
        ("chatgraph_subscriptions", 1.0),
        ("chatgraph_sessions{status=\"WORKING\"}", 1.0),
        ("chatgraph_sessions{status=\"FAILED\"}", 0.0),
    ] {
        assert_eq!(figure(&after, name), Some(value), "{name} in\n{after}");
    }
    for name in ["chatgraph_connections", "process_resident_memory_bytes"] {
        assert!(figure(&after, name) > Some(0.0), "{name} in\n{after}");
    }
    for name in ["chatgraph_pending_actions", "chatgraph_subscriber_lag_changes"] {
        assert!(figure(&after, name).is_some(), "{name} in\n{after}");
    }
    for secret in ["org_1", "1555", "WhatIsYourName", "nothingLikeThis", "of_nobody", &server.session, &server.key] {
        assert!(!after.contains(secret), "{secret} in\n{after}");
    }
}

#[tokio::test]
async fn a_rejected_connection_is_counted_by_reason() {
    let server = EmptyServer::start(&[&WATCHED[..], &["--max-connections-per-address", "1"]].concat()).await;
    let url = server.monitoring_url("/metrics");
    let address = server.at("").replace("http://", "");
    let _held = TcpStream::connect(&address).await.expect("a connection");
    let mut refused = TcpStream::connect(&address).await.expect("a connection");
    assert_eq!(refused.read(&mut [0]).await.unwrap_or(0), 0, "the listener is closed");
    let told = figures(&url).await;
    assert_eq!(figure(&told, "chatgraph_connections_rejected_total{reason=\"full_for_address\"}"), Some(1.0), "{told}");
    assert_eq!(figure(&told, "chatgraph_connections"), Some(1.0), "{told}");
}
