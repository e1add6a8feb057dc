//! The store on a real SQLite file.

use std::collections::HashSet;

use tempfile::TempDir;
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

/// A store in a folder of its own, with one session.
pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) organization: OrganizationId,
    pub(crate) session: SessionId,
    folder: TempDir,
}

impl TestStore {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config { path: folder.path().join("chatgraph.db") };
        let store = Store::open(&config, &TaskTracker::new()).await.expect("a store");
        let organization: OrganizationId = "org_1".parse().expect("an id");
        let session = add_session(&store, &organization).await;
        Self { store, organization, session, folder }
    }

    /// What another process finds if this one ends right now.
    pub(crate) async fn after_a_crash(&self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("chatgraph.db");
        self.run(&format!("VACUUM INTO '{}'", path.display())).await;
        let store = Store::open(&Config { path }, &TaskTracker::new()).await.expect("a store");
        Self { store, organization: self.organization.clone(), session: self.session, folder }
    }

    /// Counts the commits of `work`, which is to change less than some thousand pages: they are found in the
    /// write-ahead log, which then begins anew.
    pub(crate) async fn commits(&self, work: impl Future) -> usize {
        self.run("PRAGMA wal_checkpoint(TRUNCATE)").await;
        work.await;
        let log = std::fs::read(self.folder.path().join("chatgraph.db-wal")).expect("a log");
        let Some((header, frames)) = log.split_at_checked(32) else { return 0 };
        let page: [u8; 4] = header[8..12].try_into().expect("four bytes");
        let frames = frames.chunks_exact(24 + u32::from_be_bytes(page) as usize);
        // The last page of a commit tells how long the database is.
        frames.filter(|frame| frame[4..8] != [0; 4]).count()
    }

    async fn run(&self, statement: &str) {
        use sea_orm::ConnectionTrait as _;
        let path = self.folder.path().join("chatgraph.db");
        let database = sea_orm::Database::connect(format!("sqlite:{}", path.display())).await.expect("a connection");
        database.execute_unprepared(statement).await.expect("done");
    }

    /// Stores a chat of the session whose last message is from `at`, and records its creation.
    pub(crate) async fn add_chat(&self, user: usize, at: i64) -> Chat {
        let (organization, chat) = (self.organization.clone(), chat(self.session, user, at));
        let stored = chat.clone();
        let added: Result<(), StoreError> = self
            .store
            .write(move |unit| {
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
        store.write(move |unit| Box::pin(async move { unit.insert_session(&session).await })).await;
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
async fn changes_of_many_writers_are_numbered_without_gaps() {
    let test = TestStore::open().await;
    let writers = (0..200).map(|user| test.add_chat(user, 1_000));
    futures_util::future::join_all(writers).await;
    assert_eq!(numbers(&test.log().await), (1..=200).collect::<Vec<_>>());
    let head = test.store.log_head(&test.organization).await.expect("a head");
    assert_eq!(head.number, 200);
}

#[tokio::test]
async fn a_failing_unit_is_undone_alone() {
    let test = TestStore::open().await;
    let failing = {
        let (organization, chat) = (test.organization.clone(), chat(test.session, 1, 1));
        test.store.write(move |unit| {
            Box::pin(async move {
                unit.insert_chat(&organization, &chat).await?;
                unit.record(&organization, chat.created(1, Origin::Import));
                Err::<(), _>(StoreError::Corrupt { table: "chat", column: "jid" })
            })
        })
    };
    let (failed, kept) = tokio::join!(failing, test.add_chat(2, 2));
    assert!(matches!(failed, Err(StoreError::Corrupt { .. })));
    let log = test.log().await;
    assert_eq!(numbers(&log), [1]);
    assert_eq!(log[0].chat, kept.id);
    let gone = test.store.chat(&test.organization, test.session, &chat(test.session, 1, 1).jid).await;
    assert_eq!(gone.expect("a read"), None);
}

#[tokio::test]
async fn a_panicking_unit_is_undone_alone() {
    let test = TestStore::open().await;
    let panicking = test.store.write(|_| Box::pin(async { panic!("on purpose") }));
    let (panicked, _): (Result<(), StoreError>, _) = tokio::join!(panicking, test.add_chat(1, 1));
    assert!(matches!(panicked, Err(StoreError::Closed)));
    assert_eq!(numbers(&test.log().await), [1]);
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

#[tokio::test]
async fn commits_are_on_the_disk_and_readers_cannot_write() {
    use sea_orm::ConnectionTrait as _;
    use sea_orm::Statement;
    let test = TestStore::open().await;
    let config = Config { path: test.folder.path().join("chatgraph.db") };
    let writer = connect::writer(&config).await.expect("a connection");
    let pragma = async |name: &str| {
        let statement = Statement::from_string(sea_orm::DbBackend::Sqlite, format!("PRAGMA {name}"));
        writer.query_one_raw(statement).await.expect("an answer").expect("a row")
    };
    assert_eq!(pragma("synchronous").await.try_get_by_index::<i32>(0).expect("a number"), 2, "FULL");
    assert_eq!(pragma("journal_mode").await.try_get_by_index::<String>(0).expect("a text"), "wal");
    assert_eq!(pragma("foreign_keys").await.try_get_by_index::<i32>(0).expect("a number"), 1);
    let refused = test.store.readers.execute_unprepared("DELETE FROM session").await;
    assert!(refused.is_err(), "a reader wrote");
}

#[tokio::test]
async fn a_second_server_is_kept_from_the_file() {
    let test = TestStore::open().await;
    let config = Config { path: test.folder.path().join("chatgraph.db") };
    let held = Hold::take(&config).expect("free");
    assert!(matches!(Hold::take(&config), Err(OpenError::InUse(_))));
    drop(held);
    assert!(Hold::take(&config).is_ok());
}
