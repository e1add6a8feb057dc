//! Tests that apply only to a backend in a database.

use std::sync::Arc;

use tokio_util::task::TaskTracker;
use whatsapp_rust::{
    bytes::Bytes,
    store::traits::{
        AppStateSyncKey, AppSyncStore as _, DeviceListRecord, LidPnMappingEntry, MsgSecretEntry, PendingInboundKey,
        PendingInboundRow,
    },
    wacore::appstate::{hash::HashState, processor::AppStateMutationMAC},
};

use super::*;
use crate::{
    session::whatsapp::event_queue::QueueItem,
    store::tests::{add_session, on_postgres},
};

const MEI: &str = "15550100001@s.whatsapp.net";

/// More rows than one statement takes.
const MANY: u32 = 1100;

#[tokio::test]
async fn a_batch_is_one_commit() {
    // The test counts commits in SQLite's write-ahead log; the code under test is the same on PostgreSQL.
    if on_postgres() {
        return;
    }
    let test = TestStore::open().await;
    let memory = opened(&test).await;
    let names: Vec<Arc<str>> = (0..MANY).map(|number| number.to_string().into()).collect();
    let bytes = || names.iter().map(|name| (Arc::clone(name), Bytes::from("record"))).collect::<Vec<_>>();

    macro_rules! one_commit {
        ($call:ident($($argument:expr),*)) => {
            let call = async { memory.$call($($argument),*).await.unwrap() };
            assert_eq!(test.commits(call).await, 1, stringify!($call));
        };
    }
    let identities: Vec<_> = names.iter().map(|name| (Arc::clone(name), [1; 32])).collect();
    let prekeys: Vec<_> = (0..MANY).map(|id| (id, Bytes::from("record"))).collect();
    one_commit!(put_identities_batch(&identities));
    one_commit!(put_sessions_batch(&bytes()));
    one_commit!(put_sender_keys_batch(&bytes()));
    one_commit!(store_prekeys_batch(&prekeys, false));
    // One commit for the key and for the id of the latest key.
    one_commit!(set_sync_key(&[1], AppStateSyncKey::default()));

    let mac = |number: u32| AppStateMutationMAC { index_mac: number.to_be_bytes().to_vec(), value_mac: vec![1; 32] };
    let macs: Vec<_> = (0..MANY).map(mac).collect();
    let indexes: Vec<_> = macs.iter().map(|mac| mac.index_mac.clone()).collect();
    one_commit!(put_mutation_macs("regular", 1, &macs));
    one_commit!(delete_mutation_macs("regular", &indexes));

    let mapping = |lid: &Arc<str>| LidPnMappingEntry {
        lid: lid.to_string(),
        phone_number: lid.to_string(),
        created_at: 1,
        updated_at: 1,
        learning_source: "usync".into(),
    };
    let list = |user: &Arc<str>| {
        let user = user.to_string();
        DeviceListRecord { user, devices: vec![], timestamp: 1, phash: None, raw_id: None }
    };
    one_commit!(put_lid_mappings(&names.iter().map(mapping).collect::<Vec<_>>()));
    one_commit!(update_device_lists(names.iter().map(list).collect()));

    let entries: Vec<_> = names.iter().map(|name| (&**name, true)).collect();
    let devices: Vec<_> = names.iter().map(|name| &**name).collect();
    one_commit!(set_sender_key_status("group", &entries));
    one_commit!(delete_sender_key_device_rows(&devices));

    let rows: Vec<_> =
        names.iter().map(|id| PendingInboundRow { chat: MEI, sender: MEI, id, message: b"message" }).collect();
    let keys: Vec<_> = names.iter().map(|id| PendingInboundKey { chat: MEI, sender: MEI, id }).collect();
    one_commit!(store_pending_inbound_batch(&rows));
    one_commit!(delete_pending_inbound_batch(&keys));

    let secret = |id: &Arc<str>| {
        let (chat, sender, msg_id) = (MEI.into(), MEI.into(), Arc::clone(id));
        MsgSecretEntry { chat, sender, msg_id, secret: [1; 32], expires_at: 0, message_ts: 0 }
    };
    one_commit!(put_msg_secrets(names.iter().map(secret).collect()));
}

