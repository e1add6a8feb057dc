//! The store on a real database.

#[path = "../../tests/it/support/database.rs"]
mod database;
mod journal;
mod opening;
mod plans;

use std::collections::HashSet;

use tokio_util::task::TaskTracker;

use super::*;
use crate::domain::change::Change;
use crate::domain::change::Origin;
use crate::domain::chat::Chat;
use crate::domain::chat::LastMessage;
use crate::domain::cursor::TimeKey;
use crate::domain::id::ChatId;
use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;
use crate::domain::page::Direction;
use crate::domain::page::PageRequest;
use crate::domain::session::Session;
use crate::domain::session::SessionStatus;
pub(crate) use database::TestDatabase;

/// A store in a folder of its own, with one session.
pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) organization: OrganizationId,
    pub(crate) session: SessionId,
    pub(crate) database: TestDatabase,
}

impl TestStore {
    pub(crate) async fn open() -> Self {
        let database = TestDatabase::new().await;
        let store = open(&database).await;
        let organization: OrganizationId = "org_1".parse().expect("an id");
        let session = add_session(&store, &organization).await;
        Self { store, organization, session, database }
    }

    /// Opens the same database once more, as another process does.
    pub(crate) async fn another(&self) -> Store {
        open(&self.database).await
    }

    /// Stores a chat of the session whose last message is from `at`, and records its creation.
    pub(crate) async fn add_chat(&self, user: usize, at: i64) -> Chat {
        let (organization, chat) = (self.organization.clone(), chat(self.session, user, at));
        let stored = chat.clone();
        let added: Result<(), StoreError> = self
            .store
            .write(&self.organization, move |unit| {
                Box::pin(async move {
                    unit.insert_chat(&organization, &chat).await?;
                    unit.record(&organization, chat.created(at, Origin::Import));
                    Ok(())
                })
            })
            .await;
        added.expect("stored");
        stored
    }

    async fn log(&self) -> Vec<Change> {
        self.store.changes(&self.organization, 0, 100_000).await.expect("a log")
    }
}

async fn open(database: &TestDatabase) -> Store {
    Store::open(&config(database), &TaskTracker::new()).await.expect("a store")
}

fn config(database: &TestDatabase) -> Config {
    database.url().parse().expect("a database")
}

/// Whether the tests run on PostgreSQL.
pub(crate) fn on_postgres() -> bool {
    database::server().is_some()
}

pub(crate) async fn add_session(store: &Store, organization: &OrganizationId) -> SessionId {
    let session = Session {
        id: SessionId::new(1),
        organization: organization.clone(),
        label: None,
        status: SessionStatus::Stopped,
        status_reason: None,
        wanted: false,
        jid: None,
        lid: None,
        created_at: 1,
        last_connected_at: None,
    };
    let id = session.id;
    let added: Result<(), StoreError> =
        store.write(organization, move |unit| Box::pin(async move { unit.insert_session(&session).await })).await;
    added.expect("stored");
    id
}

fn chat(session: SessionId, user: usize, at: i64) -> Chat {
    let jid = format!("1555{user:07}@s.whatsapp.net").parse().expect("a JID");
    let mut chat = Chat::new(ChatId::new(at), session, jid, at);
    chat.last_message = Some(LastMessage { id: None, at });
    chat
}

fn numbers(changes: &[Change]) -> Vec<i64> {
    changes.iter().map(|change| change.number).collect()
}

#[tokio::test]
async fn pages_show_every_chat_once_though_times_are_equal() {
    let test = TestStore::open().await;
    for user in 0..25 {
        test.add_chat(user, i64::try_from(user / 4).expect("small")).await;
    }
    for direction in [Direction::Forward, Direction::Backward] {
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let request = PageRequest { limit: 4, direction, cursor };
            let page = test.store.chats(&test.organization, None, &request).await.expect("a page");
            let (end, more) = match direction {
                Direction::Forward => (page.items.last(), page.has_next),
                Direction::Backward => (page.items.first(), page.has_previous),
            };
            let end = end.expect("no page is empty");
            let at = end.last_message.expect("all have one").at;
            cursor = Some(TimeKey { at, id: end.id.to_bytes().try_into().expect("16 bytes") });
            match direction {
                Direction::Forward => seen.extend(page.items),
                Direction::Backward => seen.splice(0..0, page.items).for_each(drop),
            }
            if !more {
                break;
            }
        }
        assert_eq!(seen.iter().map(|chat| chat.id).collect::<HashSet<_>>().len(), 25);
        assert_eq!(seen.len(), 25);
        assert!(seen.is_sorted_by_key(|chat| std::cmp::Reverse((chat.last_message.map(|last| last.at), chat.id))));
    }
}

#[tokio::test]
async fn what_is_stored_reads_back_the_same() {
    let test = TestStore::open().await;
    let chat = test.add_chat(1, 5).await;
    assert_eq!(test.store.chat(&test.organization, test.session, &chat.jid).await.expect("a read"), Some(chat));
}

#[tokio::test]
async fn another_organization_finds_nothing() {
    let test = TestStore::open().await;
    let chat = test.add_chat(1, 5).await;
    let other: OrganizationId = "org_2".parse().expect("an id");
    let page = PageRequest { limit: 10, direction: Direction::Forward, cursor: None };
    let store = &test.store;
    assert_eq!(store.chat(&other, test.session, &chat.jid).await.expect("a read"), None);
    assert!(store.chats(&other, None, &page).await.expect("a page").items.is_empty());
    assert!(store.chats(&other, Some(test.session), &page).await.expect("a page").items.is_empty());
    assert!(store.chats_by_ids(&other, &[chat.id]).await.expect("a read").is_empty());
    assert!(store.addresses(&other, &[chat.id]).await.expect("a read").is_empty());
    assert!(store.sessions_by_ids(&other, &[test.session]).await.expect("a read").is_empty());
    assert!(store.changes(&other, 0, 10).await.expect("a log").is_empty());
    assert!(store.messages(&other, chat.id, &page).await.expect("a page").items.is_empty());
    assert_eq!(store.log_head(&other).await.expect("a head").number, 0);
}
