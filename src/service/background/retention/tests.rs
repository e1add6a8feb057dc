//! Tests of trimming on a real database.

use super::*;
use crate::{
    domain::{
        change::Origin,
        chat::Chat,
        id::{ChatId, OrganizationId},
        message::{IncomingMessage, MessageKind},
        page::{Direction, MAX_PAGE_LEN, PageRequest},
    },
    store::tests::{TestStore, quarantine::quarantined},
};

struct At(i64);

impl Clock for At {
    fn now(&self) -> i64 {
        self.0
    }
}

fn retention(test: &TestStore, now: i64, config: RetentionConfig) -> Retention {
    Retention::new(test.store.clone(), Arc::new(At(now)), config)
}

#[tokio::test]
async fn changes_older_than_configured_go_and_the_log_goes_on() {
    let test = TestStore::open().await;
    futures_util::future::join_all((0..1_200).map(|user| test.add_chat(user, 100))).await;
    test.add_chat(1_200, 200).await;
    // The clock was set back: changes with higher numbers are kept, whatever their time.
    test.add_chat(1_201, 50).await;
    let config = RetentionConfig { changes_ms: 1_000, ..RetentionConfig::default() };

    assert_eq!(retention(&test, 1_100, config).pass().await.expect("a pass"), (0, 0));
    assert_eq!(retention(&test, 1_101, config).pass().await.expect("a pass"), (1_200, 0));

    assert_eq!(test.log().await.iter().map(|change| change.number).collect::<Vec<_>>(), [1_201, 1_202]);
    test.add_chat(1_202, 300).await;
    assert_eq!(test.log().await.last().map(|change| change.number), Some(1_203));
}

#[tokio::test]
async fn changes_dated_in_the_future_do_not_block_trimming() {
    let test = TestStore::open().await;
    // More of them than one step deletes, before and between changes with the right time.
    for (user, at) in (0..600).map(|_| 9_000_000).chain([100, 9_000_000, 101, 5_000]).enumerate() {
        test.add_chat(user, at).await;
    }
    let config = RetentionConfig { changes_ms: 1_000, ..RetentionConfig::default() };
    assert_eq!(retention(&test, 5_000, config).pass().await.expect("a pass"), (603, 0));
    assert_eq!(test.log().await.iter().map(|change| change.number).collect::<Vec<_>>(), [604]);
}

#[tokio::test]
async fn every_log_is_trimmed_and_an_empty_one_keeps_its_number() {
    let test = TestStore::open().await;
    let (mut first, mut second) = (test.add_chat(1, 1).await, test.add_chat(2, 1).await);
    let other: OrganizationId = "org_2".parse().expect("an id");
    let copied: Result<_, StoreError> = test
        .store
        .write(&other, move |unit| {
            Box::pin(async move {
                unit.ensure_organization().await?;
                unit.record(first.created(1, Origin::Import));
                unit.record(second.created(50, Origin::Import));
                Ok(())
            })
        })
        .await;
    copied.expect("stored");
    let config = RetentionConfig { changes_ms: 10, ..RetentionConfig::default() };

    assert_eq!(retention(&test, 20, config).pass().await.expect("a pass"), (3, 0));

    for (organization, oldest) in [(&test.organization, None), (&other, Some(2))] {
        assert_eq!(test.store.log_head(organization).await.expect("a head").number, 2);
        assert_eq!(test.store.oldest_change(organization).await.expect("a read"), oldest);
    }
}

#[tokio::test]
async fn of_each_chat_the_newest_messages_stay() {
    let test = TestStore::open().await;
    let (busy, calm) = (test.add_chat(1, 1).await, test.add_chat(2, 1).await);
    add_messages(&test, &busy, 1_300).await;
    add_messages(&test, &calm, 7).await;
    let config = RetentionConfig { messages: 7, changes_ms: 0 };

    assert_eq!(retention(&test, 0, config).pass().await.expect("a pass"), (0, 1_293));

    assert_eq!(times(&test, busy.id).await, (1_294..=1_300).rev().collect::<Vec<_>>());
    assert_eq!(times(&test, calm.id).await, (1..=7).rev().collect::<Vec<_>>());
    assert_eq!(retention(&test, 0, config).pass().await.expect("a pass"), (0, 0));
}

#[tokio::test]
async fn quarantined_events_expire_and_leave_the_import_incomplete() {
    let test = TestStore::open().await;
    let now = 1_000 * DAY_MS;
    let old = quarantined(&test, now - QUARANTINE_DAYS * DAY_MS - 1, true);
    let young = quarantined(&test, now - QUARANTINE_DAYS * DAY_MS, true);
    for event in [&old, &young] {
        assert!(test.store.quarantine(event, vec![1]).await.expect("kept"));
    }

    retention(&test, now, RetentionConfig::default()).pass().await.expect("a pass");

    let left = test.store.quarantined_events(None, None, None).await.expect("a list");
    assert_eq!(left, std::slice::from_ref(&young));
    test.store.delete_quarantined(&young).await.expect("deleted");
    let session = test.store.sessions_by_ids(&test.organization, &[test.session]).await.expect("read").remove(0);
    assert!(session.history_import.expect("an import").incomplete);
}

async fn add_messages(test: &TestStore, chat: &Chat, count: i64) {
    let chat = chat.clone();
    let messages: Vec<_> = (1..=count).map(|at| message(&chat, at)).collect();
    let stored: Result<_, StoreError> = test
        .store
        .write(&test.organization, move |unit| {
            Box::pin(async move { unit.insert_messages(chat.session, chat.id, &messages, 1).await })
        })
        .await;
    stored.expect("stored");
}

fn message(chat: &Chat, at: i64) -> IncomingMessage {
    IncomingMessage {
        chat: chat.jid.clone(),
        wa_id: format!("WA{at}"),
        sender: chat.jid.clone(),
        sender_name: None,
        from_me: false,
        kind: MessageKind::Text,
        text: None,
        at,
    }
}

async fn times(test: &TestStore, chat: ChatId) -> Vec<i64> {
    let page = PageRequest { limit: MAX_PAGE_LEN, direction: Direction::Forward, cursor: None };
    let page = test.store.messages(&test.organization, &[(chat, page)]).await.expect("a page");
    page[0].items.iter().map(|message| message.at).collect()
}
