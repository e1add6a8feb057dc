//! Tests of encrypted values in a database: enabling, moving, rotating and losing keys.

use std::sync::Arc;

use chatgraph_entity::{device_record, device_secret, device_token};
use sea_orm::{ConnectionTrait as _, EntityTrait};
use tokio_util::task::TaskTracker;

use super::*;
use crate::{
    clock::SystemClock,
    store::{
        OpenError, Store, connect,
        tests::{TestStore, add_session, config, on_postgres},
        whatsapp_device::{DeviceState, PrivacyToken, Record, RecordKind, Secret},
    },
};

const VALUE: &[u8] = b"a private key";

fn state(test: &TestStore, store: &Store) -> DeviceState {
    store.device_state(&test.organization, test.session)
}

fn record(kind: RecordKind, key: &[u8]) -> Record {
    Record { kind, key: key.to_vec(), value: VALUE.to_vec(), at: None }
}

/// Stores a value of each encrypted kind, and values that are not encrypted.
async fn fill(state: &DeviceState) {
    let kinds = [RecordKind::Device, RecordKind::Session, RecordKind::SentMessage, RecordKind::PendingSync];
    state.put_records(kinds.map(|kind| record(kind, b"key")).into()).await.expect("stored");
    let secret = Secret { key: b"key".to_vec(), secret: VALUE.to_vec(), expires_at: 0, message_at: 1 };
    state.put_secrets(vec![secret]).await.expect("stored");
    let token = PrivacyToken { token: VALUE.to_vec(), token_at: 1, sender_at: None };
    state.put_token("100@lid", token).await.expect("stored");
    state.touch_token("200@lid", 1).await.expect("stored");
}

/// The number of encrypted values.
const SECRETS: u64 = 5;

/// Checks that all values are as they were stored.
async fn is_whole(state: &DeviceState) -> Result<(), StoreError> {
    for kind in [RecordKind::Device, RecordKind::Session, RecordKind::PendingSync] {
        assert_eq!(state.record(kind, b"key").await?.expect("there"), VALUE);
        assert_eq!(state.records(kind, &[b"key".to_vec()]).await?, [(b"key".to_vec(), VALUE.to_vec())]);
        assert_eq!(state.all_records(kind).await?, [(b"key".to_vec(), VALUE.to_vec())]);
    }
    assert_eq!(state.secret(b"key").await?.expect("there").secret, VALUE);
    assert_eq!(state.token("100@lid").await?.expect("there").token, VALUE);
    assert_eq!(state.token("200@lid").await?.expect("there").token, b"");
    Ok(())
}

/// The stored values that may be encrypted.
async fn stored(test: &TestStore) -> Vec<Vec<u8>> {
    async fn all<E: EntityTrait<Model: Send>>(test: &TestStore) -> Vec<E::Model> {
        E::find().all(&test.store.readers).await.expect("a read")
    }
    let records = all::<device_record::Entity>(test).await.into_iter();
    let mut values: Vec<_> =
        records.filter(|row| row.kind != RecordKind::PendingSync as i16).map(|row| row.value).collect();
    values.extend(all::<device_secret::Entity>(test).await.into_iter().map(|row| row.secret));
    values.extend(all::<device_token::Entity>(test).await.into_iter().map(|row| row.token));
    values.retain(|value| !value.is_empty());
    values
}

async fn open(test: &TestStore, keys: &MasterKeys) -> Result<Store, OpenError> {
    Store::open_sealed(&config(&test.database), keys, Arc::new(SystemClock), &TaskTracker::new()).await
}

async fn rotate(test: &TestStore, keys: &MasterKeys) -> Result<Rotated, OpenError> {
    rotate_master_key(&config(&test.database), keys).await
}

async fn counts(test: &TestStore) -> Vec<(Option<MasterKeyId>, u64)> {
    master_key_rows(&config(&test.database)).await.expect("counted").into_iter().collect()
}

async fn execute(test: &TestStore, statement: &str) {
    let database = sea_orm::Database::connect(test.database.url()).await.expect("a connection");
    database.execute_unprepared(statement).await.expect("executed");
}

/// Changes the key of the encrypted session with another device, bypassing the store.
async fn move_session(test: &TestStore, key: &str) {
    let bytes = if on_postgres() { "BYTEA" } else { "BLOB" };
    execute(test, &format!("UPDATE device_record SET key = CAST('{key}' AS {bytes}) WHERE kind = 3")).await;
}

