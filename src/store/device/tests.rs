//! The rows of a session's memory. What the memory has to do is asked in `session/whatsapp/backend/tests.rs`.

use sea_orm::ConnectionTrait as _;
use sea_orm::DbBackend;
use sea_orm::PaginatorTrait as _;
use sea_orm::QueryTrait as _;
use sea_orm::Statement;

use super::*;
use crate::store::tests::TestStore;
use crate::store::tests::add_session;

/// Puts a row in each table.
async fn fill(state: &DeviceState) {
    let record = |kind| Record { kind, key: b"key".to_vec(), value: b"value".to_vec(), at: None };
    state.put_records(vec![record(Kind::Device), record(Kind::Session)]).await.unwrap();
    state.put_sender_key_devices("group", vec![("device".into(), true)]).await.unwrap();
    let (lid, phone, source) = ("100".into(), "15550100001".into(), "usync".into());
    state.put_lid_mappings(vec![LidMapping { lid, phone, created_at: 1, updated_at: 1, source }]).await.unwrap();
    state.touch_token("100@lid", 1).await.unwrap();
    let (key, secret) = (b"key".to_vec(), vec![1; 32]);
    state.put_secrets(vec![Secret { key, secret, expires_at: 0, message_at: 0 }]).await.unwrap();
}

/// Counts the rows of each table.
async fn rows(state: &DeviceState) -> [u64; 5] {
    let (readers, session) = (&state.store.readers, state.session.as_slice());
    [
        device_record::Entity::find().filter(device_record::Column::SessionId.eq(session)).count(readers).await,
        device_sender_key::Entity::find().filter(device_sender_key::Column::SessionId.eq(session)).count(readers).await,
        device_lid::Entity::find().filter(device_lid::Column::SessionId.eq(session)).count(readers).await,
        device_token::Entity::find().filter(device_token::Column::SessionId.eq(session)).count(readers).await,
        device_secret::Entity::find().filter(device_secret::Column::SessionId.eq(session)).count(readers).await,
    ]
    .map(Result::unwrap)
}

async fn two_sessions() -> (TestStore, DeviceState, DeviceState) {
    let test = TestStore::open().await;
    let other = add_session(&test.store, &test.organization).await;
    let of = |session| test.store.device_state(&test.organization, session);
    let (mine, theirs) = (of(test.session), of(other));
    fill(&mine).await;
    fill(&theirs).await;
    assert_eq!(rows(&mine).await, [2, 1, 1, 1, 1]);
    (test, mine, theirs)
}

#[tokio::test]
async fn forgetting_takes_all_rows_of_the_session_alone() {
    let (_test, mine, theirs) = two_sessions().await;
    mine.forget().await.unwrap();
    assert_eq!(rows(&mine).await, [0; 5]);
    assert_eq!(rows(&theirs).await, [2, 1, 1, 1, 1]);
}

#[tokio::test]
async fn deleting_the_session_takes_its_rows_along() {
    let (test, mine, theirs) = two_sessions().await;
    let session = mine.session.clone();
    mine.write(|unit| {
        Box::pin(async move {
            let gone = chatgraph_entity::session::Entity::delete_by_id(session);
            gone.exec(unit.tx).await?;
            Ok(())
        })
    })
    .await
    .unwrap();
    assert_eq!(rows(&mine).await, [0; 5]);
    assert_eq!(rows(&theirs).await, [2, 1, 1, 1, 1]);
    drop(test);
}

#[tokio::test]
async fn an_unknown_session_has_no_memory() {
    let test = TestStore::open().await;
    let state = test.store.device_state(&test.organization, SessionId::new(2));
    assert!(state.touch_token("100@lid", 1).await.is_err());
}

#[tokio::test]
async fn a_closed_handle_reads_but_does_not_write() {
    let (test, mine, _) = two_sessions().await;
    let copy = mine.clone();
    mine.close();
    assert!(matches!(copy.forget().await, Err(StoreError::Closed)));
    assert_eq!(rows(&copy).await, [2, 1, 1, 1, 1]);
    test.store.device_state(&test.organization, test.session).forget().await.unwrap();
    assert_eq!(rows(&copy).await, [0; 5]);
}

