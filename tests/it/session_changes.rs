//! Subscriptions to sessions.

use serde_json::{Value, json};

use crate::support::{
    CREATE_SESSION, DELETE_SESSION, EmptyServer, Log, START_SESSION, Subscription, TestServer, VIEWER_KIND, wait_for,
};

/// Fields that a subscriber selects of a session.
const FOLLOW: &str = "subscription($id: ID) { sessionChanges(sessionId: $id) { sessionId session { \
    id label status statusReason historyImport { percent messages } pairing { qr } } } }";

impl Subscription {
    /// Returns the next change of a session.
    async fn session_change(&mut self) -> Value {
        let message = self.message("next").await;
        let change = message["payload"]["data"]["sessionChanges"].clone();
        assert!(change.is_object(), "{message}");
        change
    }

    /// Returns the next change whose session has this value in `field`.
    async fn session_with(&mut self, field: &str, value: Value) -> Value {
        loop {
            let change = self.session_change().await;
            if change["session"][field] == value {
                return change;
            }
        }
    }
}

async fn follow(server: &TestServer, session: &str) -> Subscription {
    Subscription::open(server, &server.key, FOLLOW, json!({"id": session})).await
}

#[tokio::test]
async fn a_session_subscription_runs_from_the_state_to_the_deletion() {
    let server = TestServer::start().await;
    let mut one = follow(&server, &server.session).await;
    let first = one.session_change().await;
    assert_eq!(first["sessionId"], json!(server.session));
    let session = &first["session"];
    assert_eq!(
        (&session["status"], &session["label"], &session["pairing"]),
        (&json!("WORKING"), &json!("Shop"), &Value::Null)
    );
    let mut all = Subscription::open(&server, &server.key, FOLLOW, json!({})).await;
    assert_eq!(all.session_change().await, first);

    let rename = "mutation($id: ID!) { updateSession(input: {sessionId: $id, label: \"Desk\"}) { session { id } } }";
    server.query_with(rename, json!({"id": server.session})).await;
    one.session_with("label", json!("Desk")).await;
    all.session_with("label", json!("Desk")).await;
    server.stop_session().await;
    one.session_with("status", json!("STOPPED")).await;
    all.session_with("status", json!("STOPPED")).await;

    let made = server.query(CREATE_SESSION).await;
    let made = made["data"]["createSession"]["session"]["id"].clone();
    assert_eq!(all.session_with("status", json!("STOPPED")).await["sessionId"], made);
    server.query_with(DELETE_SESSION, json!({"id": made})).await;
    assert_eq!(all.session_change().await, json!({"sessionId": made, "session": null}));
    server.query_with(DELETE_SESSION, json!({"id": server.session})).await;
    let gone = json!({"sessionId": server.session, "session": null});
    while all.session_change().await != gone {}
    // The subscription to one session receives nothing about the other, and completes.
    let mut last = Value::Null;
    while last != gone {
        last = one.session_change().await;
        assert_eq!(last["sessionId"], json!(server.session));
    }
    one.message("complete").await;
}

#[tokio::test]
async fn pairing_is_published_from_the_code_to_the_imported_history() {
    let server = TestServer::start().await;
    let other = server.sandbox.create_account(crate::support::account("15550200", "Second")).expect("an account");
    let made = server.query(CREATE_SESSION).await;
    let id = made["data"]["createSession"]["session"]["id"].as_str().expect("an id").to_owned();
    let mut changes = follow(&server, &id).await;
    assert_eq!(changes.session_change().await["session"]["status"], "STOPPED");
    server.query_with(START_SESSION, json!({"id": id})).await;
    let code = changes.session_with("status", json!("SCAN_QR_CODE")).await;
    let qr = code["session"]["pairing"]["qr"].as_str().expect("a code").to_owned();
    other.scan(&qr).await.expect("scanned");
    let working = changes.session_with("status", json!("WORKING")).await;
    assert_eq!(working["session"]["pairing"], Value::Null);
    if working["session"]["historyImport"] != json!({"percent": 100, "messages": 4}) {
        changes.session_with("historyImport", json!({"percent": 100, "messages": 4})).await;
    }
}

