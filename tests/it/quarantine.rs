//! Events that cannot be applied are stored, counted, listed and retried, and no other event is lost.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::{
    encryption::fixture::{KeyFile, new_key},
    support::{DELETE_SESSION, MEI, RAVI, TestServer, account, postgres, wait_for, wait_for_within},
};

/// Upper bound of the time that all attempts at an event take.
const TEST_TIMEOUT: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarantined_event_is_applied_once_that_is_possible() {
    let file = KeyFile::of(&new_key());
    let [flag, path] = file.arguments();
    let mut server = TestServer::with_arguments(&["--metrics", flag, path]).await;
    reject_inserts(&server, "P0001").await;
    server.phone().receive("15550111", MEI, "One poisoned word").await.expect("sent");
    server.phone().receive("15550112", RAVI, "Ravi goes on").await.expect("sent");
    server.phone().receive("15550111", MEI, "Mei goes on").await.expect("sent");
    let events = wait_for_quarantined(&server, 1).await;
    let event = &events[0];
    assert_eq!((&event["kind"], &event["isImport"], &event["attempts"]), (&json!("message"), &json!(false), &json!(5)));
    assert_eq!((&event["session"], &event["organization"]), (&json!(server.session), &json!("org_1")));
    assert!(event["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{event}");
    wait_for("the message after it", async || {
        let (mei, ravi) = (last(&server, MEI).await, last(&server, RAVI).await);
        (mei == "Mei goes on" && ravi == "Ravi goes on").then_some(())
    })
    .await;
    // The event counts as received: WhatsApp need not send it again.
    wait_for("the receipt", async || (server.phone().pending() == 0).then_some(())).await;
    assert_eq!(server.found(&[b"poisoned word".to_vec()]).await, 0, "its text is encrypted");
    let figures = figures(&server).await;
    for line in ["chatgraph_quarantined_events 1", "chatgraph_events_quarantined_total{kind=\"message\"} 1"] {
        assert!(figures.contains(line), "{line} in {figures}");
    }
    let table = String::from_utf8(server.command(&["events", "list"]).stdout).expect("text");
    assert!(table.contains(event["id"].as_str().expect("an id")) && !table.contains("word"), "{table}");

    // A retry fails again, and is recorded.
    let id = event["id"].as_str().expect("an id");
    succeeds(&server, &["events", "retry", id]);
    wait_for("a failed retry", async || {
        let event = list(&server).remove(0);
        (event["attempts"] == 6 && event["retryRequested"] == false).then_some(())
    })
    .await;
    // A rotation encrypts the event again, like any other secret, and a restart loses nothing.
    let more = KeyFile::of(&format!("{}\n{}", new_key(), file.text().trim()));
    file.write(&more.text());
    block_in_place(|| server.restart());
    server.rotates(&file);
    assert_eq!(list(&server).len(), 1);

    accept_inserts(&server).await;
    succeeds(&server, &["events", "retry"]);
    wait_for_quarantined(&server, 0).await;
    assert!(texts(&server, MEI).await.contains(&"One poisoned word".to_owned()));
    let missing = server.command(&["events", "retry", id]);
    assert!(!missing.status.success() && String::from_utf8_lossy(&missing.stderr).contains("is in quarantine"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_an_earlier_version_are_retried_after_an_upgrade() {
    let mut server = TestServer::start().await;
    reject_inserts(&server, "P0001").await;
    server.phone().receive("15550111", MEI, "One poisoned word").await.expect("sent");
    wait_for_quarantined(&server, 1).await;
    server.kill();
    accept_inserts(&server).await;
    block_in_place(|| server.restart());
    server.wait_until_working().await;
    assert_eq!(list(&server).len(), 1, "the same version retries nothing by itself");
    server.execute("UPDATE quarantined_event SET version = '0.0.1'").await;
    block_in_place(|| server.restart());
    wait_for_quarantined(&server, 0).await;
    assert!(texts(&server, MEI).await.contains(&"One poisoned word".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn import_is_partial_until_failed_chunks_are_applied() {
    let server = TestServer::start().await;
    reject_inserts(&server, "P0001").await;
    let mut other = account("15550300", "Second number");
    other.history[0].messages[0].text = "An old poisoned word".into();
    let phone = server.sandbox.create_account(other).expect("an account");
    let session = server.pair(&phone).await;
    let events = wait_for_quarantined(&server, 1).await;
    assert_eq!((&events[0]["kind"], &events[0]["isImport"]), (&json!("history"), &json!(true)));
    let import = async || {
        let query = "query($id: ID!) { session(id: $id) { historyImport { percent messages incomplete } } }";
        server.query_with(query, json!({"id": session})).await["data"]["session"]["historyImport"].clone()
    };
    let rest = json!({"percent": 100, "messages": 3, "incomplete": true});
    wait_for("the rest of the history", async || (import().await == rest).then_some(())).await;

    accept_inserts(&server).await;
    succeeds(&server, &["events", "retry"]);
    wait_for_quarantined(&server, 0).await;
    assert_eq!(import().await, json!({"percent": 100, "messages": 4, "incomplete": false}));
    server.assert_session_in_sync_within(&session, &phone, TEST_TIMEOUT).await;

    // An event that the operator deletes is lost, and the import reports it.
    reject_inserts(&server, "P0001").await;
    let mut third = account("15550400", "Third number");
    third.history[0].messages[0].text = "Another poisoned word".into();
    let phone = server.sandbox.create_account(third).expect("an account");
    let session = server.pair(&phone).await;
    let id = wait_for_quarantined(&server, 1).await[0]["id"].as_str().expect("an id").to_owned();
    succeeds(&server, &["events", "delete", &id]);
    let query = "query($id: ID!) { session(id: $id) { historyImport { incomplete } } }";
    let answer = server.query_with(query, json!({"id": session})).await;
    assert_eq!(answer["data"]["session"]["historyImport"]["incomplete"], true);

    // Deleting a session deletes its events.
    server.phone().receive("15550111", MEI, "One poisoned word").await.expect("sent");
    wait_for_quarantined(&server, 1).await;
    assert_eq!(server.query_with(DELETE_SESSION, json!({"id": server.session})).await["errors"], Value::Null);
    assert!(list(&server).is_empty());
    wait_for("the sweeper", async || (server.rows("quarantined_event").await == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_that_always_times_out_does_not_block_its_session() {
    // Only a PostgreSQL trigger can choose the error code.
    if postgres().is_none() {
        return;
    }
    let server = TestServer::start().await;
    reject_inserts(&server, "57014").await;
    server.phone().receive("15550111", MEI, "One poisoned word").await.expect("sent");
    server.phone().receive("15550111", MEI, "Mei goes on").await.expect("sent");
    assert_eq!(wait_for_quarantined(&server, 1).await[0]["attempts"], 2);
    wait_for("the message after it", async || (last(&server, MEI).await == "Mei goes on").then_some(())).await;
}

/// Makes every insert of a message with that word fail.
async fn reject_inserts(server: &TestServer, code: &str) {
    accept_inserts(server).await;
    let statement = if postgres().is_some() {
        format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'refused by the test' USING ERRCODE = '{code}'; END $$; \
             CREATE TRIGGER poison BEFORE INSERT ON message FOR EACH ROW WHEN (NEW.text LIKE '%poisoned%') \
             EXECUTE FUNCTION refuse()"
        )
    } else {
        "CREATE TRIGGER poison BEFORE INSERT ON message WHEN NEW.text LIKE '%poisoned%' \
         BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
            .to_owned()
    };
    server.execute(&statement).await;
}

async fn accept_inserts(server: &TestServer) {
    let statement = if postgres().is_some() {
        "DROP TRIGGER IF EXISTS poison ON message; DROP FUNCTION IF EXISTS refuse"
    } else {
        "DROP TRIGGER IF EXISTS poison"
    };
    server.execute(statement).await;
}

/// Waits until `count` events are in quarantine.
async fn wait_for_quarantined(server: &TestServer, count: usize) -> Vec<Value> {
    wait_for_within(TEST_TIMEOUT, "events in quarantine", async || {
        (server.rows("quarantined_event").await == i64::try_from(count).expect("few")).then_some(())
    })
    .await;
    list(server)
}

fn list(server: &TestServer) -> Vec<Value> {
    let output = server.command(&["events", "list", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(!text.contains("word"), "{text}");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn succeeds(server: &TestServer, arguments: &[&str]) {
    let output = server.command(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn last(server: &TestServer, cid: &str) -> String {
    server.chat(cid).await["lastMessage"]["text"].as_str().unwrap_or_default().to_owned()
}

async fn texts(server: &TestServer, cid: &str) -> Vec<String> {
    let query =
        "query($id: ID!, $cid: JID!) { chat(sessionId: $id, cid: $cid) { messages(first: 50) { nodes { text } } } }";
    let answer = server.query_with(query, json!({"id": server.session, "cid": cid})).await;
    let nodes = answer["data"]["chat"]["messages"]["nodes"].as_array().cloned().unwrap_or_else(|| panic!("{answer}"));
    nodes.iter().filter_map(|node| node["text"].as_str().map(str::to_owned)).collect()
}

async fn figures(server: &TestServer) -> String {
    let url = server.url.replace("/graphql", "/metrics");
    reqwest::get(url).await.expect("up").text().await.expect("text")
}
