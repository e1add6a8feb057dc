//! Tests of the store on a real database.

mod chat_view;
mod checking;
#[path = "../../tests/it/support/database.rs"]
mod database;
mod fairness;
mod group_commit;
mod lists;
mod lost_connection;
mod new_database;
mod open;
mod plans;
pub(crate) mod quarantine;
mod search_text;

use tokio_util::task::TaskTracker;

use super::*;
use crate::{
    clock::SystemClock,
    domain::{
        change::{Change, Origin},
        chat::{Chat, LastMessage},
        chat_list::ChatList,
        chat_view::ChatColumns,
        id::{ChatId, MessageId, OrganizationId, SessionId},
        message::{IncomingMessage, MessageKind},
        page::{Direction, PageRequest},
        pending_action::PendingAction,
        session::Session,
        setting::SettingValue,
    },
};

pub(crate) use database::TestDatabase;

/// A store in a folder of its own, with one session whose secrets are encrypted.
pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) organization: OrganizationId,
    pub(crate) session: SessionId,
    pub(crate) database: TestDatabase,
    pub(crate) keys: MasterKeys,
}

impl TestStore {
    pub(crate) async fn open() -> Self {
        Self::sealed_with(new_master_key().parse().expect("a key")).await
    }

    /// A store with unencrypted secrets.
    pub(crate) async fn in_plain() -> Self {
        Self::sealed_with(MasterKeys::default()).await
    }

    /// A store whose secrets are encrypted with these keys.
    pub(crate) async fn sealed_with(keys: MasterKeys) -> Self {
        let database = TestDatabase::migrated().await;
        let store = open(&database, &keys).await;
        let organization: OrganizationId = "org_1".parse().expect("an id");
        let session = add_session(&store, &organization).await;
        Self { store, organization, session, database, keys }
    }

    /// Opens the same database again, as another process does.
    pub(crate) async fn another(&self) -> Store {
        open(&self.database, &self.keys).await
    }

    /// Stores a chat of the session whose last message is from `at`, and records its creation.
    pub(crate) async fn add_chat(&self, user: usize, at: i64) -> Chat {
        let mut chat = chat(self.session, user, at);
        let created = chat.created(at, Origin::Import);
        let stored = chat.clone();
        let added: Result<(), StoreError> = self
            .store
            .write(&self.organization, move |unit| {
                Box::pin(async move {
                    unit.insert_chat(&chat).await?;
                    unit.record(created);
                    Ok(())
                })
            })
            .await;
        added.expect("stored");
        stored
    }

    /// Deletes the changes up to `number` from the log, bypassing the store.
    pub(crate) async fn trim(&self, number: i64) {
        use sea_orm::ConnectionTrait as _;
        let database = sea_orm::Database::connect(self.database.url()).await.expect("a connection");
        let trim = format!("DELETE FROM \"change\" WHERE number <= {number}");
        database.execute_unprepared(&trim).await.expect("trimmed");
    }

    /// Returns true if a table has no rows, including rows without an organization.
    pub(crate) async fn is_empty(&self, table: &str) -> bool {
        use sea_orm::ConnectionTrait as _;
        let readers = &self.store.readers;
        let query = format!("SELECT 1 FROM \"{table}\" LIMIT 1");
        let query = sea_orm::Statement::from_string(readers.get_database_backend(), query);
        readers.query_one_raw(query).await.expect("a read").is_none()
    }

    pub(crate) async fn log(&self) -> Vec<Change> {
        self.store.changes(&self.organization, 0, 100_000).await.expect("a log")
    }
}

impl TestStore {
    /// Stores a message of the chat and a pending action.
    async fn add_message_and_action(&self, chat: &Chat) -> MessageId {
        let (organization, session, chat) = (self.organization.clone(), self.session, chat.clone());
        let action = PendingAction {
            organization: organization.clone(),
            session,
            chat: chat.id,
            address: chat.jid.clone(),
            version: 1,
            desired: SettingValue::Archived(true),
            base: SettingValue::Archived(false),
            base_as_of: 0,
            unread: 0,
            requested_at: 5,
            range: None,
            read_before: None,
        };
        let message = IncomingMessage {
            chat: chat.jid.clone(),
            wa_id: "3EB0".into(),
            sender: chat.jid.clone(),
            sender_name: None,
            from_me: false,
            kind: MessageKind::Text,
            text: Some("Yes!".into()),
            at: 5,
        };
        let added: Result<_, StoreError> = self
            .store
            .write(&self.organization, move |unit| {
                Box::pin(async move {
                    unit.insert_messages(session, chat.id, &[message], 5).await?;
                    unit.put_pending_action(&action).await?;
                    unit.last_message(chat.id).await
                })
            })
            .await;
        let message = added.expect("stored").and_then(|message| message.id).expect("a message");
        assert_eq!(self.store.messages_by_ids(&self.organization, &[message]).await.expect("a read").len(), 1);
        assert_eq!(self.store.pending_actions(&self.organization, session).await.expect("a read").len(), 1);
        message
    }
}

