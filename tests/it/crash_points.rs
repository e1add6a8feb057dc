//! The server is killed after each single write of a settings change, and again during the repair.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{task::block_in_place, time::timeout};

use crate::support::{DELETE_SESSION, MEI, TestServer, postgres, wait_for};

const HIDDEN: &str = "200000000000155@lid";
/// Number of messages in the history of the test's account.
const MESSAGES: usize = 4;
/// Upper bound of the writes in one settings change.
const MANY: u32 = 40;
/// The server is idle once it has written nothing for this long.
const QUIET: Duration = Duration::from_millis(500);
/// Upper bound of the time until the server is idle.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// Rows of collection versions, check values and resync marks, and of chats and changes.
const SETTINGS: [Counted; 3] = [("device_record", "AND NEW.kind IN (9, 10, 16)"), ("chat", ""), ("change", "")];
/// Rows of history announcements, and of their contents.
const HISTORY: [Counted; 3] = [("device_record", "AND NEW.kind = 18"), ("chat", ""), ("message", "")];

/// A table that rejects writes after the cut, and the rows of it that count before.
type Counted = (&'static str, &'static str);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_behind_any_write_loses_no_setting() {
    // The order of writes is the same on both databases, and only SQLite can count them in a trigger this easily.
    if postgres().is_some() {
        return;
    }
    let server = TestServer::unlimited().await;
    let archive = async |server: &TestServer, writes: u32| {
        server.phone().archive(MEI, writes.is_multiple_of(2)).await.expect("archived");
    };
    assert_none_lost(server, archive).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_behind_any_write_loses_no_action_without_an_event() {
    if postgres().is_some() {
        return;
    }
    let server = TestServer::unlimited().await;
    server.phone().receive(HIDDEN, HIDDEN, "Hello").await.expect("sent");
    server.assert_in_sync().await;
    let save = async |server: &TestServer, writes: u32| {
        server.phone().save_contact(HIDDEN, Some(&format!("Nadia {writes}"))).await.expect("saved");
    };
    assert_none_lost(server, save).await;
}

/// Kills the server behind each write that a change of settings makes, until the change takes no more writes.
async fn assert_none_lost(mut server: TestServer, change: impl AsyncFn(&TestServer, u32)) {
    let (mut cuts, began) = (0, Instant::now());
    for writes in 0..MANY {
        limit_writes(&server, &SETTINGS, writes).await;
        change(&server, writes).await;
        if !was_write_rejected(&server).await {
            assert!(cuts > 4, "too few writes to interrupt: {cuts}");
            remove_write_limit(&server, &SETTINGS).await;
            server.assert_in_sync().await;
            return;
        }
        // The repair is interrupted too, sometimes after its last write.
        set_remaining_writes(&server, writes % 6).await;
        block_in_place(|| server.restart());
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.kill();
        remove_write_limit(&server, &SETTINGS).await;
        block_in_place(|| server.restart());
        server.assert_in_sync().await;
        cuts += 1;
        println!("{cuts} cuts, {:?}", began.elapsed());
    }
    panic!("a change of settings takes more than {MANY} writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_during_the_import_loses_nothing() {
    if postgres().is_some() {
        return;
    }
    let mut server = TestServer::unlimited().await;
    let mut resumed = 0;
    for writes in (0..MANY).step_by(3) {
        let (session, code) = server.session_to_scan().await;
        limit_writes(&server, &HISTORY, writes).await;
        // The phone may not receive the confirmation.
        let _ = timeout(Duration::from_secs(2), server.phone().scan(&code)).await;
        let is_cut =
            wait_until_idle(&server, 3 * QUIET).await <= 0 || outcome(&server, &session).await != Some(Import::Whole);
        server.kill();
        remove_write_limit(&server, &HISTORY).await;
        block_in_place(|| server.restart());
        // The library acknowledges an announcement while it stores it: one that was not stored may be lost.
        let announced = server.rows("device_record WHERE kind IN (17, 18)").await > 0;
        if announced || !is_cut {
            let state = wait_for("an outcome", async || outcome(&server, &session).await).await;
            println!("{writes}: cut {is_cut}, {state:?}");
            assert_eq!(state, Import::Whole, "cut after {writes} writes: {is_cut}");
            if !is_cut {
                assert!(resumed > 1, "too few imports were resumed: {resumed}");
                return;
            }
            resumed += 1;
        }
        let deleted = server.query_with(DELETE_SESSION, json!({"id": session})).await;
        assert_eq!(deleted["errors"], Value::Null);
    }
    panic!("an import takes more than {MANY} writes");
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Import {
    /// The import is complete.
    Whole,
    /// The import is incomplete, and the session reports it.
    Incomplete,
}

async fn outcome(server: &TestServer, session: &str) -> Option<Import> {
    let query = "query($id: ID!) { session(id: $id) { status historyImport { incomplete } } \
                 chats(sessionId: $id, first: 50) { nodes { messages(first: 50) { nodes { id } } } } }";
    let answer = server.query_with(query, json!({"id": session})).await;
    let (session_now, chats) = (&answer["data"]["session"], answer["data"]["chats"]["nodes"].as_array()?);
    let messages = chats.iter().map(|chat| chat["messages"]["nodes"].as_array().map_or(0, Vec::len)).sum::<usize>();
    let incomplete = session_now["historyImport"]["incomplete"] == true;
    match session_now["status"].as_str()? {
        "WORKING" if incomplete => Some(Import::Incomplete),
        "WORKING" if messages == MESSAGES && server.is_session_in_sync(session).await => Some(Import::Whole),
        _ => None,
    }
}

/// Lets the database accept `writes` more writes.
async fn limit_writes(server: &TestServer, tables: &[Counted], writes: u32) {
    let triggers = acts(tables).map(|(table, counted, act)| {
        let row = if act == "DELETE" { counted.replace("NEW", "OLD") } else { counted.to_owned() };
        format!(
            "CREATE TRIGGER before_{act}_{table} BEFORE {act} ON \"{table}\" \
             WHEN (SELECT remaining FROM cut) <= 0 BEGIN SELECT RAISE(ABORT, 'cut here'); END;
             CREATE TRIGGER after_{act}_{table} AFTER {act} ON \"{table}\" WHEN TRUE {row} \
             BEGIN UPDATE cut SET remaining = remaining - 1; END;"
        )
    });
    server
        .execute(&format!("CREATE TABLE cut AS SELECT {writes} AS remaining; {}", triggers.collect::<String>()))
        .await;
}

async fn set_remaining_writes(server: &TestServer, writes: u32) {
    server.execute(&format!("UPDATE cut SET remaining = {writes}")).await;
}

async fn remove_write_limit(server: &TestServer, tables: &[Counted]) {
    let triggers = acts(tables)
        .map(|(table, _, act)| format!("DROP TRIGGER before_{act}_{table}; DROP TRIGGER after_{act}_{table};"));
    server.execute(&format!("{} DROP TABLE cut", triggers.collect::<String>())).await;
}

fn acts(tables: &[Counted]) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let each = |(table, counted)| ["INSERT", "UPDATE", "DELETE"].map(|act| (table, counted, act));
    tables.iter().copied().flat_map(each)
}

/// Waits until writing stops; returns true if a write was rejected, or if stored copy and phone differ.
async fn was_write_rejected(server: &TestServer) -> bool {
    wait_until_idle(server, QUIET).await <= 0 || !server.is_session_in_sync(&server.session).await
}

async fn remaining(server: &TestServer) -> i64 {
    server.number("SELECT remaining FROM cut").await
}

/// Waits until nothing has been written for `long`; returns how many more writes the database would accept.
async fn wait_until_idle(server: &TestServer, long: Duration) -> i64 {
    let (mut before, mut since, began) = (None, Instant::now(), Instant::now());
    while since.elapsed() < long {
        assert!(began.elapsed() < IDLE_TIMEOUT, "the server does not stop writing: {before:?}");
        let remaining = remaining(server).await;
        if before.replace(remaining) != Some(remaining) {
            since = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    before.expect("a number")
}
