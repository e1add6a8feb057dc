//! Subscribers that disconnect and resume, and subscribers that do not read.

use std::time::Duration;

use chatgraph::{clock::SystemClock, domain::clock::Clock as _};
use serde_json::{Value, json};

use crate::support::{ALL, BOOKS, CHANGE_CURSOR, MEI, RAVI, Subscription, TestServer};

/// A mute that marks the end of the load.
const LAST: i64 = 253_402_300_000_000;

#[tokio::test]
async fn subscribers_resumed_at_random_get_each_change_once_in_order() {
    let server = TestServer::start().await;
    let listed = server.query(CHANGE_CURSOR).await["data"]["chats"]["changeCursor"].clone();
    let mut random = Random::new();
    let (everything, mei) = (json!({}), json!({"session": server.session, "cid": MEI}));
    let ((), heard, heard_of_mei) = tokio::join!(
        load(&server),
        follow_changes(&server, &everything, &listed, random.fork()),
        follow_changes(&server, &mei, &listed, random.fork()),
    );
    // A subscriber without interruptions is the reference.
    let steady = follow_changes(&server, &everything, &listed, Random(None)).await;
    assert!(steady.len() > 100, "too few changes: {}", steady.len());
    let differ = heard.iter().zip(&steady).position(|(heard, told)| heard != told);
    assert_eq!((heard.len(), differ), (steady.len(), None), "{random:?}");
    let of_mei: Vec<_> = steady.into_iter().filter(|(_, cid)| cid == MEI).collect();
    assert!(heard_of_mei == of_mei, "{random:?}");
}

#[tokio::test]
async fn subscribers_that_do_not_read_cost_bounded_memory() {
    const LISTENERS: usize = 6;
    const CHANGES: usize = 150;
    let server = TestServer::start().await;
    server.phone().receive("15550112", RAVI, &"long ".repeat(6_000)).await.expect("sent");
    server.assert_in_sync().await;
    let listed = server.query(CHANGE_CURSOR).await["data"]["chats"]["changeCursor"].clone();
    for round in 0..CHANGES {
        server.update_chat(RAVI, &format!("pinned: {}", round % 2 == 0)).await;
    }
    let before = server.resident_mib();
    // Events of about 90 kB each, 80 MB in all, wait to be read.
    let query = "subscription($after: String) { chatChanges(after: $after) { cursor change { cid chat { \
                 a: lastMessage { text } b: lastMessage { text } c: lastMessage { text } } } } }";
    let mut stalled = Vec::new();
    for _ in 0..LISTENERS {
        stalled.push(Subscription::open(&server, &server.key, query, json!({"after": listed})).await);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let grown = server.resident_mib() - before;
    println!("{grown:.1} MiB for {LISTENERS} listeners that do not read");
    assert!(grown < 24.0, "{grown} MiB for {LISTENERS} listeners that do not read");
    let mut late = stalled.pop().expect("one of them");
    late.event().await;
    for _ in 0..CHANGES {
        late.next().await;
    }
}

#[tokio::test]
async fn subscribers_miss_nothing_when_the_server_stops() {
    let mut server = TestServer::start().await;
    let mut listeners = Vec::new();
    for _ in 0..5 {
        listeners.push(server.subscribe_to_chats().await);
    }
    server.ask_to_stop();
    let mut cursors = Vec::new();
    for mut listener in listeners {
        assert_eq!(u16::from(listener.closed().await.code), 1001);
        cursors.push(listener.cursor);
    }
    let ending = async {
        while server.is_running() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ending).await.expect("ended");
    server.phone().pin(MEI, true).await.expect("pinned");
    server.restart();
    for cursor in cursors {
        let mut listener = Subscription::start(&server, ALL, json!({"after": cursor})).await;
        assert_eq!(listener.next().await["chat"]["pinned"], true);
    }
}

/// Changes from the API and the phone, concurrently, followed by a last mute.
async fn load(server: &TestServer) {
    let callers = [MEI, RAVI].map(|cid| async move {
        for round in 0..40 {
            server.update_chat(cid, &format!("pinned: {}", round % 2 == 0)).await;
            server.update_chat(cid, &format!("read: {}", round % 3 == 0)).await;
        }
    });
    let phone = async {
        for round in 0..30 {
            server.phone().receive("15550112", RAVI, &format!("{round}")).await.expect("sent");
            server.phone().archive(BOOKS, round % 2 == 1).await.expect("archived");
        }
    };
    let [mei, ravi] = callers;
    tokio::join!(mei, ravi, phone);
    server.assert_in_sync().await;
    server.update_chat(MEI, &format!("mutedUntil: {LAST}")).await;
}

/// Returns the cursor and chat of every change up to the load's last one; drops the socket now and then.
async fn follow_changes(
    server: &TestServer,
    interest: &Value,
    after: &Value,
    mut random: Random,
) -> Vec<(String, String)> {
    let mut heard = Vec::new();
    let mut variables = interest.clone();
    variables["after"] = after.clone();
    loop {
        let mut listener = Subscription::start(server, ALL, variables.clone()).await;
        for _ in 0..random.next() {
            let change = listener.next().await;
            heard.push((listener.cursor.clone(), change["cid"].as_str().expect("a chat").to_owned()));
            if change["chat"]["mutedUntil"] == LAST && change["chat"]["sync"]["state"] == "SYNCED" {
                return heard;
            }
        }
        variables["after"] = json!(listener.cursor);
    }
}

/// Number of changes before the next interruption: 1 to 9, from a seed that a failure prints; no interruption if
/// `None`.
#[derive(Debug)]
struct Random(Option<u64>);

impl Random {
    fn new() -> Self {
        Self(Some(SystemClock.now().unsigned_abs()))
    }

    fn fork(&mut self) -> Self {
        Self(self.0.map(|seed| seed ^ self.next()))
    }

    fn next(&mut self) -> u64 {
        let Some(state) = &mut self.0 else { return u64::MAX };
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % 9 + 1
    }
}
