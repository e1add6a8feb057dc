//! Fetches from a misbehaving server.

use super::*;

#[path = "../../../../tests/it/login_tokens/frontend.rs"]
mod frontend;

use frontend::{Answer, Frontend, made};

/// Maximum size of a set, in bytes.
const LONGEST: usize = 256 * 1024;

fn jwks_of(frontend: &Frontend) -> (Jwks, Arc<TestClock>) {
    let clock = Arc::new(TestClock(AtomicI64::new(START)));
    (Jwks::new(frontend.url.clone(), None, Arc::clone(&clock) as Arc<dyn Clock>, TaskTracker::new()), clock)
}

async fn has_key(jwks: &Jwks) -> bool {
    names(jwks, "EdDSA").await
}

async fn names(jwks: &Jwks, id: &str) -> bool {
    jwks.verify(Some(id), |_| Some(())).await.is_ok()
}

#[tokio::test]
async fn a_set_of_the_longest_length_is_taken() {
    let frontend = Frontend::start(Answer::Padded(made()["jwks"].clone(), LONGEST));
    assert!(has_key(&jwks_of(&frontend).0).await);
}

#[tokio::test]
async fn invalid_key_set_changes_nothing() {
    let set = &made()["jwks"];
    let cases = [
        ("a redirect to the keys", Answer::Redirect),
        ("a failure with the keys", Answer::Status(500, set.clone())),
        ("a status that says created", Answer::Status(201, set.clone())),
        ("one byte too long", Answer::Padded(set.clone(), LONGEST + 1)),
        ("no keys", Answer::Json(json!({"keys": []}))),
        ("only keys that cannot be used", Answer::Json(made()["unusableJwks"].clone())),
        ("not a set", Answer::Json(json!(["keys"]))),
        ("silence", Answer::Silence),
        ("no end", Answer::Drip),
    ];
    // All at once: two of them wait for the time limit of a fetch, twice each.
    futures_util::future::join_all(cases.into_iter().map(async |(what, answer)| {
        let frontend = Frontend::start(answer.clone());
        let (jwks, clock) = jwks_of(&frontend);
        assert!(!has_key(&jwks).await, "{what} opens");

        frontend.answers(Answer::Json(set.clone()));
        clock.0.fetch_add(FETCH_INTERVAL_WITHOUT_KEYS_MS, Ordering::SeqCst);
        assert!(has_key(&jwks).await, "{what} is not got over");

        frontend.answers(answer);
        clock.0.fetch_add(KEY_SET_TTL_MS, Ordering::SeqCst);
        assert!(has_key(&jwks).await, "{what} closes");
        assert_eq!((frontend.asked(), frontend.followed()), (3, 0), "{what}");
    }))
    .await;
}

#[tokio::test]
async fn a_server_that_is_gone_closes_nothing_and_opens_nothing() {
    let mut frontend = Frontend::with_keys();
    let ((known, clock), (unknown, _)) = (jwks_of(&frontend), jwks_of(&frontend));
    assert!(has_key(&known).await);
    frontend.stop();
    clock.0.fetch_add(KEY_SET_TTL_MS, Ordering::SeqCst);
    assert!(has_key(&known).await);
    assert!(!has_key(&unknown).await);
}

#[tokio::test]
async fn concurrent_waits_for_a_slow_server_share_one_response() {
    let frontend = Frontend::start(Answer::Late(made()["jwks"].clone()));
    let (jwks, _) = jwks_of(&frontend);
    let known = join_all((0..50).map(|_| has_key(&jwks))).await;
    assert!(known.into_iter().all(|known| known));
    assert_eq!(frontend.asked(), 1);
}

#[tokio::test]
async fn a_disconnect_during_a_fetch_does_not_block_a_new_key() {
    let frontend = Frontend::start(Answer::Json(made()["jwksOfOne"].clone()));
    let (jwks, clock) = jwks_of(&frontend);
    assert!(has_key(&jwks).await);

    frontend.answers(Answer::Late(made()["jwksOfOne"].clone()));
    let asking = tokio::time::timeout(std::time::Duration::from_millis(50), names(&jwks, "strange"));
    assert!(asking.await.is_err(), "the response was not late");
    while jwks.state().is_fetching() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(frontend.asked(), 2);

    frontend.answers(Answer::Json(made()["nextJwks"].clone()));
    clock.0.fetch_add(MINUTE, Ordering::SeqCst);
    assert!(names(&jwks, "next").await);
    assert!(!has_key(&jwks).await, "a withdrawn key");
    assert_eq!(frontend.asked(), 3);
}