#[tokio::test]
async fn stored_values_survive_a_crash() {
    let test = TestStore::open().await;
    let memory = opened(&test).await;
    memory.create().await.unwrap();
    let device = memory.load().await.unwrap().unwrap();
    for round in 0..3_u8 {
        memory.put_sessions_batch(&[(MEI.into(), Bytes::from(vec![round]))]).await.unwrap();

        let found = test.after_a_crash().await;
        let memory = opened(&found).await;
        assert_eq!(memory.get_session(MEI).await.unwrap().unwrap(), [round].as_slice());
        assert_eq!(memory.load().await.unwrap().unwrap().noise_key.public_key, device.noise_key.public_key);
    }
}

#[tokio::test]
async fn sessions_do_not_share_a_memory() {
    let test = TestStore::open().await;
    let other = SessionKey { session: add_session(&test.store, &test.organization).await, ..key(&test) };
    let backends = BackendPool::new(test.store.clone());
    let (mine, theirs) = (open(&backends, &key(&test)).await, open(&backends, &other).await);
    for (memory, byte) in [(&mine, 1), (&theirs, 2)] {
        memory.put_identity(MEI, [byte; 32]).await.unwrap();
        memory.set_sender_key_status("group", &[(MEI, byte == 1)]).await.unwrap();
        memory.touch_tc_token_sender_timestamp(MEI, byte.into()).await.unwrap();
        memory.put_msg_secret(MEI, MEI, "3EB0", &[byte; 32]).await.unwrap();
    }
    mine.delete_identity(MEI).await.unwrap();
    mine.clear_all_sender_key_devices().await.unwrap();
    mine.delete_tc_token(MEI).await.unwrap();
    assert_eq!(theirs.load_identity(MEI).await.unwrap(), Some([2; 32]));
    assert_eq!(theirs.get_sender_key_devices("group").await.unwrap().len(), 1);
    assert_eq!(theirs.get_all_tc_token_jids().await.unwrap(), [MEI]);
    assert_eq!(mine.get_msg_secret(MEI, MEI, "3EB0").await.unwrap().unwrap(), [1; 32]);
}

#[tokio::test]
async fn a_client_that_was_given_up_writes_no_more() {
    let test = TestStore::open().await;
    let backends = BackendPool::new(test.store.clone());
    let before = open(&backends, &key(&test)).await;
    before.put_session(MEI, b"before").await.unwrap();
    let now = open(&backends, &key(&test)).await;
    now.put_session(MEI, b"now").await.unwrap();

    assert!(before.put_session(MEI, b"late").await.is_err());
    assert!(before.delete_session(MEI).await.is_err());
    assert_eq!(now.get_session(MEI).await.unwrap().unwrap(), "now");

    backends.forget(&key(&test)).await;
    assert!(now.put_session(MEI, b"late").await.is_err());
    assert_eq!(open(&backends, &key(&test)).await.get_session(MEI).await.unwrap(), None);
}