#[tokio::test]
async fn keys_are_found_by_how_they_begin() {
    let test = TestStore::open().await;
    let state = test.store.device_state(&test.organization, test.session);
    let keys =
        [vec![1, 254], vec![1, 255], vec![1, 255, 0], vec![1, 255, 255, 255], vec![2], vec![255], vec![255, 255]];
    let record = |key: &Vec<u8>| Record { kind: Kind::Session, key: key.clone(), value: Vec::new(), at: None };
    for (prefix, left) in [
        (vec![1, 255], vec![vec![1, 254], vec![2], vec![255], vec![255, 255]]),
        (vec![255, 255], keys[..6].to_vec()),
        (vec![255], keys[..5].to_vec()),
        (vec![], vec![]),
    ] {
        state.put_records(keys.iter().map(record).collect()).await.unwrap();
        assert!(state.has_record_under(Kind::Session, &prefix).await.unwrap());
        assert!(!state.has_record_under(Kind::Identity, &prefix).await.unwrap());
        state.remove_records_under(Kind::Session, &prefix).await.unwrap();
        assert!(!state.has_record_under(Kind::Session, &prefix).await.unwrap());
        let all = state.all_records(Kind::Session).await.unwrap();
        assert_eq!(all.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), left, "{prefix:?}");
    }
}

#[tokio::test]
async fn every_query_has_its_index() {
    let test = TestStore::open().await;
    let state = test.store.device_state(&test.organization, test.session);
    let session = test.session.to_bytes();
    let plan = async |statement: Statement| {
        let explained = Statement { sql: format!("EXPLAIN QUERY PLAN {}", statement.sql), ..statement };
        let rows = state.store.readers.query_all_raw(explained).await.unwrap();
        rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap()).collect::<Vec<_>>().join("; ")
    };
    let records = |condition| device_record::Entity::find().filter(state.records_of(Kind::Session)).filter(condition);
    for (what, statement, index) in [
        ("one", records(device_record::Column::Key.eq(session.as_slice())), "kind=? AND key=?"),
        ("some", records(device_record::Column::Key.is_in([session.as_slice()])), "kind=? AND key=?"),
        ("under", records(record::under(b"a").into()), "kind=? AND key>? AND key<?"),
        ("old", records(device_record::Column::At.lt(1)), "device_record_by_age (session_id=? AND kind=? AND at<?"),
    ]
    .map(|(what, query, index)| (what, query.build(DbBackend::Sqlite), index))
    {
        let plan = plan(statement).await;
        assert!(plan.contains("SEARCH") && plan.contains(index) && !plan.contains("TEMP"), "{what}: {plan}");
    }
    let lids = device_lid::Entity::find()
        .filter(device_lid::Column::SessionId.eq(session.as_slice()))
        .filter(device_lid::Column::Phone.eq("15550100001"));
    let lids = sea_orm::QueryOrder::order_by_desc(lids, device_lid::Column::UpdatedAt);
    let devices = device_sender_key::Entity::find()
        .filter(device_sender_key::Column::SessionId.eq(session.as_slice()))
        .filter(device_sender_key::Column::DeviceJid.is_in(["device"]));
    let secrets = device_secret::Entity::find()
        .filter(device_secret::Column::SessionId.eq(session.as_slice()))
        .filter(device_secret::Column::ExpiresAt.gt(0))
        .filter(device_secret::Column::ExpiresAt.lte(9));
    for (statement, index) in [
        (lids.build(DbBackend::Sqlite), "device_lid_by_phone (session_id=? AND phone=?)"),
        (devices.build(DbBackend::Sqlite), "device_sender_key_by_device (session_id=? AND device_jid=?)"),
        (secrets.build(DbBackend::Sqlite), "device_secret_by_age (session_id=? AND expires_at>? AND expires_at<?)"),
    ] {
        let plan = plan(statement).await;
        assert!(plan.contains(index) && !plan.contains("TEMP"), "{plan}");
    }
}
