//! Tests of slow reads: each has a time limit, and organizations take turns.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, Statement};
use tokio::time::timeout;

use super::*;

const PATIENCE: Duration = Duration::from_mins(1);
const ENDLESS: &str =
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT 1 FROM numbers) SELECT count(*) FROM numbers";
/// Takes some hundredths of a second.
const LONG: &str = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 60000) \
                    SELECT count(*) FROM numbers";

#[tokio::test]
async fn a_read_is_given_up_when_it_takes_too_long() {
    let test = TestStore::open().await;
    let readers = connect::readers_within(&config(&test.database), Duration::from_millis(300)).await.expect("readers");
    for _ in 0..3 {
        let ended = timeout(PATIENCE, readers.execute_unprepared(ENDLESS)).await.expect("within the time limit");
        let ended = ended.map_err(StoreError::from).err();
        assert!(matches!(ended, Some(StoreError::TooSlow)), "{ended:?}");
        readers.execute_unprepared("SELECT 1").await.expect("an answer");
    }
}

#[tokio::test]
async fn a_caller_that_stops_waiting_leaves_no_read_behind() {
    let test = TestStore::open().await;
    if on_postgres() {
        // The server continues until its own limit, and the connection stays in use until then.
        return;
    }
    let organizations: Vec<OrganizationId> = (0..8).map(|id| format!("org_{id}").parse().expect("an id")).collect();
    let readers: Vec<_> = organizations.iter().map(|organization| test.store.reader(organization)).collect();
    let gone = readers.iter().map(|readers| timeout(Duration::from_millis(200), readers.execute_unprepared(ENDLESS)));
    assert!(join_all(gone).await.iter().all(Result::is_err), "an endless read was answered");
    let all = readers.iter().map(|readers| timeout(Duration::from_secs(5), readers.execute_unprepared("SELECT 1")));
    for answer in join_all(all).await {
        answer.expect("a free connection").expect("an answer");
    }
}

#[tokio::test]
async fn one_organizations_long_reads_do_not_delay_anothers() {
    const LONG_READS: usize = 40;
    let test = TestStore::open().await;
    test.add_chat(1, 5).await;
    let (busy, done) = ("org_busy".parse().expect("an id"), AtomicUsize::new(0));
    let readers = test.store.reader(&busy);
    let long = join_all((0..LONG_READS).map(async |_| {
        readers.execute_unprepared(LONG).await.expect("an answer");
        done.fetch_add(1, Ordering::Relaxed);
    }));
    let others = async {
        let mut behind = Vec::new();
        for _ in 0..5 {
            let before = done.load(Ordering::Relaxed);
            test.store.some_sessions(&test.organization, 2).await.expect("a read");
            behind.push(done.load(Ordering::Relaxed) - before);
        }
        (behind, done.load(Ordering::Relaxed))
    };
    let (_, (behind, all)) = tokio::join!(long, others);
    assert!(behind.iter().all(|long| *long <= 4), "too many reads of another organization ran first: {behind:?}");
    assert!(all < LONG_READS, "it was answered after all others");
}

/// Counts up to `number` in SQL, which takes much longer than the read of a page.
fn counting(test: &TestStore, number: u32) -> Statement {
    let count = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {number}) \
         SELECT count(*) FROM numbers"
    );
    Statement::from_string(test.store.readers.get_database_backend(), count)
}

#[tokio::test]
async fn a_long_read_ends_and_delays_no_other_task() {
    let test = TestStore::open().await;
    let reader = test.store.reader(&test.organization);
    let count = reader.rows(counting(&test, 1_000_000), |row| row.get::<i64>(0));
    let mut count = Box::pin(timeout(PATIENCE, count));
    let began = Instant::now();
    assert!(futures_util::poll!(&mut count).is_pending());
    let in_task = began.elapsed();
    assert_eq!(count.await.expect("within the time limit").expect("a count"), [1_000_000]);
    assert!(in_task * 4 < began.elapsed(), "the read ran {in_task:?} in its task, and {:?} in all", began.elapsed());
}

#[tokio::test]
async fn a_long_hot_read_is_given_up_at_its_time_limit() {
    let test = TestStore::open().await;
    let readers = connect::readers_within(&config(&test.database), Duration::from_millis(300)).await.expect("readers");
    for _ in 0..8 {
        let ended = timeout(PATIENCE, readers.rows(counting(&test, u32::MAX), |row| row.get::<i64>(0))).await;
        let ended = ended.expect("within the time limit").err();
        assert!(matches!(ended, Some(StoreError::TooSlow)), "{ended:?}");
    }
}

#[tokio::test]
async fn a_caller_that_stops_waiting_leaves_no_hot_read_behind() {
    let test = TestStore::open().await;
    if on_postgres() {
        // The server continues until its own limit.
        return;
    }
    let readers = &test.store.readers;
    let gone = (0..8).map(|_| timeout(Duration::from_millis(100), readers.rows(counting(&test, u32::MAX), |_| Ok(()))));
    assert!(join_all(gone).await.iter().all(Result::is_err), "an endless read was answered");
    // As many threads as reads may run at a time.
    let all = (0..8)
        .map(|_| timeout(Duration::from_secs(5), readers.rows(counting(&test, 100_000), |row| row.get::<i64>(0))));
    for answer in join_all(all).await {
        assert_eq!(answer.expect("a free place").expect("a count"), [100_000]);
    }
}
