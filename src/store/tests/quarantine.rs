//! Tests of the limits of the quarantine.

use sea_orm::ConnectionTrait as _;

use super::*;
use crate::domain::id::EventId;

/// An event of the store's session.
pub(crate) fn quarantined(test: &TestStore, received_at: i64, is_import: bool) -> QuarantinedEvent {
    QuarantinedEvent {
        id: EventId::new(received_at),
        organization: test.organization.clone(),
        session: test.session,
        kind: "message".into(),
        reason: "the database refused it".into(),
        attempts: 1,
        received_at,
        is_import,
        version: "0.1.0".into(),
        retry_at: None,
    }
}

#[tokio::test]
async fn a_full_quarantine_rejects_events_of_its_session_alone() {
    let test = TestStore::open().await;
    let (first, other) = (quarantined(&test, 5, false), add_session(&test.store, &test.organization).await);
    assert!(test.store.quarantine(&first, vec![1]).await.expect("kept"));
    // Inserts all but one of the others in one statement, for speed.
    let database = sea_orm::Database::connect(test.database.url()).await.expect("a connection");
    let id = if on_postgres() { "decode(md5(n::text), 'hex')" } else { "randomblob(16)" };
    let copies = format!(
        "INSERT INTO quarantined_event SELECT {id}, organization, session_id, kind, reason, attempts, received_at, \
         is_import, version, retry_at, payload FROM quarantined_event, (WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL \
         SELECT n + 1 FROM numbers WHERE n < {}) SELECT n FROM numbers) AS numbers",
        MAX_QUARANTINED - 2
    );
    database.execute_unprepared(&copies).await.expect("copies");

    assert!(test.store.quarantine(&quarantined(&test, 6, false), vec![1]).await.expect("kept"));
    let beyond = quarantined(&test, 7, false);
    assert!(!test.store.quarantine(&beyond, vec![1]).await.expect("an answer"), "one more than the limit");
    assert!(
        test.store.quarantine(&first, vec![1]).await.expect("an answer"),
        "an event that is stored already is accepted again"
    );
    let elsewhere = QuarantinedEvent { session: other, ..beyond };
    assert!(test.store.quarantine(&elsewhere, vec![1]).await.expect("kept"));
}
