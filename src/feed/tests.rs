//! Tests of the feed on a real store.

use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::store::tests::{TestStore, on_postgres};

fn feed(test: &TestStore) -> Feed {
    let config = Config { checkpoint: Duration::from_millis(200), ..Config::default() };
    Feed::start(test.store.clone(), config, &TaskTracker::new(), CancellationToken::new())
}

async fn next(subscription: &mut Subscription) -> FeedEvent {
    let event = timeout(Duration::from_secs(10), subscription.next()).await.expect("an event within the time limit");
    event.expect("an event")
}

/// Reads `count` changes, ignoring checkpoints, and returns their numbers and the last cursor.
async fn read(subscription: &mut Subscription, count: usize) -> (Vec<i64>, ChangeCursor) {
    let mut numbers = Vec::new();
    let reading = async {
        loop {
            match next(subscription).await {
                FeedEvent::Change(change, cursor) => {
                    numbers.push(change.number);
                    if numbers.len() == count {
                        return cursor;
                    }
                }
                FeedEvent::Checkpoint(_) => {}
            }
        }
    };
    let cursor = timeout(Duration::from_secs(10), reading).await.expect("the changes within the time limit");
    (numbers, cursor)
}

#[tokio::test]
async fn a_subscriber_receives_changes_after_its_start() {
    let test = TestStore::open().await;
    test.add_chat(1, 1).await;
    let mut listener =
        feed(&test).subscribe(&test.organization, SubscriptionFilter::default(), None).await.expect("a subscription");
    assert!(matches!(next(&mut listener).await, FeedEvent::Checkpoint(ChangeCursor { number: 1, .. })));
    test.add_chat(2, 2).await;
    assert_eq!(read(&mut listener, 1).await.0, [2]);
}

