//! Query plans of the standard lists: each follows an index in the list's order, from the cursor on.

use std::time::Instant;

use sea_orm::{ConnectionTrait as _, DbBackend, EntityTrait, IntoActiveModel as _, QueryTrait as _, Select, Statement};

use super::*;
use crate::{
    domain::{
        chat_list::{ChatFilter, ChatKey, ChatOrder},
        chat_view::ChatColumns,
        cursor::TimeKey,
        jid::Jid,
        message::{IncomingMessage, MessageKind},
    },
    store::{chat, chat_view, message, mute_expiry, retention, session, tombstone},
};

const MANY: usize = 200_000;

#[tokio::test]
async fn every_list_follows_its_index() {
    let test = TestStore::open().await;
    let (organization, busy) = fill(&test).await;
    let many = add_many(&test, &organization).await;
    let backend = test.store.readers.get_database_backend();
    for direction in [Direction::Forward, Direction::Backward] {
        let key = TimeKey { at: 700, id: busy.id.bytes() };
        for cursor in [None, Some(key)] {
            let (page, continued) = (PageRequest { limit: 50, direction, cursor }, cursor.is_some());
            let messages = message::listed(backend, &organization, busy.id);
            let sessions = session::listed(backend, &organization);
            follows(&test, messages.page(&page), "message_recent", continued).await;
            follows(&test, sessions.page(&page), "session_by_organization", continued).await;
            if let (Some(message), Some(session)) = (messages.next_row(&page), sessions.next_row(&page)) {
                follows(&test, message, "message_recent", true).await;
                follows(&test, session, "session_by_organization", true).await;
            }
        }
        // By activity, PostgreSQL may use an organization's index for the session that has nearly all its chats.
        for (session, scope) in [(None, "_in_organization"), (Some(busy.session), "_in_session"), (Some(many), "_in_")]
        {
            for (filter, order, index) in shipped() {
                let scope = if session.is_some() && index == "chat_inbox" { "_in_session" } else { scope };
                let key = ChatKey { class: 2, rank: i64::try_from(MANY / 2).expect("small"), id: [7; 16] };
                for cursor in [None, Some(key)] {
                    let (list, index) =
                        (ChatList { session, filter: filter.clone(), order }, format!("{index}{scope}"));
                    let (page, searches) =
                        ([(list, PageRequest { limit: 50, direction, cursor })], 1 + usize::from(cursor.is_some()));
                    for statement in chat_view::page_statements(backend, &organization, &page, ChatColumns::all(), 0) {
                        is_along(&test, statement, &index, &vec![true; searches]).await;
                    }
                }
            }
        }
    }
    looks_up(&test, &organization, &busy).await;
    let place = TimeKey { at: 1_400, id: busy.id.bytes() };
    follows(&test, retention::beyond(busy.id, 500), "message_recent", false).await;
    // PostgreSQL reads and sorts a chat with so few pages, which costs less than following an index.
    if !on_postgres() {
        follows(&test, retention::oldest(busy.id, place), "message_recent", true).await;
    }
    let index = if on_postgres() { "change_pkey" } else { "sqlite_autoindex_change_1" };
    follows(&test, change_log::following(&organization, 700, 200), index, true).await;
    measure(&test, &organization, [busy.session, many]).await;
}

/// Lookups by address or id use an index, however many rows the organization has.
async fn looks_up(test: &TestStore, organization: &OrganizationId, chat: &Chat) {
    let by_id =
        |table: &str| if on_postgres() { format!("{table}_pkey") } else { format!("sqlite_autoindex_{table}_1") };
    follows(test, mute_expiry::next(100), "chat_mute_ends", false).await;
    follows(test, chat::pinned(organization, chat.session), "chat_pinned_in_", false).await;
    let (chats, sessions) = (vec![chat.id.to_bytes(); 40], vec![chat.session; 40]);
    follows(test, chat::found_by(organization, chat.session, &chat.jid), &by_id("chat"), false).await;
    follows(test, chat::with_ids(organization, chats), &by_id("chat"), false).await;
    // PostgreSQL correctly prefers a sequential scan for a few thousand sessions or an empty table.
    if !on_postgres() {
        follows(test, tombstone::pinned(organization, chat.session), "tombstone_pinned", false).await;
        follows(test, session::with_ids(organization, &sessions), &by_id("session"), false).await;
    }
}

