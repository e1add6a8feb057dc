mod http;

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicI64, AtomicUsize, Ordering},
};

use futures_util::{FutureExt as _, future::join_all};
use serde_json::json;
use tokio::sync::Semaphore;

use super::*;

const START: i64 = 1_700_000_000_000;
const MINUTE: i64 = 60_000;

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A set whose server returns `answers` in order, then repeats the last one.
struct Rig {
    jwks: Jwks,
    clock: Arc<TestClock>,
    answers: Arc<Mutex<VecDeque<Option<Value>>>>,
    fetches: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Rig {
    fn new(answers: Vec<Option<Value>>) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(START)));
        let (answers, fetches) = (Arc::new(Mutex::new(VecDeque::from(answers))), Arc::new(AtomicUsize::new(0)));
        let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let (given, counted, passed) = (Arc::clone(&answers), Arc::clone(&fetches), Arc::clone(&gate));
        let fetch: Fetch = Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let (given, passed) = (Arc::clone(&given), Arc::clone(&passed));
            let answer = async move {
                passed.acquire().await.expect("open").forget();
                let answer = {
                    let mut given = given.lock().expect("unpoisoned");
                    if given.len() > 1 { given.pop_front() } else { given.front().cloned() }
                };
                let answer = answer.flatten();
                assert_ne!(answer, Some(json!("dies")), "as the test defines");
                answer.map(|set| set.to_string().into_bytes()).ok_or(FetchError::TimedOut)
            };
            answer.boxed()
        });
        let jwks = Jwks::with_fetch(fetch, Arc::clone(&clock) as Arc<dyn Clock>, TaskTracker::new());
        Self { jwks, clock, answers, fetches, gate }
    }

    async fn has_key(&self, id: &str) -> bool {
        self.jwks.verify(Some(id), |_| Some(())).await.is_ok()
    }

    /// Returns whether a key verifies a token with `kid` `id`, or without one. Each fetch returns another key, and the
    /// token is signed by the key of the fetch with this number.
    async fn verifies(&self, id: Option<&str>, number: usize) -> Result<(), Unverified> {
        self.jwks.verify(id, |_| (self.fetches() == number).then_some(())).await
    }

    /// Waits for the end of the fetch that was started last; it is a task of its own.
    async fn is_over(&self) {
        while self.jwks.state().is_fetching() {
            tokio::task::yield_now().await;
        }
    }

    fn wait(&self, time_ms: i64) {
        self.clock.0.fetch_add(time_ms, Ordering::SeqCst);
    }

    fn now_answers(&self, answer: Option<Value>) {
        *self.answers.lock().expect("unpoisoned") = VecDeque::from([answer]);
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

fn key(id: &str) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": "A".repeat(43)})
}

#[expect(clippy::unnecessary_wraps, reason = "used in place of functions that can fail")]
fn set(ids: &[&str]) -> Option<Value> {
    Some(json!({"keys": ids.iter().map(|id| key(id)).collect::<Vec<_>>()}))
}

#[tokio::test]
async fn a_set_is_fetched_when_it_is_needed_and_kept_for_an_hour() {
    let rig = Rig::new(vec![set(&["a"])]);
    assert_eq!(rig.fetches(), 0);
    assert!(rig.has_key("a").await && rig.has_key("a").await);
    rig.wait(KEY_SET_TTL_MS - 1);
    assert!(rig.has_key("a").await);
    assert_eq!(rig.fetches(), 1);
    rig.now_answers(set(&["b"]));
    rig.wait(1);
    assert!(!rig.has_key("a").await, "a withdrawn key");
    assert!(rig.has_key("b").await);
    assert_eq!(rig.fetches(), 2);
}

#[tokio::test]
async fn a_new_key_is_looked_for_at_most_once_a_minute() {
    let rig = Rig::new(vec![set(&["a"])]);
    assert!(rig.has_key("a").await);
    rig.now_answers(set(&["a", "b"]));
    assert!(rig.has_key("b").await, "the first one is fetched at once");
    rig.now_answers(set(&["a", "b", "c"]));
    rig.wait(MINUTE - 1);
    assert!(!rig.has_key("c").await);
    assert_eq!(rig.fetches(), 2);
    rig.wait(1);
    assert!(rig.has_key("c").await);
    assert_eq!(rig.fetches(), 3);
}

#[tokio::test]
async fn fresh_key_set_is_not_fetched_again() {
    let rig = Rig::new(vec![set(&["a"])]);
    assert!(!rig.has_key("b").await);
    assert_eq!(rig.fetches(), 1);
}

