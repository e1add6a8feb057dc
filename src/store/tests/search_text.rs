//! Tests of chats that were stored with an older version of the search folding.

use std::collections::BTreeMap;

use chatgraph_entity::{chat, search_fold};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, EntityTrait as _};

use super::*;
use crate::{domain::search, store::search_text};

/// More chats than two transactions fold.
const CHATS: usize = 1_001;

/// Chats whose names have accents, folded as by an older program.
async fn older() -> (TestStore, DatabaseConnection) {
    let test = TestStore::open().await;
    let session = test.session;
    let stored: Result<(), StoreError> = test
        .store
        .write(&test.organization, move |unit| {
            Box::pin(async move {
                for user in 0..CHATS {
                    let mut chat = chat(session, user, 1);
                    chat.names.contact = Some(format!("Ángel {user}"));
                    unit.insert_chat(&chat).await?;
                }
                Ok(())
            })
        })
        .await;
    stored.expect("stored");
    let writers = connect::writers(&config(&test.database)).await.expect("a connection");
    execute(&writers, "UPDATE chat SET searchable = 'ángel'").await;
    execute(&writers, "DELETE FROM search_fold").await;
    (test, writers)
}

async fn execute(writers: &DatabaseConnection, statement: &str) {
    writers.execute_unprepared(statement).await.expect("executed");
}

/// The number of chats by the first word of their searchable text.
async fn searchable(writers: &DatabaseConnection) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for chat in chat::Entity::find().all(writers).await.expect("chats") {
        let text = chat.searchable.split(' ').next().unwrap_or_default().to_owned();
        *counts.entry(text).or_default() += 1;
    }
    counts
}

async fn progress(writers: &DatabaseConnection) -> Option<search_fold::Model> {
    search_fold::Entity::find_by_id(1_i16).one(writers).await.expect("a read")
}

#[tokio::test]
async fn names_of_before_are_found_after_the_next_start() {
    let (test, writers) = older().await;
    assert_eq!(searchable(&writers).await, BTreeMap::from([("ángel".to_owned(), CHATS)]));
    drop(test.another().await);
    assert_eq!(searchable(&writers).await, BTreeMap::from([("angel".to_owned(), CHATS)]));
    let done = progress(&writers).await.expect("a row");
    assert_eq!((done.version, done.refolded_to), (search::FOLD_VERSION, None));
    assert_eq!(search_text::step(&writers).await.expect("a read"), None, "every start folds everything again");
}

#[tokio::test]
async fn an_interrupted_update_resumes() {
    let (test, writers) = older().await;
    assert_eq!(search_text::step(&writers).await.expect("a step"), Some(search_text::STEP));
    let step = usize::try_from(search_text::STEP).expect("few");
    assert!(CHATS > 2 * step);
    let counts = BTreeMap::from([("angel".to_owned(), step), ("ángel".to_owned(), CHATS - step)]);
    assert_eq!(searchable(&writers).await, counts);
    execute(&writers, "UPDATE chat SET searchable = 'done' WHERE searchable LIKE 'angel%'").await;
    drop(test.another().await);
    let counts = BTreeMap::from([("angel".to_owned(), CHATS - step), ("done".to_owned(), step)]);
    assert_eq!(searchable(&writers).await, counts);
}

#[tokio::test]
async fn another_version_is_folded_again_from_its_beginning() {
    let (test, writers) = older().await;
    drop(test.another().await);
    execute(&writers, "UPDATE chat SET searchable = 'ángel'").await;
    execute(&writers, "UPDATE search_fold SET version = version + 1").await;
    drop(test.another().await);
    assert_eq!(searchable(&writers).await, BTreeMap::from([("angel".to_owned(), CHATS)]));
}

#[tokio::test]
async fn a_chat_that_cannot_be_read_keeps_no_other_from_being_found() {
    let (test, writers) = older().await;
    execute(&writers, "UPDATE chat SET jid = 'nowhere' WHERE id = (SELECT id FROM chat ORDER BY id LIMIT 1)").await;
    drop(test.another().await);
    let counts = BTreeMap::from([("angel".to_owned(), CHATS - 1), ("ángel".to_owned(), 1)]);
    assert_eq!(searchable(&writers).await, counts);
}
