//! A database has one server at a time.

use std::process::Stdio;

use sea_orm::sqlx::{Connection as _, Executor as _, PgConnection, query_scalar};

use crate::support::{MEI, TestDatabase, TestServer, postgres, program, wait_for};

/// Key of the server's advisory lock on PostgreSQL.
const LOCK: &str = "x'6368617473727672'::bigint";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_a_database_is_rejected_without_harm() {
    let mut server = TestServer::start().await;
    let output = tokio::task::block_in_place(|| second(server.database()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("another chatgraph server"), "{said}");
    // Commands that may run beside a server still work.
    for command in [&["events", "list"][..], &["key", "list", "--organization", "org_1"], &["master-key", "status"]] {
        let output = server.command(command);
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    server.phone().receive("15550111", MEI, "To the first one").await.expect("sent");
    server.assert_in_sync().await;
    assert!(server.is_running());
    // The lock of a killed server does not block the next one.
    tokio::task::block_in_place(|| server.restart());
    server.wait_until_working().await;
}

#[tokio::test]
async fn a_server_whose_connection_was_cut_acquires_its_lock_again() {
    if postgres().is_none() {
        return;
    }
    let mut server = TestServer::start().await;
    let mut connection = PgConnection::connect(server.database().url()).await.expect("a connection");
    let before = holder(&mut connection).await.expect("the lock is held");
    let cut: bool =
        query_scalar("SELECT pg_terminate_backend($1)").bind(before).fetch_one(&mut connection).await.expect("cut");
    assert!(cut);
    let held_again = async || {
        let mut connection = PgConnection::connect(server.database().url()).await.expect("a connection");
        holder(&mut connection).await.filter(|holder| *holder != before)
    };
    wait_for("the lock", held_again).await;
    server.phone().receive("15550111", MEI, "Still here").await.expect("sent");
    server.assert_in_sync().await;
    assert!(server.is_running());
}

#[tokio::test]
async fn a_server_that_lost_its_lock_to_another_stops() {
    if postgres().is_none() {
        return;
    }
    let mut server = TestServer::start().await;
    let mut connection = PgConnection::connect(server.database().url()).await.expect("a connection");
    let before = holder(&mut connection).await.expect("the lock is held");
    // In one statement, so that it takes the lock before the disconnected server does.
    let other = format!(
        "DO $$ BEGIN PERFORM pg_terminate_backend({before}); \
         WHILE NOT pg_try_advisory_lock({LOCK}) LOOP PERFORM pg_sleep(0.001); END LOOP; END $$"
    );
    connection.execute(sea_orm::sqlx::AssertSqlSafe(other)).await.expect("taken");
    wait_for("the lost lock in the log", async || {
        server.log().contains("Another server locked the database").then_some(())
    })
    .await;
    let ended = std::time::Instant::now();
    while server.is_running() {
        assert!(ended.elapsed() < std::time::Duration::from_secs(20), "the server is still running");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Returns the process that holds the lock.
async fn holder(connection: &mut PgConnection) -> Option<i32> {
    let query = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                 AND classid = x'63686174'::bigint::oid AND objid = x'73727672'::bigint::oid";
    query_scalar(query).fetch_optional(connection).await.expect("a read")
}

fn second(database: &TestDatabase) -> std::process::Output {
    let arguments = ["serve", "--listen", "127.0.0.1:0"];
    program(database, &arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("runs")
}
