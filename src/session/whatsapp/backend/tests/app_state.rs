use whatsapp_rust::{
    store::traits::{AppStateSyncKey, Backend},
    wacore::appstate::{hash::HashState, processor::AppStateMutationMAC},
};

fn key(byte: u8) -> AppStateSyncKey {
    AppStateSyncKey { key_data: vec![byte; 32], fingerprint: vec![byte, 0, 255], timestamp: i64::from(byte) }
}

fn index(number: u32) -> [u8; 32] {
    let mut index = [7; 32];
    index[..4].copy_from_slice(&number.to_be_bytes());
    index
}

fn mac(number: u32, value: &[u8]) -> AppStateMutationMAC {
    AppStateMutationMAC { index_mac: index(number).to_vec(), value_mac: value.to_vec() }
}

pub(super) async fn sync_keys(memory: &dyn Backend) {
    assert!(memory.get_sync_key(&[1]).await.unwrap().is_none());
    memory.set_sync_key(&[1], key(1)).await.unwrap();
    memory.set_sync_key(&[0, 1], key(2)).await.unwrap();
    memory.set_sync_key(&[1], key(3)).await.unwrap();
    let stored = memory.get_sync_key(&[1]).await.unwrap().unwrap();
    assert_eq!((stored.key_data, stored.fingerprint, stored.timestamp), (vec![3; 32], vec![3, 0, 255], 3));
    assert_eq!(memory.get_sync_key(&[0, 1]).await.unwrap().unwrap().timestamp, 2);
}

pub(super) async fn the_latest_sync_key_is_the_last_one_stored(memory: &dyn Backend) {
    assert_eq!(memory.get_latest_sync_key_id().await.unwrap(), None);
    for id in [[1, 9], [1, 10], [1, 2]] {
        memory.set_sync_key(&id, key(id[1])).await.unwrap();
        assert_eq!(memory.get_latest_sync_key_id().await.unwrap().unwrap(), id);
    }
}

pub(super) async fn versions(memory: &dyn Backend) {
    let unread = memory.get_version("regular").await.unwrap();
    assert_eq!((unread.version, unread.hash, unread.mac_mismatch_fatal), (0, [0; 128], false));
    let mut state = HashState { version: u64::MAX, mac_mismatch_fatal: true, ..HashState::default() };
    state.hash[127] = 200;
    state.index_value_map.insert("index".into(), vec![0, 255]);
    memory.set_version("regular", state).await.unwrap();
    memory.set_version("regular_high", HashState { version: 5, ..HashState::default() }).await.unwrap();
    let stored = memory.get_version("regular").await.unwrap();
    assert_eq!((stored.version, stored.hash[127], stored.mac_mismatch_fatal), (u64::MAX, 200, true));
    assert_eq!(stored.index_value_map["index"], [0, 255]);
    memory.set_version("regular", HashState::default()).await.unwrap();
    assert_eq!(memory.get_version("regular").await.unwrap().version, 0);
    assert_eq!(memory.get_version("regular_high").await.unwrap().version, 5);
}

pub(super) async fn mutation_macs(memory: &dyn Backend) {
    assert_eq!(memory.get_mutation_mac("regular", &index(1)).await.unwrap(), None);
    memory.put_mutation_macs("regular", 1, &[]).await.unwrap();
    memory.put_mutation_macs("regular", 1, &[mac(1, b"one"), mac(2, b"two")]).await.unwrap();
    memory.put_mutation_macs("regular_low", 1, &[mac(1, b"another collection's")]).await.unwrap();
    memory.put_mutation_macs("regular", 2, &[mac(1, b"uno"), mac(3, b"first"), mac(3, b"last")]).await.unwrap();
    assert_eq!(memory.get_mutation_mac("regular", &index(1)).await.unwrap().unwrap(), b"uno");
    assert_eq!(memory.get_mutation_mac("regular", &index(3)).await.unwrap().unwrap(), b"last");
    let macs = memory.get_mutation_macs("regular", &[index(1), index(2), index(9)]).await.unwrap();
    assert_eq!(macs.len(), 2);
    assert_eq!((macs[&index(1)].as_slice(), macs[&index(2)].as_slice()), (&b"uno"[..], &b"two"[..]));
    assert!(memory.get_mutation_macs("regular", &[]).await.unwrap().is_empty());

    memory.delete_mutation_macs("regular", &[]).await.unwrap();
    memory.delete_mutation_macs("regular", &[index(1).to_vec(), index(9).to_vec()]).await.unwrap();
    assert_eq!(memory.get_mutation_mac("regular", &index(1)).await.unwrap(), None);
    assert!(memory.get_mutation_mac("regular", &index(2)).await.unwrap().is_some());
    assert!(memory.get_mutation_mac("regular_low", &index(1)).await.unwrap().is_some());
}

pub(super) async fn thousands_of_mutation_macs(memory: &dyn Backend) {
    let all: Vec<_> = (0..2500).map(|number| mac(number, &number.to_be_bytes())).collect();
    memory.put_mutation_macs("regular", 1, &all).await.unwrap();
    let indexes: Vec<_> = (0..2500).map(index).collect();
    let macs = memory.get_mutation_macs("regular", &indexes).await.unwrap();
    assert!((0_u32..2500).all(|number| macs[&index(number)] == number.to_be_bytes()));
    let odd: Vec<_> = (0..2500).filter(|number| number % 2 == 1).map(|number| index(number).to_vec()).collect();
    memory.delete_mutation_macs("regular", &odd).await.unwrap();
    assert_eq!(memory.get_mutation_macs("regular", &indexes).await.unwrap().len(), 1250);
}

pub(super) async fn mutation_macs_of_one_collection_are_cleared(memory: &dyn Backend) {
    memory.clear_mutation_macs("regular").await.unwrap();
    for name in ["regular", "regular_low", "regula", "regulas"] {
        memory.put_mutation_macs(name, 1, &[mac(1, b"one"), mac(u32::MAX, b"last")]).await.unwrap();
    }
    memory.clear_mutation_macs("regular").await.unwrap();
    for (name, left) in [("regular", 0), ("regular_low", 2), ("regula", 2), ("regulas", 2)] {
        let macs = memory.get_mutation_macs(name, &[index(1), index(u32::MAX)]).await.unwrap();
        assert_eq!(macs.len(), left, "{name}");
    }
}
