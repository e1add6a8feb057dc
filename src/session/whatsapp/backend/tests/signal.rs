use std::sync::Arc;

use whatsapp_rust::{bytes::Bytes, store::traits::Backend};

const MEI: &str = "15550100001:3@s.whatsapp.net";
const NOAH: &str = "15550100002@s.whatsapp.net";

pub(super) async fn identities(memory: &dyn Backend) {
    assert_eq!(memory.load_identity(MEI).await.unwrap(), None);
    memory.put_identity(MEI, [1; 32]).await.unwrap();
    memory.put_identity(NOAH, [2; 32]).await.unwrap();
    memory.put_identity(MEI, [3; 32]).await.unwrap();
    assert_eq!(memory.load_identity(MEI).await.unwrap(), Some([3; 32]));
    assert_eq!(memory.load_identity(NOAH).await.unwrap(), Some([2; 32]));
    memory.delete_identity(MEI).await.unwrap();
    memory.delete_identity(MEI).await.unwrap();
    assert_eq!(memory.load_identity(MEI).await.unwrap(), None);
    assert_eq!(memory.load_identity(NOAH).await.unwrap(), Some([2; 32]));
}

pub(super) async fn identities_in_a_batch(memory: &dyn Backend) {
    memory.put_identities_batch(&[]).await.unwrap();
    memory.put_identity(MEI, [1; 32]).await.unwrap();
    let batch: Vec<(Arc<str>, [u8; 32])> = vec![(MEI.into(), [4; 32]), (NOAH.into(), [5; 32]), (NOAH.into(), [6; 32])];
    memory.put_identities_batch(&batch).await.unwrap();
    assert_eq!(memory.load_identity(MEI).await.unwrap(), Some([4; 32]));
    assert_eq!(memory.load_identity(NOAH).await.unwrap(), Some([6; 32]), "the later value is kept");
}

pub(super) async fn sessions(memory: &dyn Backend) {
    assert_eq!(memory.get_session(MEI).await.unwrap(), None);
    assert!(!memory.has_session(MEI).await.unwrap());
    memory.put_session(MEI, b"first").await.unwrap();
    memory.put_session(MEI, b"second").await.unwrap();
    memory.put_session(NOAH, b"").await.unwrap();
    assert_eq!(memory.get_session(MEI).await.unwrap().unwrap(), "second");
    assert_eq!(memory.get_session(NOAH).await.unwrap().unwrap(), "");
    assert!(memory.has_session(NOAH).await.unwrap());
    memory.delete_session(MEI).await.unwrap();
    memory.delete_session(MEI).await.unwrap();
    assert!(!memory.has_session(MEI).await.unwrap());
    assert!(memory.has_session(NOAH).await.unwrap());
}

pub(super) async fn sessions_in_a_batch(memory: &dyn Backend) {
    memory.put_sessions_batch(&[]).await.unwrap();
    let addresses: Vec<Arc<str>> = (0..2500).map(|user| format!("1555{user:07}@s.whatsapp.net").into()).collect();
    let batch: Vec<_> =
        addresses.iter().map(|address| (Arc::clone(address), Bytes::from(address.to_string()))).collect();
    memory.put_session(&addresses[7], b"before").await.unwrap();
    memory.put_sessions_batch(&batch).await.unwrap();
    for address in &addresses {
        assert_eq!(memory.get_session(address).await.unwrap().unwrap(), address.as_bytes());
    }
}

pub(super) async fn signal_state_of_a_user(memory: &dyn Backend) {
    let has = async |user: &str| memory.has_signal_state_for_user(user).await.unwrap();
    assert!(!has("15550100001").await);
    memory.put_session(MEI, b"a session").await.unwrap();
    memory.put_identity(NOAH, [1; 32]).await.unwrap();
    assert!(has("15550100001").await, "a session of one of the devices");
    assert!(has("15550100002").await, "an identity");
    for other in ["1555010000", "155501000011", "5550100001", "15550100003", ""] {
        assert!(!has(other).await, "{other}");
    }
    memory.delete_session(MEI).await.unwrap();
    assert!(!has("15550100001").await);
}

