//! Responses as server-sent events and as a multipart body.

use std::time::{Duration, Instant};

use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::fixture::{PATIENCE, Rig, code};
use crate::{auth::key_cache::KEY_CACHE_TTL_MS, http::Config};

const SOON: Duration = Duration::from_millis(100);
const EVENTS: &str = "text/event-stream";
const PARTS: &str = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json";
const KIND: &str = "{ viewer { kind } }";
const CHANGES: &str = "subscription($after: String) { chatChanges(after: $after) { cursor change { cid } } }";

impl Rig {
    fn post(&self, accept: &str, query: &str, variables: &Value) -> RequestBuilder {
        let body = json!({"query": query, "variables": variables});
        self.request(reqwest::Client::new().post(self.url()), accept).json(&body)
    }

    fn get(&self, accept: &str, query: &str) -> RequestBuilder {
        let url = reqwest::Url::parse_with_params(&self.url(), [("query", query)]).expect("a URL");
        self.request(reqwest::Client::new().get(url), accept)
    }

    fn request(&self, request: RequestBuilder, accept: &str) -> RequestBuilder {
        request.bearer_auth(&self.key).header("Accept", accept)
    }
}

/// A streamed response.
struct Stream {
    response: Response,
    read: String,
}

impl Stream {
    async fn open(request: RequestBuilder) -> Self {
        let response = timeout(PATIENCE, request.send()).await.expect("in time").expect("an answer");
        assert_eq!(response.status(), 200);
        Self { response, read: String::new() }
    }

    fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the text before the next of these marks; `None` at the end.
    async fn until(&mut self, mark: &str) -> Option<String> {
        loop {
            if let Some((frame, rest)) = self.read.split_once(mark) {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.read = rest;
                return Some(frame);
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("something in time").expect("whole");
            self.read += std::str::from_utf8(&chunk?).expect("text");
        }
    }

    /// Returns the next event that is not a comment: its name, id and data.
    async fn event(&mut self) -> Option<(String, Option<String>, Value)> {
        loop {
            let event = self.until("\n\n").await?;
            if event.starts_with(':') {
                continue;
            }
            let field = |name: &str| {
                event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(|it| it.trim().to_owned()))
            };
            let data = field("data").expect("an event has data");
            let data = if data.is_empty() { Value::Null } else { data.parse().expect("JSON") };
            return Some((field("event").expect("an event has a name"), field("id"), data));
        }
    }

    /// Returns the next response.
    async fn next(&mut self) -> (Option<String>, Value) {
        let (name, id, data) = self.event().await.expect("an event");
        assert_eq!(name, "next", "{data}");
        (id, data)
    }

    async fn completes(&mut self) {
        assert_eq!(self.event().await, Some(("complete".into(), None, Value::Null)));
        assert_eq!(self.event().await, None);
    }

    /// Returns the next part; `None` after the last one.
    async fn part(&mut self) -> Option<Value> {
        let part = self.until("\r\n--graphql").await?;
        let (head, body) = part.split_once("\r\n\r\n").expect("a head and a body");
        assert_eq!(head, "\r\nContent-Type: application/json");
        Some(body.parse().expect("JSON"))
    }
}

#[tokio::test]
async fn any_operation_is_sent_as_events_if_only_they_are_accepted() {
    let rig = Rig::start(Config::default()).await;
    let make = "mutation { createSession(input: {label: \"Desk\"}) { session { label } } }";
    let desk = json!({"data": {"createSession": {"session": {"label": "Desk"}}}});
    let kind = json!({"data": {"viewer": {"kind": "API_KEY"}}});
    for (request, answer) in [
        (rig.post(EVENTS, KIND, &json!({})), &kind),
        (rig.get(EVENTS, KIND), &kind),
        (rig.post(EVENTS, make, &json!({})), &desk),
    ] {
        let mut stream = Stream::open(request).await;
        assert_eq!(stream.header("content-type"), "text/event-stream; charset=utf-8");
        assert_eq!((stream.header("cache-control"), stream.header("x-accel-buffering")), ("no-store", "no"));
        assert_eq!(stream.next().await, (None, answer.clone()));
        stream.completes().await;
    }
    let response = rig.post("text/event-stream, application/json", KIND, &json!({})).send().await.expect("an answer");
    assert_eq!(response.json::<Value>().await.expect("whole, in JSON"), kind);
    rig.is_left_alone().await;
}

