//! Work that a use case leaves to the sweeper, and its continuation by the next process.

use std::collections::BTreeSet;

use tokio::time::{sleep, timeout};

use super::*;
use crate::{
    clock::SystemClock,
    domain::{
        change::ChangeKind,
        chat_view::ChatColumns,
        id::{ChatId, OrganizationId},
        jid::Jid,
        setting::SettingValue,
    },
    service::{chat::update::UpdateChat, error::Error},
    store::{tests::TestStore, whatsapp_device::Secret},
};

/// More chats than one step removes or refuses, several times.
const CHATS: usize = 230;

fn key(test: &TestStore) -> SessionKey {
    SessionKey { organization: test.organization.clone(), session: test.session }
}

/// A process that begins to sweep.
async fn begin(test: &TestStore) -> CancellationToken {
    let stop = CancellationToken::new();
    let _ = Purger::start(test.another().await, Arc::new(SystemClock), &TaskTracker::new(), stop.clone());
    stop
}

async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_mins(1), waiting).await.expect(what);
}

/// Deletes the session, and returns how many chats are gone when that is answered.
async fn remove(test: &TestStore) -> usize {
    let key = key(test);
    let session = key.session;
    let removed: Result<bool, Error> = test
        .store
        .write_session_with_retry(&key.organization, session, (), move |(), unit| {
            Box::pin(lifecycle::remove(unit, session))
        })
        .await;
    assert!(removed.expect("removed"), "there is more");
    deleted(test).await.len()
}

/// Returns the chats that were published as deleted, one by one.
async fn deleted(test: &TestStore) -> Vec<ChatId> {
    let log = test.log().await.into_iter();
    log.filter(|change| matches!(change.kind, ChangeKind::Deleted)).map(|change| change.chat).collect()
}

#[tokio::test]
async fn a_deleted_session_is_hidden_at_once_and_purged_later() {
    let test = TestStore::open().await;
    let chats = futures_util::future::join_all((0..CHATS).map(|user| test.add_chat(user, 1_000))).await;
    assert_eq!(remove(&test).await, 50, "however many there are");

    let (store, organization, id) = (&test.store, &test.organization, test.session);
    assert!(store.sessions_by_ids(organization, &[id]).await.expect("a read").is_empty());
    assert!(store.some_sessions(organization, 2).await.expect("a read").is_empty());
    assert!(store.wanted_sessions().await.expect("a read").sessions.is_empty());
    // A chat that is left can still show its session.
    assert_eq!(store.sessions_of_chats(organization, &[id]).await.expect("a read").len(), 1);
    let again: Result<bool, Error> =
        store.write_session(organization, id, move |unit| Box::pin(lifecycle::remove(unit, id))).await;
    assert!(matches!(again, Err(Error::SessionNotFound)));

    // The process ended here.
    let stop = begin(&test).await;
    eventually("nothing is left", async || test.is_empty("session").await && test.is_empty("peer").await).await;
    stop.cancel();
    assert!(test.is_empty("chat").await);
    let told = deleted(&test).await;
    assert_eq!(told.len(), CHATS, "each once");
    let all: BTreeSet<_> = chats.iter().map(|chat| chat.id).collect();
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), all);
}

#[tokio::test]
async fn a_logout_rejects_some_requests_and_the_next_process_the_rest() {
    let test = TestStore::open().await;
    let chats = futures_util::future::join_all((0..CHATS).map(|user| test.add_chat(user, 1_000))).await;
    for chat in &chats {
        ask(&test, &test.organization, chat.jid.clone(), 2_000).await;
    }
    let waiting = async || test.store.pending_actions(&test.organization, test.session).await.expect("a read").len();
    let device = test.store.device_state(&test.organization, test.session);
    let secret =
        |number: u16| Secret { key: number.to_be_bytes().to_vec(), secret: vec![1; 32], expires_at: 0, message_at: 0 };
    device.put_secrets((0..700).map(secret).collect()).await.expect("stored");

    let pending = async || test.is_empty("pending_action").await;
    assert!(rejection::reject_some(&test.store, &key(&test), 2_000).await.expect("refused"));
    let refused = test.log().await.len() - CHATS - CHATS;
    assert_eq!(refused, 50, "however many wait");
    device.forget().await.expect("forgotten");
    assert!(!pending().await);

    // The process ended here.
    let stop = begin(&test).await;
    eventually("all is refused", async || waiting().await == 0).await;
    eventually("the device's keys are gone", async || test.is_empty("device_secret").await).await;
    stop.cancel();
    let ids: Vec<_> = chats.iter().map(|chat| chat.id).collect();
    let found = test.store.chat_views_by_ids(&test.organization, &ids, ChatColumns::all()).await;
    let found = found.expect("a read");
    assert!(
        found.len() == CHATS
            && found.iter().all(|chat| !chat.state.settings.archived.value && chat.state.pending.is_empty())
    );
}

#[tokio::test]
async fn a_request_after_the_logout_waits_for_the_next_pairing() {
    let test = TestStore::open().await;
    let chat = test.add_chat(1, 1_000).await;
    ask(&test, &test.organization, chat.jid.clone(), 2_001).await;
    assert!(!rejection::reject_some(&test.store, &key(&test), 2_000).await.expect("nothing refused"));
    assert!(!test.is_empty("pending_action").await);
}

/// Asks to archive a chat.
async fn ask(test: &TestStore, organization: &OrganizationId, cid: Jid, now: i64) {
    let order = UpdateChat {
        session: test.session,
        cid,
        settings: vec![SettingValue::Archived(true)],
        range_hint: None,
        max_pinned: 3,
    };
    let asked: Result<_, Error> =
        test.store.at(now).write(organization, move |unit| Box::pin(order.execute(unit))).await;
    asked.expect("taken");
}
