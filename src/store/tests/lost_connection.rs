//! Tests of statements without an answer. The server is configured without a time limit of its own.

use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use tokio::time::timeout;

use super::*;
use crate::store::connect::Transaction;

const PATIENCE: Duration = Duration::from_secs(20);
const ENDLESS: &str = "SELECT pg_sleep(60)";

/// A server without a time limit, with one connection of each kind; `None` on SQLite.
fn endless(test: &TestStore) -> Option<Config> {
    let Config::Postgres(mut server) = config(&test.database) else { return None };
    (server.readers, server.writers, server.statement_timeout) = (1, 1, Duration::ZERO);
    Some(Config::Postgres(server))
}

#[tokio::test]
async fn a_read_without_an_answer_ends_and_releases_its_permit() {
    let test = TestStore::open().await;
    let Some(config) = endless(&test) else { return };
    let readers = connect::readers(&config).await.expect("a pool");
    let ended = timeout(PATIENCE, readers.execute_unprepared(ENDLESS)).await.expect("within the time limit");
    assert!(matches!(ended.map_err(StoreError::from).err(), Some(StoreError::TimedOut)));
    let next = timeout(Duration::from_secs(5), readers.execute_unprepared("SELECT 1")).await.expect("a seat");
    next.expect("an answer");
}

#[tokio::test]
async fn a_cancelled_read_frees_its_permit_when_the_database_is_done() {
    let test = TestStore::open().await;
    let Some(config) = endless(&test) else { return };
    let readers = connect::readers(&config).await.expect("a pool");
    let short = timeout(Duration::from_millis(100), readers.execute_unprepared("SELECT pg_sleep(1)")).await;
    assert!(short.is_err(), "it takes a second");
    readers.execute_unprepared("SELECT 1").await.expect("an answer");
}

#[tokio::test]
async fn a_write_without_an_answer_ends_and_releases_its_connection() {
    let test = TestStore::open().await;
    let Some(config) = endless(&test) else { return };
    let writers = connect::writers(&config).await.expect("a pool");
    let tx = Transaction::begin(&writers, Duration::from_secs(1)).await.expect("begun");
    let ended = timeout(PATIENCE, tx.execute_unprepared(ENDLESS)).await.expect("within the time limit");
    assert!(matches!(ended.map_err(StoreError::from).err(), Some(StoreError::TimedOut)));
    assert!(tx.execute_unprepared("SELECT 1").await.is_err(), "the state of the connection is unknown");
    drop(tx);
    let next = timeout(Duration::from_secs(5), Transaction::begin(&writers, PATIENCE)).await.expect("a seat");
    let next = next.expect("begun");
    next.execute_unprepared("SELECT 1").await.expect("an answer");
    assert!(next.commit().await.is_ok());
}