/// The orders and filters that have an index.
fn shipped() -> Vec<(ChatFilter, ChatOrder, &'static str)> {
    let all = ChatFilter::default;
    let (pinned, unread) = (ChatFilter { pinned: Some(true), ..all() }, ChatFilter { unread: Some(true), ..all() });
    vec![
        (all(), ChatOrder::Recent, "chat_by_activity"),
        (ChatFilter { include_empty: true, ..all() }, ChatOrder::Recent, "chat_by_activity"),
        (ChatFilter { active_after: Some(9), active_before: Some(99), ..all() }, ChatOrder::Recent, "chat_by_activity"),
        (all(), ChatOrder::Inbox, "chat_inbox"),
        (ChatFilter { include_empty: true, ..all() }, ChatOrder::Inbox, "chat_inbox"),
        (pinned.clone(), ChatOrder::Recent, "chat_pinned"),
        (pinned, ChatOrder::Inbox, "chat_inbox"),
        (ChatFilter { pinned: Some(false), ..all() }, ChatOrder::Inbox, "chat_by_activity"),
        (unread, ChatOrder::Recent, "chat_unread"),
        (ChatFilter { archived: Some(true), ..all() }, ChatOrder::Recent, "chat_archived"),
    ]
}

/// Prints the cost of a page among few chats and among many.
async fn measure(test: &TestStore, organization: &OrganizationId, sessions: [SessionId; 2]) {
    for (filter, order, index) in shipped() {
        let mut took = vec![];
        for session in sessions {
            let list = ChatList { session: Some(session), filter: filter.clone(), order };
            let page = [(list, PageRequest { limit: 50, direction: Direction::Forward, cursor: None })];
            let began = Instant::now();
            for _ in 0..20 {
                test.store.chat_pages(organization, &page, ChatColumns::all(), 0).await.expect("a page");
            }
            took.push(began.elapsed() / 20);
        }
        println!("{index} {order:?}: a page of 50 took {:?} among 1,500 chats and {:?} among {MANY}", took[0], took[1]);
    }
}

/// One session with very many chats; one of a hundred is pinned, one archived, and one of a thousand unread. With very
/// few pinned chats the result would depend on PostgreSQL's sample for its statistics.
async fn add_many(test: &TestStore, organization: &OrganizationId) -> SessionId {
    let session = add_session(&test.store, organization).await;
    let writers = connect::writers(&config(&test.database)).await.expect("a connection");
    let (id, hex) = if on_postgres() { ("decode(md5(n::text), 'hex')", "'\\x") } else { ("randomblob(16)", "x'") };
    let session_id = format!("{:032x}", u128::from_be_bytes(session.bytes()));
    let insert = format!(
        "INSERT INTO chat (id, organization, session_id, jid, subject, archived, archived_as_of, pinned, pinned_as_of, \
         muted_as_of, marked_unread, marked_as_of, unread_count, last_message_at, pending, created_at, kind, activity, \
         inbox_class, inbox_rank, searchable) WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
         WHERE n < {MANY}) SELECT {id}, '{organization}', {hex}{session_id}', n || '@g.us', 'Group ' || n, n % 100 = 0, 0, \
         n % 100 = 1, 0, 0, n % 1000 = 0, 0, 0, n, 0, 0, 2, n, CASE WHEN n % 100 = 1 THEN 3 ELSE 2 END, n, '' FROM numbers"
    );
    // PostgreSQL checks the foreign keys of each row, which takes half of the time here.
    let unchecked = if on_postgres() { "SET LOCAL session_replication_role = replica; " } else { "" };
    writers.execute_unprepared(&format!("{unchecked}{insert}")).await.expect("many chats");
    // A peer has the id of its chat here.
    let peers = [
        "INSERT INTO peer (id, organization, session_id, jid, chat_id) \
         SELECT id, organization, session_id, jid, id FROM chat \
         WHERE id NOT IN (SELECT chat_id FROM peer WHERE chat_id IS NOT NULL)",
        "INSERT INTO peer_address (session_id, jid, from_at, organization, peer_id) \
         SELECT session_id, jid, 0, organization, id FROM peer \
         WHERE NOT EXISTS (SELECT 1 FROM peer_address WHERE peer_address.session_id = peer.session_id \
           AND peer_address.jid = peer.jid)",
    ];
    for statement in peers {
        writers.execute_unprepared(statement).await.expect("their addresses");
    }
    // PostgreSQL updates its statistics automatically from time to time. SQLite does so only on request, and chatgraph
    // never requests it.
    if on_postgres() {
        writers.execute_unprepared("ANALYZE").await.expect("analyzed");
    }
    session
}

