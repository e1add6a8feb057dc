//! The rules of `chatgraph check`: a healthy database follows them, and each one detects a damaged row.

use sea_orm::ConnectionTrait as _;

use super::*;
use crate::store::integrity_check::{RULES, broken_rules};

const TOMBSTONE: &str = "INSERT INTO tombstone (chat_id, organization, session_id, jid, archived, archived_as_of, pinned, \
    pinned_as_of, muted_as_of, marked_unread, marked_as_of, unread_count, deleted_at) \
    SELECT id, organization, session_id, jid, archived, 0, pinned, 0, 0, marked_unread, 0, 0, 1 FROM chat";

/// Damage for each rule, in their order.
fn damage() -> [String; RULES.len()] {
    [
        "UPDATE organization SET last_change = 1".into(),
        "DELETE FROM \"change\" WHERE number = 2".into(),
        "UPDATE chat SET revision = -1".into(),
        "UPDATE chat SET last_message_id = id".into(),
        "UPDATE chat SET organization = 'org_9'".into(),
        "UPDATE message SET session_id = chat_id".into(),
        "UPDATE message SET sender_id = chat_id".into(),
        "UPDATE message SET from_me = NOT from_me".into(),
        "INSERT INTO peer_address (session_id, jid, from_at, until_at, organization, peer_id) \
         SELECT session_id, jid, 5, 10, organization, peer_id FROM peer_address WHERE from_at = 0"
            .into(),
        "UPDATE peer_address SET organization = 'org_9'".into(),
        "UPDATE peer SET organization = 'org_9'".into(),
        "UPDATE peer SET chat_id = id WHERE chat_id IS NOT NULL".into(),
        "UPDATE peer SET chat_id = NULL".into(),
        format!("{TOMBSTONE}; UPDATE peer SET chat_id = NULL"),
        TOMBSTONE.into(),
    ]
}

#[tokio::test]
async fn each_rule_detects_damage_and_a_healthy_database_passes() {
    for ((rule, _), damage) in RULES.into_iter().zip(damage()) {
        let test = TestStore::open().await;
        let chats = [test.add_chat(1, 5).await, test.add_chat(2, 5).await, test.add_chat(3, 5).await];
        test.add_message_and_action(&chats[0]).await;
        let database = connect::writers(&config(&test.database)).await.expect("a connection");
        assert_eq!(broken_rules(&database).await.expect("checked"), Vec::<String>::new());

        // Both databases would refuse some of it.
        let unchecked = if on_postgres() {
            "SET LOCAL session_replication_role = replica; "
        } else {
            "PRAGMA foreign_keys = OFF; "
        };
        database.execute_unprepared(&format!("{unchecked}{damage}")).await.expect("damaged");
        let broken = broken_rules(&database).await.expect("checked");
        assert!(broken.iter().any(|problem| problem.starts_with(&format!("{rule}: "))), "{damage}: {broken:?}");
    }
}

#[tokio::test]
async fn a_session_that_is_being_purged_breaks_no_rule() {
    let test = TestStore::open().await;
    let chats = [test.add_chat(1, 5).await, test.add_chat(2, 5).await];
    test.add_message_and_action(&chats[0]).await;
    let session = test.session;
    let removed: Result<(), StoreError> = test
        .store
        .write(&test.organization, move |unit| {
            Box::pin(async move {
                let mut found = unit.session_for_update(session).await?.expect("a session");
                found.removed = true;
                unit.save_session(&found).await?;
                unit.soft_delete_chat(&chats[0]).await
            })
        })
        .await;
    removed.expect("removed");
    let database = connect::writers(&config(&test.database)).await.expect("a connection");
    assert_eq!(broken_rules(&database).await.expect("checked"), Vec::<String>::new());
    let session = test.session;
    let removed: Result<(), StoreError> = test
        .store
        .write(&test.organization, move |unit| {
            Box::pin(async move {
                for chat in unit.some_chats_for_update(session, 10).await? {
                    unit.soft_delete_chat(&chat).await?;
                }
                unit.soft_delete_session(session).await
            })
        })
        .await;
    removed.expect("removed");
    assert_eq!(broken_rules(&database).await.expect("checked"), Vec::<String>::new());
}
