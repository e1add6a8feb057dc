//! Tests of the device rows. The behaviour of the backend is tested in `session/whatsapp/backend/tests.rs`.

use chatgraph_entity::{device_lid, device_secret, device_sender_key, device_token, session};
use sea_orm::{
    ConnectionTrait as _, DatabaseTransaction, ExprTrait as _, IntoActiveModel, IsolationLevel, PaginatorTrait as _,
    QueryOrder as _, QuerySelect as _, QueryTrait as _, Select, Statement, TransactionTrait as _, sea_query::Expr,
};

use super::*;
use crate::store::tests::{TestStore, add_session, on_postgres};

/// Writes a row to each table.
async fn fill(state: &DeviceState) {
    let record = |kind| Record { kind, key: b"key".to_vec(), value: b"value".to_vec(), at: None };
    state.put_records(vec![record(RecordKind::Device), record(RecordKind::Session)]).await.unwrap();
    state.put_sender_key_devices("group", vec![("device".into(), true)]).await.unwrap();
    let (lid, phone, source) = ("100".into(), "15550100001".into(), "usync".into());
    state.put_lid_mappings(vec![LidMapping { lid, phone, created_at: 1, updated_at: 1, source }]).await.unwrap();
    state.touch_token("100@lid", 1).await.unwrap();
    let (key, secret) = (b"key".to_vec(), vec![1; 32]);
    state.put_secrets(vec![Secret { key, secret, expires_at: 0, message_at: 0 }]).await.unwrap();
}