#[tokio::test]
async fn following_needs_events_and_a_pairing_code_manage() {
    let server = TestServer::start().await;
    let key = server.create_key("org_1", &["read", "send", "manage"]);
    let mut refused = Subscription::open(&server, &key, FOLLOW, json!({})).await;
    assert_eq!(refused.message("error").await["payload"][0]["extensions"]["code"], "forbidden");

    let key = server.create_key("org_1", &["events"]);
    let mut listener = Subscription::open(&server, &key, FOLLOW, json!({})).await;
    let message = listener.message("next").await;
    let session = &message["payload"]["data"]["sessionChanges"]["session"];
    assert_eq!((&session["label"], &session["pairing"]), (&json!("Shop"), &Value::Null), "{message}");
    assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], "forbidden");
}

#[tokio::test]
async fn another_organizations_session_cannot_be_subscribed_to() {
    let server = TestServer::start().await;
    let other = server.create_key("org_2", &[]);
    let mut answers = Vec::new();
    for id in [server.session.as_str(), "ses_01ARZ3NDEKTSV4RRFFQ69G5FAV", "nonsense"] {
        let mut refused = Subscription::open(&server, &other, FOLLOW, json!({"id": id})).await;
        answers.push(refused.message("error").await["payload"].to_string());
    }
    assert!(answers[0].contains("not_found"), "{}", answers[0]);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    // The other organization has no session yet; its first one is published.
    let mut own = Subscription::open(&server, &other, FOLLOW, json!({})).await;
    let made = server.query_as(&other, CREATE_SESSION, json!({})).await;
    assert_eq!(own.session_change().await["sessionId"], made["data"]["createSession"]["session"]["id"]);
}

/// Waits until everything up to now is logged; returns the number of lines.
async fn logged(server: &EmptyServer) -> usize {
    let id = ulid::Ulid::generate().to_string();
    let request = reqwest::Client::new().post(&server.url).bearer_auth(&server.key).header("X-Request-Id", &id);
    request.json(&json!({"query": VIEWER_KIND})).send().await.expect("an answer");
    wait_for("the end of the request in the log", async || {
        server.log.of_request(&id).iter().any(|entry| entry["fields"]["message"] == "Request completed").then_some(())
    })
    .await;
    server.log.text().lines().count()
}

#[tokio::test]
async fn a_change_costs_one_session_read_for_all_subscribers() {
    const SESSIONS: usize = 30;
    const LISTENERS: usize = 30;
    let server = TestServer::builder().log(Log::of_statements()).start_empty().await;
    let mut session = Value::Null;
    for _ in 0..SESSIONS {
        let made = server.query(CREATE_SESSION).await;
        session = made["data"]["createSession"]["session"]["id"].clone();
    }
    let mut listeners = Vec::new();
    for _ in 0..LISTENERS {
        let mut listener = Subscription::open_at(&server.url, &server.key, FOLLOW, json!({})).await;
        for _ in 0..SESSIONS {
            listener.session_change().await;
        }
        listeners.push(listener);
    }
    let before = logged(&server).await;
    for label in ["a", "b"] {
        let input = format!("{{sessionId: {session}, label: \"{label}\"}}");
        let renamed =
            server.query(&format!("mutation {{ updateSession(input: {input}) {{ session {{ id }} }} }}")).await;
        assert_eq!(renamed["errors"], Value::Null, "{renamed}");
        for listener in &mut listeners {
            listener.session_with("label", json!(label)).await;
        }
    }
    let after = logged(&server).await;
    let log = server.log.text();
    let entries = log.lines().take(after).skip(before).map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let read = |entry: &Value| {
        let statement = entry["fields"]["summary"].to_string() + &entry["fields"]["db.statement"].to_string();
        let is_read = statement.contains("SELECT") && statement.contains(r#"FROM \"session\""#);
        // The sums that are compared every ten seconds.
        (is_read && !statement.contains("COUNT(")).then(|| entry["fields"]["rows_returned"].as_u64().expect("a count"))
    };
    let rows: Vec<u64> =
        entries.filter(|entry| entry["target"] == "sqlx::query").filter_map(|entry| read(&entry)).collect();
    // The mutation reads its session and the reader reads it again, once for all listeners.
    assert_eq!(rows, [1; 4], "the rows of each statement that read sessions");
}