/// Deleting a row makes the database look up the rows that refer to it.
#[tokio::test]
async fn references_to_a_deleted_row_are_found_along_an_index() {
    // PostgreSQL does not plan these lookups before it executes them.
    if on_postgres() {
        return;
    }
    let test = TestStore::open().await;
    let ask = async |query: &str| {
        let query = Statement::from_string(DbBackend::Sqlite, query);
        test.store.readers.query_all_raw(query).await.expect("an answer")
    };
    let references = "SELECT m.name, f.\"from\" FROM sqlite_master m, pragma_foreign_key_list(m.name) f \
        WHERE m.type = 'table' AND f.\"table\" <> 'organization'";
    let mut plans = Vec::new();
    for row in ask(references).await {
        let [table, column] = [0, 1].map(|column| row.try_get_by_index::<String>(column).expect("text"));
        let plan = format!("EXPLAIN QUERY PLAN SELECT 1 FROM \"{table}\" WHERE \"{column}\" = x'00'");
        let plan: String = ask(&plan).await[0].try_get_by_index(3).expect("text");
        assert!(plan.starts_with("SEARCH"), "{plan}");
        plans.push(plan);
    }
    let indexes = [
        "chat_inbox_in_session",
        "message_recent",
        "peer_address_by_peer",
        "pending_action_by_chat",
        "tombstone_by_session",
    ];
    for index in indexes {
        assert!(plans.iter().any(|plan| plan.contains(index)), "{index}: {plans:#?}");
    }
}

/// Fails if the query sorts, reads the table, or reads rows before the cursor.
async fn follows<E: EntityTrait>(test: &TestStore, query: Select<E>, index: &str, continued: bool) {
    is_along(test, query.build(test.store.readers.get_database_backend()), index, &[continued]).await;
}

/// Fails if the statement sorts, reads a table, or does not search the index once for each of `continued`: from the
/// cursor on, or not.
async fn is_along(test: &TestStore, query: Statement, index: &str, continued: &[bool]) {
    let connection = &test.store.readers;
    let backend = connection.get_database_backend();
    let (explain, column) = if backend == DbBackend::Sqlite { ("EXPLAIN QUERY PLAN", 3) } else { ("EXPLAIN", 0) };
    let explained = match query.values {
        Some(values) => Statement::from_sql_and_values(backend, format!("{explain} {}", query.sql), values),
        None => Statement::from_string(backend, format!("{explain} {}", query.sql)),
    };
    let rows = connection.query_all_raw(explained).await.expect("a plan");
    let lines: Vec<String> = rows.iter().map(|row| row.try_get_by_index(column).expect("text")).collect();
    let plan = lines.join("\n");
    let told = format!("{}\n{plan}", query.sql);
    assert!(!plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "sorted: {told}");
    let scans = lines.iter().filter(|line| line.contains("Seq Scan") || line.contains("SCAN"));
    let scans: Vec<_> = scans.filter(|line| !NO_TABLE.iter().any(|harmless| line.contains(harmless))).collect();
    assert!(scans.is_empty(), "the whole table: {told}");
    // PostgreSQL has the conditions of an index in one of the next lines, SQLite in the same.
    let searches = lines.iter().enumerate().filter(|(_, line)| line.contains(index)).map(|(number, _)| {
        let conditions = lines[number..].iter().find(|line| !on_postgres() || line.contains("Index Cond"));
        let conditions = conditions.map(|line| line.replace(' ', "")).unwrap_or_default();
        ["id)<", "id)>", "number>"].iter().any(|place| conditions.contains(place))
    });
    assert_eq!(searches.collect::<Vec<_>>(), continued, "searches along {index} that start at the cursor: {told}");
}

/// Lines of plans that read a constant, the rows of another line, or the few organizations.
const NO_TABLE: [&str; 4] = ["SCAN CONSTANT ROW", "SCAN page", "SCAN chats", "Seq Scan on organization"];

/// Two organizations with sessions, chats, messages and changes. Returns one organization, and a chat of it with
/// messages.
async fn fill(test: &TestStore) -> (OrganizationId, Chat) {
    let mut found = None;
    for name in ["org_2", "org_3"] {
        let organization: OrganizationId = name.parse().expect("an id");
        for _ in 0..3 {
            let session = add_session(&test.store, &organization).await;
            let chats: Vec<_> =
                (0..1_500).map(|user| super::chat(session, user, 500 + i64::try_from(user).expect("small"))).collect();
            let (whose, busy) = (organization.clone(), chats[0].clone());
            let stored: Result<(), StoreError> = test
                .store
                .write(&organization, move |unit| {
                    Box::pin(async move {
                        for part in chats.chunks(500) {
                            let mut part = part.to_vec();
                            let created: Vec<_> = part.iter_mut().map(|chat| chat.created(1, Origin::Import)).collect();
                            let rows = part.iter().map(|chat| chat::to_row(&whose, chat).into_active_model());
                            chatgraph_entity::chat::Entity::insert_many(rows).exec_without_returning(unit.tx).await?;
                            for change in created {
                                unit.record(change);
                            }
                        }
                        for chat in &chats[..2] {
                            let messages: Vec<_> = (0..1_500).map(|number| message_to(&chat.jid, number)).collect();
                            unit.insert_messages(session, chat.id, &messages, 0).await?;
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