/// Counts the rows of each table.
async fn rows(state: &DeviceState) -> [u64; 5] {
    let (readers, session) = (&state.store.readers, state.session.to_bytes());
    [
        device_record::Entity::find()
            .filter(device_record::Column::SessionId.eq(session.as_slice()))
            .count(readers)
            .await,
        device_sender_key::Entity::find()
            .filter(device_sender_key::Column::SessionId.eq(session.as_slice()))
            .count(readers)
            .await,
        device_lid::Entity::find().filter(device_lid::Column::SessionId.eq(session.as_slice())).count(readers).await,
        device_token::Entity::find()
            .filter(device_token::Column::SessionId.eq(session.as_slice()))
            .count(readers)
            .await,
        device_secret::Entity::find()
            .filter(device_secret::Column::SessionId.eq(session.as_slice()))
            .count(readers)
            .await,
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
    mine.clear_rest().await.unwrap();
    assert_eq!(rows(&mine).await, [0; 5]);
    assert_eq!(rows(&theirs).await, [2, 1, 1, 1, 1]);
}

#[tokio::test]
async fn the_rest_of_a_deleted_device_is_purged_in_batches() {
    let (test, mine, theirs) = two_sessions().await;
    mine.put_secrets((0..10).map(secret).collect()).await.unwrap();
    let device = Record { kind: RecordKind::Device, key: Vec::new(), value: vec![1], at: None };
    mine.put_records(vec![device.clone()]).await.unwrap();
    theirs.put_records(vec![device]).await.unwrap();
    mine.clear_rest().await.unwrap();
    assert!(test.store.half_deleted_devices().await.unwrap().is_empty());
    assert_eq!(rows(&mine).await.iter().sum::<u64>(), 17, "nothing is deleted while the device exists");

    // The process ends after the first transaction.
    mine.remove_records_under(RecordKind::Device, &[]).await.unwrap();
    assert_eq!(mine.record(RecordKind::Device, &[]).await.unwrap(), None);
    let rest = test.store.half_deleted_devices().await.unwrap();
    assert_eq!(rest, [(test.organization.clone(), test.session)]);
    let one_unit = mine.write(mine.session.to_bytes(), |session, unit| {
        Box::pin(async move { unit.clear_device(&session, DELETE_STEP).await })
    });
    assert_eq!(one_unit.await.unwrap(), DELETE_STEP);
    assert_eq!(rows(&mine).await.iter().sum::<u64>(), 15 - DELETE_STEP);
    mine.clear_rest().await.unwrap();
    assert_eq!(rows(&mine).await, [0; 5]);
    assert_eq!(rows(&theirs).await, [3, 1, 1, 1, 1]);
    assert!(test.store.half_deleted_devices().await.unwrap().is_empty());
}

fn secret(number: u16) -> Secret {
    Secret { key: number.to_be_bytes().to_vec(), secret: vec![1; 32], expires_at: 0, message_at: 0 }
}

#[tokio::test]
async fn the_memory_of_a_deleted_session_is_swept_some_rows_a_unit() {
    let (test, mine, theirs) = two_sessions().await;
    mine.put_secrets((0..1_200).map(secret).collect()).await.unwrap();
    let session = test.session;
    let gone: Result<(), StoreError> = test
        .store
        .write(&test.organization, move |unit| Box::pin(async move { unit.soft_delete_session(session).await }))
        .await;
    gone.unwrap();
    let count = async || rows(&mine).await.iter().sum::<u64>();
    let mut left = count().await;
    while test.store.purge_batch().await.unwrap() {
        let now = count().await;
        assert!(now + 500 >= left, "{now} of {left} are left");
        left = now;
    }
    assert_eq!(count().await, 0);
    assert_eq!(rows(&theirs).await, [2, 1, 1, 1, 1]);
}

#[tokio::test]
async fn deleting_the_session_takes_its_rows_along() {
    let (test, mine, theirs) = two_sessions().await;
    mine.write(mine.session.to_bytes(), |session, unit| {
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
    let next = test.store.device_state(&test.organization, test.session);
    next.forget().await.unwrap();
    next.clear_rest().await.unwrap();
    assert_eq!(rows(&copy).await, [0; 5]);
}

#[tokio::test]
async fn keys_are_found_by_how_they_begin() {
    let test = TestStore::open().await;
    let state = test.store.device_state(&test.organization, test.session);
    let keys =
        [vec![1, 254], vec![1, 255], vec![1, 255, 0], vec![1, 255, 255, 255], vec![2], vec![255], vec![255, 255]];
    let record = |key: &Vec<u8>| Record { kind: RecordKind::Session, key: key.clone(), value: Vec::new(), at: None };
    for (prefix, left) in [
        (vec![1, 255], vec![vec![1, 254], vec![2], vec![255], vec![255, 255]]),
        (vec![255, 255], keys[..6].to_vec()),
        (vec![255], keys[..5].to_vec()),
        (vec![], vec![]),
    ] {
        state.put_records(keys.iter().map(record).collect()).await.unwrap();
        assert!(state.has_record_under(RecordKind::Session, &prefix).await.unwrap());
        assert!(!state.has_record_under(RecordKind::Identity, &prefix).await.unwrap());
        state.remove_records_under(RecordKind::Session, &prefix).await.unwrap();
        assert!(!state.has_record_under(RecordKind::Session, &prefix).await.unwrap());
        let all = state.all_records(RecordKind::Session).await.unwrap();
        assert_eq!(all.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), left, "{prefix:?}");
    }
}

#[tokio::test]
async fn every_query_has_its_index() {
    use chatgraph_entity::{
        device_lid::Column as Lid, device_record::Column as Of, device_secret::Column as Message,
        device_sender_key::Column as Device,
    };
    let test = TestStore::open().await;
    for session in [test.session, add_session(&test.store, &test.organization).await] {
        fill_up(&test.store.device_state(&test.organization, session)).await;
    }
    let state = test.store.device_state(&test.organization, test.session);
    let primary = |table: &str| {
        if on_postgres() { format!("{table}_pkey") } else { format!("sqlite_autoindex_{table}_1") }
    };

    let records =
        |more: Condition| device_record::Entity::find().filter(state.records_of(RecordKind::Session)).filter(more);
    let key = b"1555000".as_slice();
    follows(&test, records(Of::Key.eq(key).into()), &primary("device_record")).await;
    follows(&test, records(Of::Key.is_in([key]).into()), &primary("device_record")).await;
    follows(&test, records(record::under(key)), &primary("device_record")).await;
    follows(&test, records(Of::At.lt(1).into()), "device_record_by_age").await;
    let last =
        device_record::Entity::find().filter(state.records_of(RecordKind::Session)).order_by_desc(Of::Key).limit(1);
    follows(&test, last, &primary("device_record")).await;

    let lids = || device_lid::Entity::find().filter(Lid::SessionId.eq(state.session.to_bytes()));
    follows(&test, lids().filter(Lid::Lid.eq("77")), &primary("device_lid")).await;
    let of_phone = lids().filter(Lid::Phone.eq("77")).order_by_desc(Lid::UpdatedAt).limit(1);
    follows(&test, of_phone, "device_lid_by_phone").await;

    let devices = || device_sender_key::Entity::find().filter(Device::SessionId.eq(state.session.to_bytes()));
    follows(&test, devices().filter(Device::GroupJid.eq("7")), &primary("device_sender_key")).await;
    follows(&test, devices().filter(Device::DeviceJid.is_in(["77"])), "device_sender_key_by_device").await;

    let secrets = || device_secret::Entity::find().filter(Message::SessionId.eq(state.session.to_bytes()));
    follows(&test, secrets().filter(Message::Key.eq(key)), &primary("device_secret")).await;
    let old = secrets().filter(Message::ExpiresAt.gt(0)).filter(Message::ExpiresAt.lte(9));
    follows(&test, old, "device_secret_by_age").await;
}

/// Writes many rows to each table.
async fn fill_up(state: &DeviceState) {
    const MANY: i64 = 3000;
    let record = |number: i64| {
        let kind = if number % 2 == 0 { RecordKind::Session } else { RecordKind::SentMessage };
        let at = (number % 2 != 0).then_some(number);
        Record { kind, key: format!("1555{number:07}").into_bytes(), value: vec![0; 100], at }
    };
    state.put_records((0..MANY).map(record).collect()).await.unwrap();
    for group in 0..30 {
        let devices = (0..MANY / 30).map(|device| (device.to_string(), true));
        state.put_sender_key_devices(&group.to_string(), devices.collect()).await.unwrap();
    }
    let mapping = |number: i64| {
        let (lid, phone, source) = (number.to_string(), number.to_string(), "usync".into());
        LidMapping { lid, phone, created_at: number, updated_at: number, source }
    };
    state.put_lid_mappings((0..MANY).map(mapping).collect()).await.unwrap();
    let secret = |number: i64| {
        let key = format!("1555{number:07}").into_bytes();
        Secret { key, secret: vec![0; 32], expires_at: number / 2, message_at: 0 }
    };
    state.put_secrets((0..MANY).map(secret).collect()).await.unwrap();
    // PostgreSQL updates its statistics automatically from time to time. SQLite does so only on request, and chatgraph
    // never requests it.
    if on_postgres() {
        let counted =
            state.write((), |(), unit| Box::pin(async { Ok(unit.tx.execute_unprepared("ANALYZE").await.map(drop)?) }));
        counted.await.unwrap();
    }
}

/// Fails if the query sorts, or reads more rows than it selects.
async fn follows<E: EntityTrait>(test: &TestStore, query: Select<E>, index: &str) {
    let readers = &test.store.readers;
    let query = query.build(readers.get_database_backend());
    let (explain, column) = if on_postgres() { ("EXPLAIN", 0) } else { ("EXPLAIN QUERY PLAN", 3) };
    let explained = Statement { sql: format!("{explain} {}", query.sql), ..query };
    let rows = readers.query_all_raw(explained).await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.try_get_by_index(column).unwrap()).collect();
    let plan = plan.join("\n");
    assert!(plan.contains(index), "not along {index}: {plan}");
    for far in ["Sort", "TEMP B-TREE", "Seq Scan", "SCAN"] {
        assert!(!plan.contains(far), "{plan}");
    }
}

impl TestStore {
    /// A copy of the database as another process would find it if this one crashed now.
    pub(crate) async fn after_a_crash(&self) -> Self {
        let copy = Self { session: self.session, ..Self::sealed_with(self.keys.clone()).await };
        let at_once = Some(IsolationLevel::RepeatableRead);
        let found = self.store.readers.connections.begin_with_config(at_once, None).await.unwrap();
        let id = self.session.to_bytes();
        copy.take_over::<session::Entity>(&found, session::Column::Id.eq(id.as_slice())).await;
        let session = || Expr::col("session_id").eq(id.as_slice());
        copy.take_over::<device_record::Entity>(&found, session()).await;
        copy.take_over::<device_sender_key::Entity>(&found, session()).await;
        copy.take_over::<device_lid::Entity>(&found, session()).await;
        copy.take_over::<device_token::Entity>(&found, session()).await;
        copy.take_over::<device_secret::Entity>(&found, session()).await;
        copy
    }

    async fn take_over<E: EntityTrait>(&self, found: &DatabaseTransaction, of: Expr)
    where
        E::Model: IntoActiveModel<E::ActiveModel> + Send + Sync,
        E::ActiveModel: Send + Sync + 'static,
    {
        let rows: Vec<_> = E::find()
            .filter(of)
            .all(found)
            .await
            .unwrap()
            .into_iter()
            .map(IntoActiveModel::into_active_model)
            .collect();
        self.store
            .device_state(&self.organization, self.session)
            .upsert(rows, OnConflict::new().do_nothing().to_owned())
            .await
            .unwrap();
    }

    /// Counts the commits of `work` in SQLite's write-ahead log, which is reset first. `work` must change fewer than
    /// about a thousand pages.
    pub(crate) async fn commits(&self, work: impl Future) -> usize {
        let path = self.database.url().strip_prefix("sqlite:").expect("SQLite").to_owned();
        let database = sea_orm::Database::connect(self.database.url()).await.unwrap();
        database.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
        work.await;
        let log = std::fs::read(path + "-wal").unwrap();
        let Some((header, frames)) = log.split_at_checked(32) else { return 0 };
        let page: [u8; 4] = header[8..12].try_into().unwrap();
        let frames = frames.chunks_exact(24 + u32::from_be_bytes(page) as usize);
        // The last frame of a commit contains the size of the database.
        frames.filter(|frame| frame[4..8] != [0; 4]).count()
    }
}