#[tokio::test]
async fn a_plain_database_is_encrypted_and_decrypted_again() {
    let test = TestStore::in_plain().await;
    fill(&state(&test, &test.store)).await;
    assert!(stored(&test).await.iter().all(|value| value == VALUE));
    let key = new_master_key();
    let (sealed, plain) = (keys(&key), keys(&format!("plain {key}")));
    let id = sealed.encryption_key();

    let store = open(&test, &sealed).await.expect("opens");
    is_whole(&state(&test, &store)).await.expect("plain text is still accepted");
    state(&test, &store).put_records(vec![record(RecordKind::Device, b"key")]).await.expect("stored");
    assert_eq!(counts(&test).await, [(None, SECRETS - 1), (id, 1)]);
    let rotated = rotate(&test, &sealed).await.expect("rotated");
    assert_eq!((rotated.anew, rotated.before, rotated.is_final), (SECRETS - 1, 1, true));
    assert_eq!(counts(&test).await, [(id, SECRETS)]);
    assert!(!stored(&test).await.concat().windows(VALUE.len()).any(|part| part == VALUE));
    is_whole(&state(&test, &store)).await.expect("all opens");

    // From the next start on, plain text is rejected as a secret.
    let store = open(&test, &sealed).await.expect("opens");
    is_whole(&state(&test, &store)).await.expect("all opens");
    state(&test, &test.store).put_records(vec![record(RecordKind::Device, b"key")]).await.expect("stored");
    let refused = state(&test, &store).record(RecordKind::Device, b"key").await;
    assert!(matches!(refused, Err(StoreError::Sealed { reason: DecryptError::Plain, .. })), "{refused:?}");
    state(&test, &store).put_records(vec![record(RecordKind::Device, b"key")]).await.expect("stored");

    let store = open(&test, &plain).await.expect("opens");
    is_whole(&state(&test, &store)).await.expect("all opens");
    assert_eq!(rotate(&test, &plain).await.expect("rotated").anew, SECRETS);
    assert!(stored(&test).await.iter().all(|value| value == VALUE));
    let store = open(&test, &MasterKeys::default()).await.expect("opens without a key");
    is_whole(&state(&test, &store)).await.expect("all values are plain text");
}

#[tokio::test]
async fn a_value_in_the_place_of_another_does_not_open() {
    let test = TestStore::open().await;
    let other = add_session(&test.store, &test.organization).await;
    let (mine, theirs) = (state(&test, &test.store), test.store.device_state(&test.organization, other));
    fill(&mine).await;
    fill(&theirs).await;
    for (table, column, key) in
        [("device_record", "value", "kind"), ("device_secret", "secret", "key"), ("device_token", "token", "jid")]
    {
        execute(&test, &format!("CREATE TABLE copy_of_{table} AS SELECT * FROM {table}")).await;
        let of_the_other = format!(
            "SELECT {column} FROM copy_of_{table} c WHERE c.session_id <> {table}.session_id AND c.{key} = {table}.{key}"
        );
        execute(&test, &format!("UPDATE {table} SET {column} = ({of_the_other})")).await;
    }
    let changed = |refused: Option<StoreError>| match refused {
        Some(StoreError::Sealed { reason, .. }) => assert_eq!(reason, DecryptError::Changed),
        other => panic!("unexpected result: {other:?}"),
    };
    for state in [&mine, &theirs] {
        changed(state.record(RecordKind::Device, b"key").await.err());
        changed(state.records(RecordKind::Session, &[b"key".to_vec()]).await.err());
        changed(state.all_records(RecordKind::Session).await.err());
        changed(state.take_record(RecordKind::SentMessage, b"key").await.err());
        changed(state.secret(b"key").await.err());
        changed(state.token("100@lid").await.err());
        assert_eq!(
            state.record(RecordKind::PendingSync, b"key").await.expect("marks are not encrypted").expect("there"),
            VALUE
        );
    }
}

#[tokio::test]
async fn a_missing_key_is_named_before_anything_is_opened() {
    let test = TestStore::open().await;
    let id = test.keys.encryption_key().expect("an id");
    for keys in [MasterKeys::default(), keys(&new_master_key()), keys(&format!("plain {}", new_master_key()))] {
        let Err(refused) = open(&test, &keys).await else { panic!("opened with {keys:?}") };
        assert!(matches!(refused, OpenError::NoMasterKey(missing) if missing == id), "{refused}");
        assert!(refused.to_string().contains(&id.to_string()), "{refused}");
        assert!(matches!(rotate(&test, &keys).await, Err(OpenError::NoMasterKey(missing)) if missing == id));
    }
    assert!(open(&test, &test.keys).await.is_ok());
}

#[tokio::test]
async fn encryption_uses_only_keys_of_the_running_server() {
    let (new, old) = (new_master_key(), new_master_key());
    let test = TestStore::sealed_with(keys(&old)).await;
    fill(&state(&test, &test.store)).await;
    let both = keys(&format!("{new} {old}"));
    // A running server holds this lock on SQLite. On PostgreSQL a running server cannot be detected.
    let running = connect::DatabaseLock::take(&config(&test.database)).expect("free");
    assert!(matches!(rotate(&test, &both).await, Err(OpenError::NotServed)));
    assert_eq!(counts(&test).await, [(keys(&old).encryption_key(), SECRETS)]);
    open(&test, &both).await.expect("a server starts");
    assert!(rotate(&test, &both).await.expect("rotated").is_final);
    assert_eq!(counts(&test).await, [(keys(&new).encryption_key(), SECRETS)]);
    drop(running);
    is_whole(&state(&test, &open(&test, &keys(&new)).await.expect("opens without the old key"))).await.expect("whole");
    assert!(matches!(open(&test, &keys(&old)).await, Err(OpenError::NoMasterKey(_))));
}

