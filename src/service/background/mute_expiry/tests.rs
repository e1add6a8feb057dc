//! Tests of mutes on a real database, with the real clock.

use tokio::time::sleep;

use super::*;
use crate::{
    clock::SystemClock,
    domain::{
        change::{ChangeKind, ChatField, ChatFields},
        chat::Chat,
        clock::FOREVER,
    },
    store::tests::TestStore,
};

/// Mutes a chat, bypassing the service.
async fn mute(test: &TestStore, chat: &Chat, until: i64) {
    let id = chat.id;
    let muted: Result<(), StoreError> = test
        .store
        .write(&test.organization, move |unit| {
            Box::pin(async move {
                let mut chat = unit.chat_by_id_for_update(id).await?.expect("a chat");
                let patch = ChatPatch {
                    as_of: 7,
                    settings: [SettingValue::MutedUntil(Some(until))].into(),
                    ..ChatPatch::default()
                };
                let _untold = chat.apply(&patch, 8, Origin::Device);
                unit.save_chat(&chat).await
            })
        })
        .await;
    muted.expect("muted");
}

async fn muted_until(test: &TestStore, chat: &Chat) -> Option<i64> {
    let stored = test.store.chat(&test.organization, test.session, &chat.jid).await.expect("a read");
    stored.expect("a chat").settings.muted_until.value
}

/// Waits until the chat is not muted. The test runner ends a test that waits in vain.
async fn ends(test: &TestStore, chat: &Chat) {
    while muted_until(test, chat).await.is_some() {
        sleep(Duration::from_millis(10)).await;
    }
}

fn start(test: &TestStore) -> (MuteExpirer, CancellationToken) {
    let stop = CancellationToken::new();
    (MuteExpirer::start(test.store.clone(), Arc::new(SystemClock), &TaskTracker::new(), stop.clone()), stop)
}

#[tokio::test]
async fn mutes_that_expired_during_downtime_are_published() {
    let test = TestStore::open().await;
    let mut ended = Vec::new();
    for user in 0..120 {
        ended.push(test.add_chat(user, 1).await);
        mute(&test, &ended[user], 1_000).await;
    }
    let (later, forever) = (test.add_chat(200, 1).await, test.add_chat(201, 1).await);
    mute(&test, &later, FOREVER - 1).await;
    mute(&test, &forever, FOREVER).await;

    let (_mutes, stop) = start(&test);
    for chat in &ended {
        ends(&test, chat).await;
    }
    stop.cancel();

    assert_eq!(muted_until(&test, &later).await, Some(FOREVER - 1));
    assert_eq!(muted_until(&test, &forever).await, Some(FOREVER));
    let told: Vec<_> = test.log().await.into_iter().filter(|change| change.kind == ChangeKind::Updated).collect();
    assert_eq!(told.len(), ended.len());
    for change in told {
        assert_eq!((change.origin, change.state.settings.muted_until.value), (Origin::Expired, None));
        assert_eq!(change.changed, [ChatField::MutedUntil].into_iter().collect::<ChatFields>());
    }
}

#[tokio::test]
async fn a_mute_that_ends_before_the_awaited_one_ends_in_time() {
    let test = TestStore::open().await;
    let (long, short) = (test.add_chat(1, 1).await, test.add_chat(2, 1).await);
    let now = SystemClock.now();
    mute(&test, &long, now + 20_000).await;
    let (mutes, stop) = start(&test);
    while mutes.next.load(Ordering::Acquire) != now + 20_000 {
        sleep(Duration::from_millis(5)).await;
    }
    let end = SystemClock.now() + 200;
    mute(&test, &short, end).await;
    mutes.schedule(end);
    timeout(Duration::from_secs(15), ends(&test, &short)).await.expect("before the later mute");
    assert!(SystemClock.now() >= end);
    assert_eq!(muted_until(&test, &long).await, Some(now + 20_000));
    stop.cancel();
}

#[tokio::test]
async fn a_mute_extended_in_time_is_kept_if_the_event_is_late() {
    let test = TestStore::open().await;
    let chat = test.add_chat(1, 1).await;
    mute(&test, &chat, 1_000).await;
    let (_mutes, stop) = start(&test);
    ends(&test, &chat).await;
    stop.cancel();
    let mut stored =
        test.store.chat(&test.organization, test.session, &chat.jid).await.expect("a read").expect("a chat");
    let longer =
        ChatPatch { as_of: 500, settings: [SettingValue::MutedUntil(Some(FOREVER))].into(), ..ChatPatch::default() };
    assert!(stored.apply(&longer, 2_000, Origin::Device).is_some());
}