#[tokio::test]
async fn settings_that_were_read_but_not_delivered_are_read_again() {
    let test = TestStore::open().await;
    let state = |version| HashState { version, ..HashState::default() };
    let mac = AppStateMutationMAC { index_mac: vec![7; 32], value_mac: vec![1; 32] };
    let told = |mark| {
        let session = test.session;
        test.store.write(&test.organization, move |unit| {
            Box::pin(async move { unit.settings_told(session, "regular", mark).await })
        })
    };
    let backends = BackendPool::new(test.store.clone());
    let (sink, mut heard) = queue(Duration::from_secs(1), crate::session::SessionMetrics::default());
    let memory: Arc<dyn Backend> = backends.open(&key(&test), sink).await.unwrap();
    memory.create().await.unwrap();
    for version in [1, 2] {
        memory.get_mutation_macs("regular", &[]).await.unwrap();
        memory.set_version("regular", state(version)).await.unwrap();
        memory.put_mutation_macs("regular", version, std::slice::from_ref(&mac)).await.unwrap();
    }
    assert!(heard.try_recv().is_err(), "the collection is complete when its version is stored again");
    memory.set_version("regular", state(2)).await.unwrap();
    let Ok(QueueItem::SettingsDelivered { collection, mark: first }) = heard.try_recv() else {
        panic!("no report of the settings")
    };
    assert_eq!(collection, "regular");

    memory.get_mutation_macs("regular", &[]).await.unwrap();
    memory.set_version("regular", state(3)).await.unwrap();
    told(first).await.unwrap();
    let memory = open(&backends, &key(&test)).await;
    assert_eq!(memory.get_version("regular").await.unwrap().version, 0, "the third version was not reported");
    assert_eq!(memory.get_mutation_mac("regular", &[7; 32]).await.unwrap(), None);

    let (sink, mut heard) = queue(Duration::from_secs(1), crate::session::SessionMetrics::default());
    let memory: Arc<dyn Backend> = backends.open(&key(&test), sink).await.unwrap();
    memory.clear_mutation_macs("regular").await.unwrap();
    memory.put_mutation_macs("regular", 3, &[mac]).await.unwrap();
    for _ in 0..2 {
        memory.set_version("regular", state(3)).await.unwrap();
        assert!(heard.try_recv().is_err(), "a snapshot is reported after its third store");
    }
    memory.set_version("regular", state(3)).await.unwrap();
    let Ok(QueueItem::SettingsDelivered { mark, .. }) = heard.try_recv() else { panic!("no report of the settings") };
    told(mark).await.unwrap();
    let memory = open(&backends, &key(&test)).await;
    assert_eq!(memory.get_version("regular").await.unwrap().version, 3);
    assert!(memory.get_mutation_mac("regular", &[7; 32]).await.unwrap().is_some());
}

#[tokio::test]
async fn a_collection_is_reset_by_the_fetch_that_starts_over_and_not_by_an_announcement() {
    let test = TestStore::open().await;
    let memory = open(&BackendPool::new(test.store.clone()), &key(&test)).await;
    memory.set_version("regular", HashState { version: 3, ..HashState::default() }).await.unwrap();
    let announced = Arc::clone(&memory);
    let fetched = Arc::clone(&memory);
    super::full_sync::scope(true, async move {
        let announcement = async move { announced.get_version("regular").await.unwrap().version };
        assert_eq!(TaskTracker::new().spawn(announcement).await.unwrap(), 3);
        assert_eq!(fetched.get_version("regular").await.unwrap().version, 0, "the request");
        fetched.set_version("regular", HashState { version: 4, ..HashState::default() }).await.unwrap();
        assert_eq!(fetched.get_version("regular").await.unwrap().version, 4, "the next part");
    })
    .await;
    super::full_sync::scope(false, async {
        assert_eq!(memory.get_version("regular").await.unwrap().version, 4);
    })
    .await;
}

#[tokio::test]
async fn a_fetch_that_shows_a_loss_resets_the_collection_and_queues_it() {
    let test = TestStore::open().await;
    let (sink, _heard) = queue(Duration::from_secs(1), crate::session::SessionMetrics::default());
    let memory = BackendPool::new(test.store.clone()).open(&key(&test), sink).await.unwrap();
    let state = |version| HashState { version, ..HashState::default() };
    let lost = Arc::clone(&memory);
    TaskTracker::new().spawn(async move { lost.set_version("regular", state(3)).await.unwrap() }).await.unwrap();
    memory.set_version("regular", state(3)).await.unwrap();
    assert_eq!(memory.get_version("regular").await.unwrap().version, 0);
    let due = tokio::time::timeout(Duration::from_secs(1), memory.fetches().next()).await.unwrap();
    assert_eq!(due.into_keys().collect::<Vec<_>>(), ["regular"]);
}