#[tokio::test]
async fn a_subscription_streams_events_with_their_cursors() {
    let rig = Rig::start(Config::default()).await;
    let without_cursor = "subscription { chatChanges { change { cid } } }";
    for (request, selected) in [
        (rig.post("text/event-stream, application/json", CHANGES, &json!({})), true),
        (rig.get(EVENTS, without_cursor).header("Accept-Encoding", "gzip"), false),
    ] {
        let mut stream = Stream::open(request).await;
        assert_eq!(stream.header("content-encoding"), "");
        let (first, _) = stream.next().await;
        assert!(first.is_some(), "the cursor of the start");
        rig.store.add_chat(usize::from(selected), 1).await;
        let (id, answer) = stream.next().await;
        let event = &answer["data"]["chatChanges"];
        assert!(event["change"]["cid"].is_string(), "{answer}");
        if selected {
            assert_eq!(id.as_deref(), event["cursor"].as_str());
        }
        assert!(id.is_some() && id != first);
    }
    rig.is_left_alone().await;
}

#[tokio::test]
async fn a_stream_resumes_after_last_event_id_unless_after_is_given() {
    let rig = Rig::start(Config::default()).await;
    rig.changes(3).await;
    let from = async |request: RequestBuilder| {
        let mut stream = Stream::open(request).await;
        let mut ids = Vec::new();
        for _ in 0..4 {
            let (id, _) = stream.next().await;
            ids.push(id.expect("a place"));
        }
        ids
    };
    let all = from(rig.post(EVENTS, CHANGES, &json!({"after": rig.beginning()}))).await;
    assert_eq!(all[0], rig.beginning());
    assert_eq!(from(rig.post(EVENTS, CHANGES, &json!({})).header("Last-Event-ID", &all[0])).await, all);
    let said = rig.post(EVENTS, CHANGES, &json!({"after": all[0]})).header("Last-Event-ID", &all[2]);
    assert_eq!(from(said).await, all);
    let mut later =
        Stream::open(rig.get(EVENTS, "subscription { chatChanges { cursor } }").header("Last-Event-ID", &all[2])).await;
    assert_eq!(later.next().await.0.as_ref(), Some(&all[2]));
    assert_eq!(later.next().await.0.as_ref(), Some(&all[3]));

    let mut wrong = Stream::open(rig.post(EVENTS, CHANGES, &json!({})).header("Last-Event-ID", "nonsense")).await;
    let (_, answer) = wrong.next().await;
    assert_eq!(
        (code(&answer["errors"]), &answer["errors"][0]["extensions"]["field"]),
        ("validation_error", &json!("after"))
    );
    wrong.completes().await;
}

#[tokio::test]
async fn request_errors_come_before_the_stream_and_others_in_it() {
    let rig = Rig::start(Config::default()).await;
    for query in ["{", "{ nothing }", "subscription { a: chatChanges { cursor } b: chatChanges { cursor } }"] {
        let mut stream = Stream::open(rig.post(EVENTS, query, &json!({}))).await;
        let (_, answer) = stream.next().await;
        assert_eq!((code(&answer["errors"]), &answer["data"]), ("validation_error", &Value::Null), "{query}");
        stream.completes().await;
    }
    let make = "mutation { createSession(input: {}) { session { id } } }";
    let batch = rig.request(reqwest::Client::new().post(rig.url()), EVENTS).json(&json!([{"query": KIND}]));
    let nobody = reqwest::Client::new().post(rig.url()).header("Accept", EVENTS).json(&json!({"query": CHANGES}));
    let unread = rig.request(reqwest::Client::new().post(rig.url()), EVENTS).json(&json!({"query": 1}));
    for (request, status) in [
        (rig.get(EVENTS, make), 405),
        (batch, 406),
        (rig.post("text/html", CHANGES, &json!({})), 406),
        (unread, 400),
        (nobody, 401),
    ] {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), status);
        assert!(response.json::<Value>().await.expect("JSON")["errors"].is_array());
    }
    for request in
        [rig.post("application/json", CHANGES, &json!({})), rig.get("*/*", "subscription { chatChanges { cursor } }")]
    {
        let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert!(answer["errors"][0]["message"].as_str().is_some_and(|told| told.contains(EVENTS)), "{answer}");
    }
}