pub(super) async fn prekeys(memory: &dyn Backend) {
    assert_eq!(memory.load_prekey(1).await.unwrap(), None);
    memory.store_prekey(1, b"one", false).await.unwrap();
    memory.store_prekey(1, b"uno", true).await.unwrap();
    memory.store_prekey(u32::MAX, b"last", false).await.unwrap();
    assert_eq!(memory.load_prekey(1).await.unwrap().unwrap(), "uno");
    assert_eq!(memory.load_prekey(u32::MAX).await.unwrap().unwrap(), "last");
    memory.remove_prekey(1).await.unwrap();
    memory.remove_prekey(1).await.unwrap();
    assert_eq!(memory.load_prekey(1).await.unwrap(), None);
    assert_eq!(memory.load_prekey(u32::MAX).await.unwrap().unwrap(), "last");
}

pub(super) async fn prekeys_in_a_batch(memory: &dyn Backend) {
    memory.store_prekeys_batch(&[], false).await.unwrap();
    let batch: Vec<_> = (1..=1500).map(|id: u32| (id, Bytes::from(format!("key {id}")))).collect();
    memory.store_prekeys_batch(&batch, false).await.unwrap();
    assert_eq!(memory.load_prekeys_batch(&[]).await.unwrap(), []);
    let ids: Vec<_> = (1400..1600).chain(1..=1).collect();
    let mut loaded = memory.load_prekeys_batch(&ids).await.unwrap();
    loaded.sort_unstable();
    assert_eq!(loaded.len(), 102);
    assert_eq!(loaded[0], (1, Bytes::from("key 1")));
    assert_eq!(loaded[101], (1500, Bytes::from("key 1500")));
    let all: Vec<_> = (1..=1500).collect();
    assert_eq!(memory.load_prekeys_batch(&all).await.unwrap().len(), 1500);
}

pub(super) async fn the_highest_prekey(memory: &dyn Backend) {
    assert_eq!(memory.get_max_prekey_id().await.unwrap(), 0);
    for id in [9, 300, 70_000, 255, 256] {
        memory.store_prekey(id, b"a key", false).await.unwrap();
        memory.store_signed_prekey(id + 100_000, b"not one of them").await.unwrap();
    }
    assert_eq!(memory.get_max_prekey_id().await.unwrap(), 70_000);
    memory.remove_prekey(70_000).await.unwrap();
    assert_eq!(memory.get_max_prekey_id().await.unwrap(), 300);
}

pub(super) async fn an_uploaded_prekey_that_was_used_stays_gone(memory: &dyn Backend) {
    memory.store_prekeys_batch(&[(1, Bytes::from("one")), (2, Bytes::from("two"))], false).await.unwrap();
    memory.remove_prekey(1).await.unwrap();
    memory.mark_prekeys_uploaded(&[1, 2, 3]).await.unwrap();
    assert_eq!(memory.load_prekeys_batch(&[1, 2, 3]).await.unwrap(), [(2, Bytes::from("two"))]);
}

pub(super) async fn signed_prekeys(memory: &dyn Backend) {
    assert_eq!(memory.load_signed_prekey(1).await.unwrap(), None);
    assert_eq!(memory.load_all_signed_prekeys().await.unwrap(), []);
    memory.store_signed_prekey(1, b"one").await.unwrap();
    memory.store_signed_prekey(2, b"two").await.unwrap();
    memory.store_signed_prekey(1, b"uno").await.unwrap();
    assert_eq!(memory.load_signed_prekey(1).await.unwrap().unwrap(), b"uno");
    let mut all = memory.load_all_signed_prekeys().await.unwrap();
    all.sort_unstable();
    assert_eq!(all, [(1, b"uno".to_vec()), (2, b"two".to_vec())]);
    memory.remove_signed_prekey(1).await.unwrap();
    memory.remove_signed_prekey(1).await.unwrap();
    assert_eq!(memory.load_all_signed_prekeys().await.unwrap(), [(2, b"two".to_vec())]);
}

pub(super) async fn sender_keys(memory: &dyn Backend) {
    let address = "120363000000000001@g.us::15550100001:0";
    assert_eq!(memory.get_sender_key(address).await.unwrap(), None);
    memory.put_sender_key(address, b"first").await.unwrap();
    memory.put_sender_keys_batch(&[]).await.unwrap();
    let batch: Vec<(Arc<str>, Bytes)> = vec![(address.into(), "second".into()), ("another".into(), "third".into())];
    memory.put_sender_keys_batch(&batch).await.unwrap();
    assert_eq!(memory.get_sender_key(address).await.unwrap().unwrap(), b"second");
    memory.delete_sender_key(address).await.unwrap();
    memory.delete_sender_key(address).await.unwrap();
    assert_eq!(memory.get_sender_key(address).await.unwrap(), None);
    assert_eq!(memory.get_sender_key("another").await.unwrap().unwrap(), b"third");
}
