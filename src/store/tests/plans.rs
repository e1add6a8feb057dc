//! How the database goes about the shipped lists: along an index, whose order is the list's, from the cursor on.

use sea_orm::ConnectionTrait as _;
use sea_orm::DbBackend;
use sea_orm::EntityTrait;
use sea_orm::IntoActiveModel as _;
use sea_orm::QueryTrait as _;
use sea_orm::Select;
use sea_orm::Statement;

use super::*;
use crate::domain::jid::Jid;
use crate::domain::message::IncomingMessage;
use crate::domain::message::MessageKind;
use crate::store::chat;
use crate::store::message;
use crate::store::session;

#[tokio::test]
async fn every_list_follows_its_index() {
    let test = TestStore::open().await;
    let (organization, busy) = fill(&test).await;
    for direction in [Direction::Forward, Direction::Backward] {
        let key = TimeKey { at: 700, id: busy.id.to_bytes().try_into().expect("16 bytes") };
        for cursor in [None, Some(key)] {
            let (page, continued) = (PageRequest { limit: 50, direction, cursor }, cursor.is_some());
            let recent = chat::recent(&organization, None, &page);
            follows(&test, recent, "chat_recent_in_organization", continued).await;
            let recent = chat::recent(&organization, Some(busy.session), &page);
            follows(&test, recent, "chat_recent_in_session", continued).await;
            let recent = message::recent(&organization, busy.id, &page);
            follows(&test, recent, "message_recent", continued).await;
            let recent = session::recent(&organization, &page);
            follows(&test, recent, "session_by_organization", continued).await;
        }
    }
    let index = if on_postgres() { "change_pkey" } else { "sqlite_autoindex_change_1" };
    follows(&test, change::following(&organization, 700, 200), index, true).await;
}

/// Fails when the query sorts, reads the table, or reads what lies before the cursor.
async fn follows<E: EntityTrait>(test: &TestStore, query: Select<E>, index: &str, continued: bool) {
    let connection = &test.store.readers;
    let backend = connection.get_database_backend();
    let query = query.build(backend);
    let (explain, column) = if backend == DbBackend::Sqlite { ("EXPLAIN QUERY PLAN", 3) } else { ("EXPLAIN", 0) };
    let explained = match query.values {
        Some(values) => Statement::from_sql_and_values(backend, format!("{explain} {}", query.sql), values),
        None => Statement::from_string(backend, format!("{explain} {}", query.sql)),
    };
    let rows = connection.query_all_raw(explained).await.expect("a plan");
    let lines: Vec<String> = rows.iter().map(|row| row.try_get_by_index(column).expect("text")).collect();
    let plan = lines.join("\n");
    let told = format!("{}\n{plan}", query.sql);
    assert!(plan.contains(index), "not along {index}: {told}");
    assert!(!plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "sorted: {told}");
    assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN"), "the whole table: {told}");
    let searched = lines.iter().find(|line| line.contains(if on_postgres() { "Index Cond" } else { "SEARCH" }));
    let searched = searched.map(|line| line.replace(' ', "")).unwrap_or_default();
    let from_cursor = ["id)<", "id)>", "number>"].iter().any(|place| searched.contains(place));
    assert_eq!(from_cursor, continued, "not from the cursor on: {told}");
}

/// Two organizations with sessions, chats, messages and changes; tells the one, and a chat with messages of it.
async fn fill(test: &TestStore) -> (OrganizationId, Chat) {
    let mut found = None;
    for (place, name) in (1..).step_by(3).zip(["org_2", "org_3"]) {
        let organization: OrganizationId = name.parse().expect("an id");
        for number in [place, place + 1, place + 2] {
            let session = add_session(&test.store, &organization).await;
            let chats: Vec<_> =
                (0..1_500).map(|user| super::chat(session, user, 500 + i64::try_from(user).expect("small"))).collect();
            let (whose, busy) = (organization.clone(), chats[0].clone());
            let stored: Result<(), StoreError> = test
                .store
                .write(&organization, move |unit| {
                    Box::pin(async move {
                        for part in chats.chunks(500) {
                            let rows = part.iter().map(|chat| chat::to_row(&whose, chat).into_active_model());
                            chatgraph_entity::chat::Entity::insert_many(rows).exec_without_returning(unit.tx).await?;
                            for chat in part {
                                unit.record(&whose, chat.created(1, Origin::Import));
                            }
                        }
                        for (now, chat) in (number * 10..).zip(&chats[..2]) {
                            let messages: Vec<_> = (0..1_500).map(|number| message_to(&chat.jid, number)).collect();
                            unit.insert_messages(&whose, session, chat.id, &messages, now).await?;
                        }
                        Ok(())
                    })
                })
                .await;
            stored.expect("stored");
            found = Some((organization.clone(), busy));
        }
        futures_util::future::join_all((0..500).map(|_| add_session(&test.store, &organization))).await;
    }
    // PostgreSQL counts its rows by itself from time to time, SQLite when it is told to, and nobody does.
    if on_postgres() {
        let writers = connect::writers(&config(&test.database)).await.expect("a connection");
        writers.execute_unprepared("ANALYZE").await.expect("analyzed");
    }
    found.expect("two organizations")
}

fn message_to(chat: &Jid, number: i64) -> IncomingMessage {
    IncomingMessage {
        chat: chat.clone(),
        wa_id: format!("WA{number}"),
        sender: chat.clone(),
        sender_name: None,
        from_me: false,
        kind: MessageKind::Text,
        text: Some("Hello".into()),
        at: number,
    }
}