#[tokio::test]
async fn a_silent_stream_shows_that_it_lives() {
    let rig = Rig::start(Config { heartbeat: SOON, ..Config::default() }).await;
    let mut events = Stream::open(rig.post(EVENTS, CHANGES, &json!({}))).await;
    events.next().await;
    for _ in 0..3 {
        assert_eq!(events.until("\n\n").await.as_deref(), Some(":"));
    }
    let mut parts = Stream::open(rig.post(PARTS, CHANGES, &json!({}))).await;
    assert_eq!(parts.until("\r\n--graphql").await.as_deref(), Some(""));
    assert!(parts.part().await.is_some_and(|part| part["payload"].is_object()));
    for _ in 0..3 {
        assert_eq!(parts.part().await, Some(json!({})));
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_client_before_its_first_event() {
    let rig = Rig::start(Config { heartbeat: Duration::from_hours(1), ..Config::default() }).await;
    for accept in [EVENTS, PARTS] {
        let calls = rig.post(accept, "subscription { incomingCalls { id } }", &json!({}));
        let mut stream = Stream::open(calls).await;
        stream.until("\n").await.expect("it begins");
        drop(stream);
        rig.is_left_alone().await;
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let rig = Rig::start(Config { verify: SOON, ..Config::default() }).await;
    let mut events = Stream::open(rig.post(EVENTS, CHANGES, &json!({}))).await;
    let mut parts = Stream::open(rig.post(PARTS, CHANGES, &json!({}))).await;
    events.next().await;
    parts.until("\r\n--graphql").await;
    assert!(parts.part().await.is_some());
    rig.execute("DELETE FROM api_key").await;
    let (_, told) = events.next().await;
    assert_eq!(code(&told["errors"]), "unauthorized", "{told}");
    events.completes().await;
    let told = parts.part().await.expect("a part");
    assert_eq!((&told["payload"], code(&told["errors"])), (&Value::Null, "unauthorized"), "{told}");
    assert_eq!(parts.until("--\r\n").await.as_deref(), Some(""));
    rig.is_left_alone().await;
}

#[tokio::test]
async fn a_stream_survives_a_few_failed_token_verifications() {
    let rig = Rig::start(Config { verify: SOON, ..Config::default() }).await;
    let begun = Instant::now();
    let mut events = Stream::open(rig.post(EVENTS, CHANGES, &json!({}))).await;
    events.next().await;
    rig.execute("ALTER TABLE api_key RENAME TO away").await;
    let (_, told) = events.next().await;
    assert_eq!(code(&told["errors"]), "internal", "{told}");
    // The key is cached for a while; then its verification fails five times.
    let remembered = Duration::from_millis(KEY_CACHE_TTL_MS.unsigned_abs());
    assert!(begun.elapsed() + SOON / 2 >= remembered + SOON * 5, "{:?}", begun.elapsed());
    events.completes().await;
}

#[tokio::test]
async fn a_stopping_server_closes_streams_and_multipart_with_an_error() {
    let rig = Rig::start(Config { drain_window: SOON, ..Config::default() }).await;
    let mut events = Stream::open(rig.post(EVENTS, CHANGES, &json!({}))).await;
    let mut parts = Stream::open(rig.post(PARTS, CHANGES, &json!({}))).await;
    events.next().await;
    parts.until("\r\n--graphql").await;
    assert!(parts.part().await.is_some());
    rig.drain.cancel();
    rig.stop.cancel();
    assert_eq!(events.event().await, None, "a client does not reconnect after a complete stream");
    let told = parts.part().await.expect("a part");
    assert_eq!((&told["payload"], code(&told["errors"])), (&Value::Null, "gateway_unavailable"), "{told}");
    rig.callers.close();
    timeout(PATIENCE, rig.callers.wait()).await.expect("all are gone");
}

#[tokio::test]
async fn streams_are_closed_before_the_services_stop() {
    let rig = Rig::start(Config { drain_window: SOON, ..Config::default() }).await;
    let mut events = Stream::open(rig.post(EVENTS, CHANGES, &json!({}))).await;
    events.next().await;
    rig.drain.cancel();
    assert_eq!(events.event().await, None);
    rig.callers.close();
    timeout(PATIENCE, rig.callers.wait()).await.expect("all are gone");
}

#[tokio::test]
async fn a_subscription_is_multipart_and_a_query_is_a_single_response() {
    let rig = Rig::start(Config::default()).await;
    let whole: Value = rig.post(PARTS, KIND, &json!({})).send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(whole, json!({"data": {"viewer": {"kind": "API_KEY"}}}));
    for query in ["{ nothing }", "subscription { nothing }"] {
        let refused = rig.post(PARTS, query, &json!({})).send().await.expect("an answer");
        assert_eq!(code(&refused.json::<Value>().await.expect("JSON")["errors"]), "validation_error");
    }

    let mut parts = Stream::open(rig.post(PARTS, CHANGES, &json!({})).header("Accept-Encoding", "gzip")).await;
    let media = r#"multipart/mixed;boundary="graphql";subscriptionSpec="1.0""#;
    assert_eq!((parts.header("content-type"), parts.header("content-encoding")), (media, ""));
    assert_eq!(parts.until("\r\n--graphql").await.as_deref(), Some(""));
    let first = parts.part().await.expect("a part");
    assert_eq!(first["payload"]["data"]["chatChanges"]["change"], Value::Null, "{first}");
    rig.changes(1).await;
    let change = parts.part().await.expect("a part");
    assert!(change["payload"]["data"]["chatChanges"]["change"]["cid"].is_string(), "{change}");

    let nonsense = "subscription { chatChanges(after: \"nonsense\") { cursor } }";
    let mut ended = Stream::open(rig.post(PARTS, nonsense, &json!({}))).await;
    ended.until("\r\n--graphql").await;
    let told = ended.part().await.expect("a part");
    assert_eq!(code(&told["payload"]["errors"]), "validation_error", "{told}");
    assert_eq!(ended.until("--\r\n").await.as_deref(), Some(""));
    drop(parts);
    rig.is_left_alone().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_a_stream_is_disconnected() {
    let rig = Rig::start(Config { write_timeout: SOON * 3, ..Config::default() }).await;
    rig.changes(1_500).await;
    // Some 5 kB each: a part of them fills the socket buffers of the operating system.
    let change = "change { cid at kind origin sessionId chatId changed }";
    let many = (0..29).fold(String::new(), |many, at| format!("{many}c{at}: {change} "));
    let query = format!("subscription {{ chatChanges(after: \"{}\") {{ {many} }} }}", rig.beginning());
    let body = json!({"query": query}).to_string();
    let mut stream = rig.narrow().await;
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nAccept: {EVENTS}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        rig.key,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.readable().await.expect("it begins");
    rig.is_left_alone().await;
    let mut told = Vec::new();
    // It ends in the middle of a frame.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut told)).await.expect("ended");
    let events = String::from_utf8_lossy(&told).matches("event: next").count();
    assert!((1..1_500).contains(&events), "{events} events");
}