#[tokio::test]
async fn a_randomly_resumed_subscriber_gets_all_changes_once_in_order() {
    let test = TestStore::open().await;
    let feed = feed(&test);
    let writing = futures_util::future::join_all((0..300).map(|user| test.add_chat(user, 1)));
    let listening = async {
        let mut heard = Vec::new();
        let mut after = ChangeCursor { incarnation: test.store.incarnation(), number: 0 };
        while heard.len() < 300 {
            let listener = feed.subscribe(&test.organization, SubscriptionFilter::default(), Some(after)).await;
            let mut listener = listener.expect("a subscription");
            let count = (heard.len() % 7 + 1).min(300 - heard.len());
            let (numbers, cursor) = read(&mut listener, count).await;
            heard.extend(numbers);
            after = cursor;
        }
        heard
    };
    let (_, heard) = tokio::join!(writing, listening);
    assert_eq!(heard, (1..=300).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_subscriber_far_behind_reads_the_table() {
    let test = TestStore::open().await;
    let feed = feed(&test);
    let mut slow =
        feed.subscribe(&test.organization, SubscriptionFilter::default(), None).await.expect("a subscription");
    futures_util::future::join_all((0..1_500).map(|user| test.add_chat(user, 1))).await;
    assert_eq!(read(&mut slow, 1_500).await.0, (1..=1_500).collect::<Vec<_>>());
    let topics = feed.topics.lock().expect("whole");
    let is_recent = |number| topics.values().any(|topic| topic.get(number).is_some());
    assert!(!is_recent(1) && is_recent(1_500), "the memory of recent changes is bounded");
}

#[tokio::test]
async fn the_first_event_comes_at_once_and_is_the_place() {
    let test = TestStore::open().await;
    test.add_chat(1, 1).await;
    let after = ChangeCursor { incarnation: test.store.incarnation(), number: 0 };
    let feed = feed(&test);
    let listener = feed.subscribe(&test.organization, SubscriptionFilter::default(), Some(after)).await;
    assert!(
        matches!(next(&mut listener.expect("a subscription")).await, FeedEvent::Checkpoint(place) if place == after)
    );
}

#[tokio::test]
async fn a_cursor_before_a_trimmed_log_is_expired() {
    let test = TestStore::open().await;
    for user in 1..=3 {
        test.add_chat(user, 1).await;
    }
    test.trim(2).await;
    let (feed, incarnation) = (feed(&test), test.store.incarnation());
    let after = async |number| {
        let cursor = ChangeCursor { incarnation, number };
        feed.subscribe(&test.organization, SubscriptionFilter::default(), Some(cursor)).await
    };
    assert!(matches!(after(1).await.err(), Some(FeedError::CursorExpired)));
    assert_eq!(read(&mut after(2).await.expect("a subscription"), 1).await.0, [3]);
}

#[tokio::test]
async fn a_subscriber_slower_than_the_trimming_gets_an_error() {
    let test = TestStore::open().await;
    for user in 1..=3 {
        test.add_chat(user, 1).await;
    }
    let after = ChangeCursor { incarnation: test.store.incarnation(), number: 0 };
    let feed = feed(&test);
    let slow = feed.subscribe(&test.organization, SubscriptionFilter::default(), Some(after)).await;
    let mut slow = slow.expect("a subscription");
    next(&mut slow).await;
    test.trim(2).await;
    let told = timeout(Duration::from_secs(10), slow.next()).await.expect("an answer within the time limit");
    assert!(matches!(told, Err(FeedError::CursorExpired)), "{told:?}");
}

#[tokio::test]
async fn silence_and_what_is_of_no_interest_still_bring_a_cursor() {
    let test = TestStore::open().await;
    let nobody = SubscriptionFilter { session: Some(SessionId::new(9)), chat: None };
    let mut listener = feed(&test).subscribe(&test.organization, nobody, None).await.expect("a subscription");
    assert!(matches!(next(&mut listener).await, FeedEvent::Checkpoint(ChangeCursor { number: 0, .. })));
    test.add_chat(1, 1).await;
    assert!(matches!(next(&mut listener).await, FeedEvent::Checkpoint(ChangeCursor { number: 1, .. })));
}

#[tokio::test]
async fn an_invalid_cursor_is_rejected() {
    let test = TestStore::open().await;
    test.add_chat(1, 1).await;
    let feed = feed(&test);
    let incarnation = test.store.incarnation();
    let after = async |incarnation, number| {
        let cursor = ChangeCursor { incarnation, number };
        feed.subscribe(&test.organization, SubscriptionFilter::default(), Some(cursor)).await.err()
    };
    assert!(after(incarnation, 0).await.is_none());
    assert!(after(incarnation, 1).await.is_none());
    assert!(matches!(after(incarnation, 2).await, Some(FeedError::CursorAhead)));
    assert!(matches!(after(incarnation + 1, 1).await, Some(FeedError::CursorExpired)));
}

#[tokio::test]
async fn another_nodes_commit_is_published_long_before_the_poll() {
    let test = TestStore::open().await;
    // SQLite has no second node that could notify.
    let poll = if on_postgres() { Duration::from_hours(1) } else { Duration::from_millis(50) };
    let config = Config { poll, ..Config::default() };
    let stop = CancellationToken::new();
    let other = Feed::start(test.another().await, config, &TaskTracker::new(), stop.clone());
    let _feed = Feed::start(test.store.clone(), config, &TaskTracker::new(), stop);
    let mut listener =
        other.subscribe(&test.organization, SubscriptionFilter::default(), None).await.expect("a subscription");
    // Notifications sent before the other node listens are lost; its poll would find those changes.
    let mut user = 0;
    let heard = async {
        loop {
            if let FeedEvent::Change(change, _) = next(&mut listener).await {
                return change.number;
            }
        }
    };
    let telling = async {
        loop {
            user += 1;
            test.add_chat(user, 1).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let number = tokio::select! {
        number = heard => number,
        () = telling => unreachable!("the writer does not stop"),
    };
    assert_eq!(number, 1);
}

#[tokio::test]
async fn how_far_the_last_subscriber_is_behind_is_known() {
    let test = TestStore::open().await;
    let feed = feed(&test);
    assert_eq!(feed.lag(), Some(0), "no subscribers");
    let mut slow =
        feed.subscribe(&test.organization, SubscriptionFilter::default(), None).await.expect("a subscription");
    let mut fast =
        feed.subscribe(&test.organization, SubscriptionFilter::default(), None).await.expect("a subscription");
    for user in 0..3 {
        test.add_chat(user, 1).await;
    }
    read(&mut fast, 3).await;
    assert_eq!(feed.lag(), Some(3));
    read(&mut slow, 1).await;
    assert_eq!(feed.lag(), Some(2));
    drop(slow);
    assert_eq!(feed.lag(), Some(0), "a closed subscription does not count");
}