#[tokio::test]
async fn a_key_that_the_set_lacks_is_not_looked_for_every_minute() {
    let rig = Rig::new(vec![set(&["a"])]);
    assert!(!rig.has_key("lost").await);
    for _ in 0..4 {
        rig.wait(MINUTE);
        assert!(!rig.has_key("lost").await);
    }
    assert_eq!(rig.fetches(), 1);
    rig.wait(MINUTE);
    assert!(!rig.has_key("lost").await);
    assert_eq!(rig.fetches(), 2);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_costs_one_fetch_a_minute() {
    let rig = Rig::new(vec![set(&["a"])]);
    assert!(rig.has_key("a").await);
    rig.gate.forget_permits(Semaphore::MAX_PERMITS);
    for minute in 0..3 {
        let arrived = AtomicUsize::new(0);
        let flood = join_all((0..2 * MAX_UNKNOWN_KEYS).map(|number| {
            let (rig, arrived, id) = (&rig, &arrived, format!("{minute}-{number}"));
            async move {
                arrived.fetch_add(1, Ordering::SeqCst);
                assert!(!rig.has_key(&id).await);
            }
        }));
        // All wait for the same fetch.
        let open = async {
            while arrived.load(Ordering::SeqCst) < 2 * MAX_UNKNOWN_KEYS {
                tokio::task::yield_now().await;
            }
            rig.gate.add_permits(1);
        };
        tokio::join!(flood, open);
        assert_eq!(rig.fetches(), minute + 2);
        assert!(rig.jwks.state().unknown.len() <= MAX_UNKNOWN_KEYS);
        rig.wait(MINUTE);
    }
    rig.now_answers(set(&["a", "new"]));
    rig.gate.add_permits(1);
    assert!(rig.has_key("new").await, "the flood prevents the fetch of a new key");
}

#[tokio::test]
async fn concurrent_verifications_share_one_fetch() {
    let rig = Rig::new(vec![set(&["a"])]);
    rig.gate.forget_permits(Semaphore::MAX_PERMITS);
    let callers = join_all((0..50).map(|_| rig.has_key("a")));
    let open = async {
        tokio::task::yield_now().await;
        rig.gate.add_permits(1);
    };
    let (known, ()) = tokio::join!(callers, open);
    assert!(known.into_iter().all(|known| known));
    assert_eq!(rig.fetches(), 1);
}

#[tokio::test]
async fn a_cancelled_wait_does_not_cancel_the_fetch() {
    let rig = Rig::new(vec![set(&["a"])]);
    rig.gate.forget_permits(Semaphore::MAX_PERMITS);
    assert!(rig.has_key("a").now_or_never().is_none());
    rig.gate.add_permits(1);
    assert!(rig.has_key("a").await);
    assert_eq!(rig.fetches(), 1);
}

#[tokio::test]
async fn a_fetch_outlives_its_client_and_its_set_dates_from_its_start() {
    let rig = Rig::new(vec![set(&["old"])]);
    assert!(rig.has_key("old").await);
    rig.gate.forget_permits(Semaphore::MAX_PERMITS);
    rig.wait(MINUTE);
    assert!(rig.has_key("strange").now_or_never().is_none(), "nothing was fetched");
    rig.wait(2_000);
    rig.gate.add_permits(1);
    rig.is_over().await;
    assert_eq!(rig.fetches(), 2);
    assert_eq!(rig.jwks.state().fetched_at, START + MINUTE, "the start of its fetch");

    rig.gate.add_permits(2);
    rig.now_answers(set(&["new"]));
    rig.wait(MINUTE);
    assert!(rig.has_key("new").await, "the set of the cancelled request was used as a new one");
    assert!(!rig.has_key("old").await, "a withdrawn key");
    assert_eq!(rig.fetches(), 3);
}

#[tokio::test]
async fn a_key_missing_in_an_earlier_fetch_is_fetched_again() {
    let rig = Rig::new(vec![set(&["old"])]);
    rig.gate.forget_permits(Semaphore::MAX_PERMITS);
    assert!(rig.has_key("old").now_or_never().is_none());
    let (known, ()) = tokio::join!(rig.has_key("new"), async {
        rig.gate.add_permits(1);
        while rig.fetches() < 2 {
            tokio::task::yield_now().await;
        }
        rig.now_answers(set(&["old", "new"]));
        rig.gate.add_permits(1);
    });
    assert!(known);
    assert_eq!(rig.fetches(), 2);
}

#[tokio::test]
async fn a_fetch_that_panics_does_not_block_the_next_one() {
    let rig = Rig::new(vec![Some(json!("dies")), set(&["a"])]);
    assert!(!rig.has_key("a").await);
    rig.wait(FETCH_INTERVAL_WITHOUT_KEYS_MS);
    assert!(rig.has_key("a").await);
}

#[tokio::test]
async fn an_unverifiable_signature_causes_at_most_one_fetch_a_minute() {
    for id in [Some("a"), None] {
        let rig = Rig::new(vec![set(&["a"])]);
        assert_eq!(rig.verifies(id, 1).await, Ok(()));
        assert_eq!(rig.verifies(id, 2).await, Ok(()), "{id:?}: a key that took the place of another is not found");
        assert_eq!(rig.fetches(), 2);
        for _ in 0..3 {
            assert_eq!(rig.verifies(id, 3).await, Err(Unverified::Signature), "{id:?}");
        }
        assert_eq!(rig.fetches(), 2, "{id:?}: more than once a minute");
        rig.wait(MINUTE);
        assert_eq!(rig.verifies(id, 3).await, Ok(()), "{id:?}");
        assert_eq!(rig.fetches(), 3);
    }
}

#[tokio::test]
async fn a_set_that_came_for_a_token_is_not_asked_for_again_for_it() {
    let rig = Rig::new(vec![set(&["a"])]);
    assert_eq!(rig.verifies(Some("a"), 2).await, Err(Unverified::Signature));
    assert_eq!(rig.fetches(), 1);
}

#[tokio::test]
async fn an_old_set_is_used_on_while_it_cannot_be_renewed() {
    let rig = Rig::new(vec![set(&["a"]), None]);
    assert!(rig.has_key("a").await);
    rig.wait(KEY_SET_TTL_MS);
    for _ in 0..3 {
        assert!(rig.has_key("a").await);
    }
    assert_eq!(rig.fetches(), 2, "it is retried");
    rig.now_answers(set(&["b"]));
    rig.wait(MINUTE);
    assert!(!rig.has_key("a").await);
    assert!(rig.has_key("b").await);
}

#[tokio::test]
async fn without_a_key_set_tokens_are_rejected_and_it_is_refetched() {
    let rig = Rig::new(vec![None]);
    assert!(!rig.has_key("a").await && !rig.has_key("a").await);
    assert_eq!(rig.fetches(), 1);
    rig.now_answers(set(&["a"]));
    rig.wait(FETCH_INTERVAL_WITHOUT_KEYS_MS);
    assert!(rig.has_key("a").await);
}

#[tokio::test]
async fn invalid_key_set_never_replaces_a_valid_one() {
    let many = |count: usize| Some(json!({"keys": (0..count).map(|id| key(&id.to_string())).collect::<Vec<_>>()}));
    let none: Vec<_> = vec![
        set(&[]),
        Some(json!({})),
        Some(json!([])),
        Some(json!({"keys": {}})),
        Some(json!({"keys": [1]})),
        many(65),
    ];
    for answer in none {
        let rig = Rig::new(vec![set(&["a"]), answer.clone()]);
        assert!(rig.has_key("a").await);
        rig.wait(KEY_SET_TTL_MS);
        assert!(rig.has_key("a").await, "{answer:?}");
        assert_eq!(rig.fetches(), 2);
        assert!(!Rig::new(vec![answer.clone()]).has_key("0").await, "{answer:?}");
    }
    assert!(Rig::new(vec![many(64)]).has_key("63").await);
}

#[tokio::test]
async fn a_token_without_a_name_may_be_of_any_key() {
    let rig = Rig::new(vec![set(&["a", "b", "c"])]);
    let found = rig.jwks.verify(None, |key| key.id.clone().filter(|id| id == "b")).await;
    assert_eq!(found, Ok("b".to_owned()));
    let of_another = rig.jwks.verify(Some("a"), |key| key.id.clone().filter(|id| id == "b")).await;
    assert_eq!(of_another, Err(Unverified::Signature), "a token with a `kid` was verified with other keys");
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_keep_an_old_set() {
    let rig = Rig::new(vec![set(&["a"]), set(&["b"])]);
    assert!(rig.has_key("a").await);
    rig.wait(-1);
    assert!(rig.has_key("b").await);
}