#[tokio::test]
async fn a_rotation_does_not_need_a_server() {
    let (new, old) = (new_master_key(), new_master_key());
    let test = TestStore::sealed_with(keys(&old)).await;
    fill(&state(&test, &test.store)).await;
    let rotated = rotate(&test, &keys(&format!("{new} {old}"))).await;
    if on_postgres() {
        assert!(matches!(rotated, Err(OpenError::NotServed)), "one may run on another machine");
    } else {
        assert_eq!(rotated.expect("rotated").anew, SECRETS);
        assert!(open(&test, &keys(&new)).await.is_ok());
    }
}

#[tokio::test]
async fn many_values_are_re_encrypted_and_a_second_pass_finds_none() {
    const MANY: u32 = 1_050;
    let (new, old) = (new_master_key(), new_master_key());
    let test = TestStore::sealed_with(keys(&old)).await;
    let many = |kind| (0..MANY / 2).map(move |number| record(kind, &number.to_be_bytes()));
    state(&test, &test.store)
        .put_records(many(RecordKind::PreKey).chain(many(RecordKind::Session)).collect())
        .await
        .expect("stored");
    let both = keys(&format!("{new} {old}"));
    let store = open(&test, &both).await.expect("opens");
    for (anew, before) in [(MANY, 0), (0, MANY)] {
        let rotated = rotate(&test, &both).await.expect("rotated");
        assert_eq!((rotated.anew, rotated.before), (u64::from(anew), u64::from(before)));
    }
    let all = state(&test, &store).all_records(RecordKind::PreKey).await.expect("all open");
    assert!(all.len() == MANY as usize / 2 && all.iter().all(|(_, value)| value == VALUE));
}

#[tokio::test]
async fn concurrent_writes_of_the_server_are_not_overwritten() {
    let test = TestStore::open().await;
    let state = state(&test, &test.store);
    fill(&state).await;
    let writers = connect::writers(&config(&test.database)).await.expect("writers");
    let read = columns::page::<device_record::Entity>(&writers, None).await.expect("a page");
    let later = Record { value: b"later".to_vec(), ..record(RecordKind::Device, b"key") };
    state.put_records(vec![later]).await.expect("stored");
    state.remove_records(RecordKind::Session, &[b"key".to_vec()]).await.expect("removed");
    let mut replaced = Vec::new();
    for row in &read {
        let value = row.value.clone();
        replaced.push(columns::replace::<device_record::Entity>(&writers, row, value).await.expect("no error"));
    }
    assert_eq!(replaced, [false, false, true], "changed, removed, and as it was");
    assert_eq!(state.record(RecordKind::Device, b"key").await.expect("opens").expect("there"), b"later");
    assert_eq!(state.record(RecordKind::Session, b"key").await.expect("a read"), None);
}

#[tokio::test]
async fn a_changed_value_is_left_as_it_is_and_its_key_stays_needed() {
    let (new, old) = (new_master_key(), new_master_key());
    let test = TestStore::sealed_with(keys(&old)).await;
    fill(&state(&test, &test.store)).await;
    move_session(&test, "yek").await;
    let both = keys(&format!("{new} {old}"));
    let store = open(&test, &both).await.expect("opens");
    let rotated = rotate(&test, &both).await.expect("rotated");
    assert_eq!((rotated.anew, rotated.before), (SECRETS - 1, 0));
    assert_eq!(rotated.unopened.into_iter().collect::<Vec<_>>(), [(test.session, 1)]);
    assert!(matches!(open(&test, &keys(&new)).await, Err(OpenError::NoMasterKey(_))));
    move_session(&test, "key").await;
    assert_eq!(rotate(&test, &both).await.expect("rotated").anew, 1);
    open(&test, &keys(&new)).await.expect("opens without the old key");
    is_whole(&state(&test, &store)).await.expect("whole");
}

#[tokio::test]
async fn a_lost_key_ends_only_the_sessions_that_need_it() {
    let (new, old) = (new_master_key(), new_master_key());
    let test = TestStore::sealed_with(keys(&old)).await;
    fill(&state(&test, &test.store)).await;
    let both = keys(&format!("{new} {old}"));
    let store = open(&test, &both).await.expect("opens");
    let other = add_session(&store, &test.organization).await;
    let kept = store.device_state(&test.organization, other);
    fill(&kept).await;

    let [lost, unknown] = [&old, &new_master_key()].map(|key| keys(key).encryption_key().expect("an id"));
    let forget = async |id| forget_master_key(&config(&test.database), id).await;
    assert!(matches!(forget(unknown).await, Err(OpenError::NotNeeded(_))));
    assert_eq!(forget(lost).await.expect("forgotten"), 1);
    assert!(matches!(forget(lost).await, Err(OpenError::NotNeeded(_))));
    let store = open(&test, &keys(&new)).await.expect("opens without the old key");
    assert_eq!(state(&test, &store).record(RecordKind::Device, b"key").await.expect("a read"), None);
    assert_eq!(state(&test, &store).token_jids().await.expect("a read"), Vec::<String>::new());
    is_whole(&kept).await.expect("whole");
}