async fn open(database: &TestDatabase, keys: &MasterKeys) -> Store {
    Store::open_sealed(&config(database), keys, Arc::new(SystemClock), &TaskTracker::new()).await.expect("a store")
}

pub(super) fn config(database: &TestDatabase) -> Config {
    database.url().parse().expect("a database")
}

/// Returns true if the tests run on PostgreSQL.
pub(crate) fn on_postgres() -> bool {
    database::server().is_some()
}

pub(crate) async fn add_session(store: &Store, organization: &OrganizationId) -> SessionId {
    let session = Session::new(SessionId::new(1), organization.clone(), None, 1);
    let id = session.id;
    let added: Result<(), StoreError> =
        store.write(organization, move |unit| Box::pin(async move { unit.insert_session(&session).await })).await;
    added.expect("stored");
    id
}

/// A clock that always shows the same time.
struct FixedClock(i64);

impl Clock for FixedClock {
    fn now(&self) -> i64 {
        self.0
    }
}

impl Store {
    /// Returns the store with units of work that run at this time, in milliseconds.
    pub(crate) fn at(&self, now: i64) -> Self {
        Self { clock: Arc::new(FixedClock(now)), ..self.clone() }
    }
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
async fn changes_are_numbered_in_the_order_of_their_units() {
    let test = TestStore::open().await;
    let added = futures_util::future::join_all((0..50).map(|user| test.add_chat(user, 1_000))).await;
    let logged: Vec<_> = test.log().await.iter().map(|change| change.chat).collect();
    assert_eq!(logged, added.iter().map(|chat| chat.id).collect::<Vec<_>>());
}

#[tokio::test]
async fn stored_values_are_read_back_unchanged() {
    let test = TestStore::open().await;
    let chat = test.add_chat(1, 5).await;
    assert_eq!(test.store.chat(&test.organization, test.session, &chat.jid).await.expect("a read"), Some(chat));
}

#[tokio::test]
async fn another_organization_finds_nothing() {
    let test = TestStore::open().await;
    let chat = test.add_chat(1, 5).await;
    let message = test.add_message_and_action(&chat).await;
    let other: OrganizationId = "org_2".parse().expect("an id");
    let page = PageRequest { limit: 10, direction: Direction::Forward, cursor: None };
    let store = &test.store;
    assert!(store.sessions(&other, &page).await.expect("a page").items.is_empty());
    assert!(store.some_sessions(&other, 2).await.expect("a read").is_empty());
    assert!(store.messages_by_ids(&other, &[message]).await.expect("a read").is_empty());
    assert!(store.pending_actions(&other, test.session).await.expect("a read").is_empty());
    assert_eq!(store.oldest_change(&other).await.expect("a read"), None);
    assert_eq!(store.chat(&other, test.session, &chat.jid).await.expect("a read"), None);
    let lists = [None, Some(test.session)].map(|session| ChatList { session, ..ChatList::default() });
    let all = PageRequest { limit: 10, direction: Direction::Forward, cursor: None };
    let lists_of_all = lists.clone().map(|list| (list, all));
    for page in store.chat_pages(&other, &lists_of_all, ChatColumns::all(), 0).await.expect("pages").pages {
        assert!(page.items.is_empty());
    }
    assert_eq!(store.count_chats(&other, &lists, 0).await.expect("counts"), Some(vec![0, 0]));
    assert!(store.chat_views_by_ids(&other, &[chat.id], ChatColumns::all()).await.expect("a read").is_empty());
    let view = store.chat_view(&other, test.session, &chat.jid, ChatColumns::all()).await.expect("a read");
    assert_eq!(view, None);
    assert!(store.addresses(&other, &[chat.id]).await.expect("a read").is_empty());
    assert!(store.sessions_by_ids(&other, &[test.session]).await.expect("a read").is_empty());
    assert!(store.changes(&other, 0, 10).await.expect("a log").is_empty());
    assert!(store.messages(&other, &[(chat.id, page)]).await.expect("a page")[0].items.is_empty());
    assert_eq!(store.log_head(&other).await.expect("a head").number, 0);
}
