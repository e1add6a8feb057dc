//! Tests of opening the database.

use std::collections::{BTreeMap, HashSet};

use chatgraph_migration::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectionTrait as _, DbBackend, EntityTrait as _, Statement};

use super::*;
use crate::domain::setting::Versioned;

/// The number of rounds in a test of concurrent processes.
const ROUNDS: usize = 5;

#[tokio::test]
async fn commits_are_on_the_disk_and_readers_cannot_write() {
    let test = TestStore::open().await;
    let writers = connect::writers(&config(&test.database)).await.expect("a connection");
    let setting = async |name: &str| {
        let backend = writers.get_database_backend();
        let ask = if backend == DbBackend::Sqlite { "PRAGMA" } else { "SHOW" };
        let statement = Statement::from_string(backend, format!("{ask} {name}"));
        let row = writers.query_one_raw(statement).await.expect("an answer").expect("a row");
        row.try_get_by_index::<String>(0).or_else(|_| row.try_get_by_index::<i32>(0).map(|number| number.to_string()))
    };
    // Whether PostgreSQL itself waits for the disk (`fsync`) is a setting of the server, which no client can change.
    let expected: &[_] = if on_postgres() {
        &[("synchronous_commit", "on"), ("default_transaction_isolation", "read committed")]
    } else {
        &[("synchronous", "2"), ("journal_mode", "wal"), ("foreign_keys", "1")]
    };
    for (name, value) in expected {
        assert_eq!(setting(name).await.expect(name), *value, "{name}");
    }
    let refused = test.store.readers.execute_unprepared("DELETE FROM session").await;
    assert!(refused.is_err(), "a reader wrote");
}

#[tokio::test]
async fn a_second_server_is_kept_from_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Config::Sqlite(folder.path().join("chatgraph.db"));
    let held = DatabaseLock::take(&config).expect("free");
    assert!(matches!(DatabaseLock::take(&config), Err(OpenError::InUse(_))));
    drop(held);
    assert!(DatabaseLock::take(&config).is_ok());
}

#[tokio::test]
async fn several_processes_open_a_new_database_at_once() {
    for _ in 0..ROUNDS {
        let database = TestDatabase::new().await;
        let keys = new_master_key().parse().expect("a key");
        let opening = futures_util::future::join_all((0..4).map(|_| open(&database, &keys)));
        let incarnations: HashSet<_> = opening.await.iter().map(Store::incarnation).collect();
        assert_eq!(incarnations.len(), 1);
    }
}

#[tokio::test]
async fn chats_of_before_are_listed_as_those_that_are_stored_now() {
    let test = TestStore::open().await;
    let jids =
        ["15550101@s.whatsapp.net", "9000@lid", "1203@g.us", "1203@newsletter", "77@broadcast", "status@broadcast"];
    let names = [None, Some("Ünïted\nÉ ΟΔΟΣ"), Some("+15550101")];
    for (number, jid) in jids.iter().enumerate() {
        for (place, name) in names.iter().enumerate() {
            let session = add_session(&test.store, &test.organization).await;
            let mut chat = Chat::new(ChatId::new(1), session, jid.parse().expect("a JID"), 1);
            chat.names.push = name.map(str::to_owned);
            chat.settings.pinned = Versioned { value: number % 2 == 0, as_of: 40 + i64::try_from(place).expect("few") };
            let at = i64::try_from(number + place).expect("few");
            chat.last_message = (at % 3 > 0).then_some(LastMessage { id: None, at });
            let stored: Result<(), StoreError> = test
                .store
                .write(&test.organization, move |unit| Box::pin(async move { unit.insert_chat(&chat).await }))
                .await;
            stored.expect("stored");
        }
    }
    let writers = connect::writers(&config(&test.database)).await.expect("a connection");
    let read = async || {
        let rows = chatgraph_entity::chat::Entity::find().all(&writers).await.expect("chats");
        let listed = |row: chatgraph_entity::chat::Model| {
            (row.id, (row.kind, row.activity, (row.inbox_class, row.inbox_rank), row.searchable))
        };
        rows.into_iter().map(listed).collect::<BTreeMap<_, _>>()
    };
    let stored = read().await;
    let steps = Migrator::migrations();
    let since = steps.iter().position(|step| step.name() == "m0003_chat_lists").expect("the step");
    let back = u32::try_from(steps.len() - since).expect("few");
    Migrator::down(&writers, Some(back)).await.expect("down");
    Migrator::up(&writers, None).await.expect("up");
    drop(test.another().await);
    assert_eq!(read().await, stored);
    assert_eq!(stored.len(), jids.len() * names.len());
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_named_without_the_password() {
    let config: Config = "postgres://chatgraph:hunter2@127.0.0.1:1/chats".parse().expect("a database");
    let Err(failed) = Store::open(&config, Arc::new(SystemClock), &TaskTracker::new()).await else { panic!("opened") };
    assert_eq!(failed.to_string(), "cannot connect to PostgreSQL at 127.0.0.1:1/chats");
    assert!(!format!("{failed:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_script_is_refused() {
    if !on_postgres() {
        return;
    }
    let ascii = TestDatabase::with("ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'").await;
    let refused = Store::open(&config(&ascii), Arc::new(SystemClock), &TaskTracker::new()).await;
    assert!(matches!(refused, Err(OpenError::Encoding { encoding, .. }) if encoding == "SQL_ASCII"));
}
