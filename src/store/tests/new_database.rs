//! PostgreSQL without statistics, as in a new database during its first import: no statement reads the rows of all
//! people again for each of the people that it asks for.

use sea_orm::{ConnectionTrait as _, QueryTrait as _, Statement};

use super::*;
use crate::{
    domain::jid::Jid,
    store::{connect::Transaction, message, peer},
};

const PEOPLE: u64 = 5_000;
const ASKED: u64 = 200;

#[tokio::test]
async fn statements_of_a_new_database_read_each_row_a_few_times() {
    // SQLite plans without statistics, too, but does not count the rows that it reads.
    if !on_postgres() {
        return;
    }
    let test = TestStore::open().await;
    let chats = fill(&test).await;
    let (session, organization) = (test.session, test.organization.clone());
    let read: Result<_, StoreError> = test
        .store
        .write(&test.organization, move |unit| {
            Box::pin(async move {
                let before = rows_read(unit.tx).await;
                let jids: Vec<_> = (0..ASKED).map(jid).collect();
                let known = peer::known_by(unit.tx, &organization, session, &jids).await?;
                assert_eq!(known.len() as u64, ASKED);
                let people = rows_read(unit.tx).await;
                // A message has the id of its chat here.
                let query = message::with_ids(&organization, &chats).into_query();
                assert_eq!(unit.tx.query_all(&query).await?.len(), chats.len());
                Ok([people - before, rows_read(unit.tx).await - people])
            })
        })
        .await;
    for rows in read.expect("read") {
        assert!(rows < 10 * PEOPLE, "{rows} rows for {ASKED} of {PEOPLE} people");
    }
}

fn jid(number: u64) -> Jid {
    format!("1555{number:07}@s.whatsapp.net").parse().expect("an address")
}

/// Rows that the transaction has read up to now.
async fn rows_read(tx: &Transaction) -> u64 {
    let sum =
        "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables";
    let row = tx.query_one_raw(Statement::from_string(tx.get_database_backend(), sum)).await.expect("an answer");
    u64::try_from(row.expect("a row").try_get_by_index::<i64>(0).expect("a number")).expect("a count")
}

/// People with a chat and a message each, without statistics. Returns the ids of some messages.
async fn fill(test: &TestStore) -> Vec<MessageId> {
    let writers = connect::writers(&config(&test.database)).await.expect("a connection");
    let (organization, session) = (&test.organization, format!("{:032x}", u128::from_be_bytes(test.session.bytes())));
    let numbers = format!("FROM generate_series(0, {PEOPLE} - 1) n");
    let (id, owned) = ("decode(md5(n::text), 'hex')", format!("'{organization}', '\\x{session}'::bytea"));
    let jid = "'1555' || lpad(n::text, 7, '0') || '@s.whatsapp.net'";
    for table in ["chat", "peer", "peer_address", "message"] {
        let quiet = format!("ALTER TABLE {table} SET (autovacuum_enabled = off)");
        writers.execute_unprepared(&quiet).await.expect("no statistics");
    }
    let inserts = [
        format!(
            "INSERT INTO chat (id, organization, session_id, jid, archived, archived_as_of, pinned, pinned_as_of, \
             muted_as_of, marked_unread, marked_as_of, unread_count, last_message_at, pending, created_at, kind, \
             activity, inbox_class, inbox_rank, searchable) \
             SELECT {id}, {owned}, {jid}, false, 0, false, 0, 0, false, 0, 0, n, 0, 0, 1, n, 2, n, '' {numbers}"
        ),
        format!(
            "INSERT INTO peer (id, organization, session_id, jid, chat_id) SELECT {id}, {owned}, {jid}, {id} {numbers}"
        ),
        format!(
            "INSERT INTO peer_address (organization, session_id, jid, from_at, peer_id) \
             SELECT {owned}, {jid}, 0, {id} {numbers}"
        ),
        format!(
            "INSERT INTO message (id, organization, session_id, chat_id, wa_id, sender_id, named_by, from_me, kind, at, \
             edited, edited_as_of, revoked, arrival) \
             SELECT {id}, {owned}, {id}, n::text, {id}, 0, false, 0, n, false, 0, false, n {numbers}"
        ),
    ];
    for insert in inserts {
        writers.execute_unprepared(&insert).await.expect("stored");
    }
    let some = "SELECT id FROM message WHERE at < 48";
    let rows = writers.query_all_raw(Statement::from_string(writers.get_database_backend(), some)).await.expect("rows");
    let id = |bytes: Vec<u8>| MessageId::from_bytes(&bytes).expect("an id");
    rows.iter().map(|row| id(row.try_get_by_index(0).expect("an id"))).collect()
}
