//! The server is killed under load, twenty times, and its PostgreSQL database crashes in between.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{sync::watch, task::block_in_place};
use tokio_util::task::TaskTracker;

use super::{
    api_clients::Caller,
    log::{self, Log},
    phone_actor::Owner,
    postgres::Postgres,
    random::Random,
    subscriber::Listener,
};
use crate::support::{CHANGE_CURSOR, START_SESSION, STOP_SESSION, TestDatabase, TestServer, wait_for};

/// Number of times the server is killed.
const KILLS: u64 = 20;
/// Number of kills between two crashes of the database, which the server survives.
const KILLS_A_CRASH: u64 = 4;
/// Time limit for the work that accumulated while the database was unavailable.
const CATCHING_UP: Duration = Duration::from_mins(1);
/// Maximum lifetime of a server in milliseconds: enough to connect and to be busy.
const LIFE_MS: u64 = 1_200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_lose_nothing_and_repeat_nothing() {
    kill_under_load(None, TestDatabase::migrated().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_do_they_while_the_database_crashes_too() {
    if crate::support::postgres().is_none() {
        return;
    }
    let mut postgres = Postgres::start();
    let database = TestDatabase::on(Some(postgres.url().to_owned()), "").await;
    kill_under_load(Some(&mut postgres), database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_crash_loses_no_message_and_no_setting() {
    const CRASHES: u64 = 4;
    const CONNECTING_MS: u64 = 300;
    if crate::support::postgres().is_none() {
        return;
    }
    let mut postgres = Postgres::start();
    let database = TestDatabase::on(Some(postgres.url().to_owned()), "").await;
    let mut random = Random::of_this_run();
    let mut server = TestServer::builder().database(database).start().await;
    let (tasks, done) = (TaskTracker::new(), Arc::new(AtomicBool::new(false)));
    let owner = tasks.spawn(Owner::new(server.phone().clone()).run(random.branch(), Arc::clone(&done)));
    for _ in 0..CRASHES {
        // A restarted client has an empty cache: it reads the keys that it needs to decrypt waiting messages.
        for change in [STOP_SESSION, START_SESSION] {
            // A connection that the previous crash broke may still serve the first request.
            let changed = async || server.query_with(change, json!({"id": server.session})).await["errors"].is_null();
            wait_for("an answer", async || changed().await.then_some(())).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        tokio::time::sleep(Duration::from_millis(random.below(CONNECTING_MS))).await;
        block_in_place(|| postgres.crash());
    }
    done.store(true, Ordering::SeqCst);
    let actions = owner.await.expect("an owner");
    assert!(actions > 20, "too few actions: {actions}");
    assert!(server.is_running(), "the server survives a crash of its database");
    server.assert_in_sync_within(CATCHING_UP).await;
}

/// Checks database, subscribers and phone after repeated kills.
async fn kill_under_load(mut postgres: Option<&mut Postgres>, database: TestDatabase) {
    let mut random = Random::of_this_run();
    let mut server = TestServer::builder().database(database).start().await;
    let before = Log::read(server.database()).await.len();
    let cursor = server.query(CHANGE_CURSOR).await["data"]["chats"]["changeCursor"].clone();

    let (moved, address) = watch::channel(server.url.clone());
    let tasks = TaskTracker::new();
    let done = Arc::new(AtomicBool::new(false));
    let callers = [Caller::new(1, &server, address.clone()), Caller::new(2, &server, address.clone())];
    let callers = callers.map(|caller| tasks.spawn(caller.run(random.branch(), Arc::clone(&done))));
    let owner = tasks.spawn(Owner::new(server.phone().clone()).run(random.branch(), Arc::clone(&done)));
    let listener = Listener::start(&tasks, &server.key, address, cursor.as_str().expect("a cursor"));

    for kill in 1..=KILLS {
        tokio::time::sleep(Duration::from_millis(random.below(LIFE_MS))).await;
        block_in_place(|| server.restart());
        moved.send_replace(server.url.clone());
        if let Some(postgres) = postgres.as_deref_mut().filter(|_| kill % KILLS_A_CRASH == 0) {
            tokio::time::sleep(Duration::from_millis(random.below(LIFE_MS))).await;
            block_in_place(|| postgres.crash());
            assert!(server.is_running(), "the server survives a crash of its database");
        }
    }
    done.store(true, Ordering::SeqCst);
    let mut sent = Vec::new();
    for caller in callers {
        sent.extend(caller.await.expect("a caller"));
    }
    let actions = owner.await.expect("an owner");
    // The last update may have been acknowledged by a server that has not published it yet.
    block_in_place(|| server.restart());
    moved.send_replace(server.url.clone());

    let log = Log::read(server.database()).await;
    let heard = listener.stop_after(log.len() - before).await;

    log::is_sound(server.database()).await;
    let acknowledged = sent.iter().filter(|update| update.acknowledged).count();
    println!("{} changes, {actions} actions, {acknowledged} of {} updates acknowledged", log.len(), sent.len());
    assert!(acknowledged > 20 && actions > 20, "too few updates and actions");
    log.has_no_gap();
    for update in &sent {
        let times = log.mutes_until(update.until);
        assert!(times <= 1, "the mute until {} stands {times} times in the log", update.until);
        assert!(times == 1 || !update.acknowledged, "the acknowledged mute until {} is lost", update.until);
    }
    let told = log.after(before);
    assert_eq!(heard[..told.len()], told, "the subscriber received every change once and in order");
    assert_eq!(server.phone().companions(), 1);
    server.assert_in_sync_within(CATCHING_UP).await;
}

/// Sends one request; returns `None` if it fails.
pub(super) async fn ask(address: &watch::Receiver<String>, key: &str, query: &str) -> Option<Value> {
    let url = address.borrow().clone();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().expect("a client");
    let sent = client.post(url).bearer_auth(key).json(&json!({"query": query})).send().await.ok()?;
    let answer: Value = sent.json().await.ok()?;
    answer["errors"].is_null().then(|| answer["data"].clone())
}
