use whatsapp_rust::{
    store::traits::{
        Backend, DeviceInfo, DeviceListRecord, LidPnMappingEntry, PendingInboundKey, PendingInboundRow,
        ProtocolStore as _, TcTokenEntry,
    },
    wacore::time::now_secs,
};

use super::*;
use crate::{domain::peer::Period, session::whatsapp::event_queue::QueueItem, store::error::StoreError};

const GROUP: &str = "120363000000000001@g.us";
const OTHER_GROUP: &str = "120363000000000002@g.us";
const MEI: &str = "15550100001:3@s.whatsapp.net";
const NOAH: &str = "15550100002@s.whatsapp.net";

async fn devices(memory: &dyn Backend, group: &str) -> Vec<(String, bool)> {
    let mut devices = memory.get_sender_key_devices(group).await.unwrap();
    devices.sort_unstable();
    devices
}

fn mapping(lid: &str, phone: &str, at: i64) -> LidPnMappingEntry {
    LidPnMappingEntry {
        lid: lid.into(),
        phone_number: phone.into(),
        created_at: at,
        updated_at: at,
        learning_source: "usync".into(),
    }
}

fn list(user: &str, devices: u32) -> DeviceListRecord {
    DeviceListRecord {
        user: user.into(),
        devices: (0..devices).map(|id| DeviceInfo::new(id, Some(id + 5)).with_hosting(id == 1)).collect(),
        timestamp: 12,
        phash: Some("2:abc".into()),
        raw_id: Some(u32::MAX),
    }
}

fn token(token: &[u8], token_timestamp: i64, sender_timestamp: Option<i64>) -> TcTokenEntry {
    TcTokenEntry { token: token.to_vec(), token_timestamp, sender_timestamp }
}

async fn tc_token(memory: &dyn Backend, jid: &str) -> Option<(Vec<u8>, i64, Option<i64>)> {
    let entry = memory.get_tc_token(jid).await.unwrap()?;
    Some((entry.token, entry.token_timestamp, entry.sender_timestamp))
}

pub(super) async fn sender_key_devices(memory: &dyn Backend) {
    assert_eq!(devices(memory, GROUP).await, []);
    memory.set_sender_key_status(GROUP, &[]).await.unwrap();
    memory.set_sender_key_status(GROUP, &[(MEI, true), (NOAH, true)]).await.unwrap();
    memory.set_sender_key_status(OTHER_GROUP, &[(MEI, true), (NOAH, true), (NOAH, false)]).await.unwrap();
    memory.set_sender_key_status(GROUP, &[(MEI, false)]).await.unwrap();
    assert_eq!(devices(memory, GROUP).await, [(MEI.to_owned(), false), (NOAH.to_owned(), true)]);
    assert_eq!(devices(memory, OTHER_GROUP).await, [(MEI.to_owned(), true), (NOAH.to_owned(), false)]);
}

pub(super) async fn sender_key_devices_are_forgotten(memory: &dyn Backend) {
    let many: Vec<_> = (0..1500).map(|user| format!("1555{user:07}@s.whatsapp.net")).collect();
    let entries: Vec<_> = many.iter().map(|device| (device.as_str(), true)).collect();
    memory.set_sender_key_status(OTHER_GROUP, &entries).await.unwrap();
    memory.set_sender_key_status(GROUP, &[(MEI, true), (NOAH, true)]).await.unwrap();
    memory.set_sender_key_status(OTHER_GROUP, &[(MEI, true)]).await.unwrap();

    memory.delete_sender_key_device_rows(&[]).await.unwrap();
    memory.delete_sender_key_device_rows(&[MEI, "nobody"]).await.unwrap();
    assert_eq!(devices(memory, GROUP).await, [(NOAH.to_owned(), true)]);
    assert_eq!(devices(memory, OTHER_GROUP).await.len(), 1500);
    let most: Vec<_> = many[100..].iter().map(String::as_str).collect();
    memory.delete_sender_key_device_rows(&most).await.unwrap();
    assert_eq!(devices(memory, OTHER_GROUP).await.len(), 100);

    memory.clear_sender_key_devices(GROUP).await.unwrap();
    assert_eq!(devices(memory, GROUP).await, []);
    assert_eq!(devices(memory, OTHER_GROUP).await.len(), 100);
    memory.clear_all_sender_key_devices().await.unwrap();
    assert_eq!(devices(memory, OTHER_GROUP).await, []);
}

pub(super) async fn lid_mappings(memory: &dyn Backend) {
    assert!(memory.get_lid_mapping("100").await.unwrap().is_none());
    assert!(memory.get_pn_mapping("15550100001").await.unwrap().is_none());
    memory.put_lid_mapping(&mapping("100", "15550100001", 5)).await.unwrap();
    let by_lid = memory.get_lid_mapping("100").await.unwrap().unwrap();
    let by_phone = memory.get_pn_mapping("15550100001").await.unwrap().unwrap();
    assert_eq!((by_lid.phone_number.as_str(), by_lid.created_at, by_lid.updated_at), ("15550100001", 5, 5));
    assert_eq!((by_phone.lid.as_str(), by_phone.learning_source.as_str()), ("100", "usync"));
    assert!(memory.get_lid_mapping("15550100001").await.unwrap().is_none());

    let moved =
        LidPnMappingEntry { updated_at: 9, learning_source: "other".into(), ..mapping("100", "15550100002", 6) };
    memory.put_lid_mapping(&moved).await.unwrap();
    assert!(memory.get_pn_mapping("15550100001").await.unwrap().is_none(), "the number no longer has a LID");
    let by_phone = memory.get_pn_mapping("15550100002").await.unwrap().unwrap();
    assert_eq!((by_phone.created_at, by_phone.updated_at), (6, 9));
    assert_eq!(by_phone.learning_source, "other");
}

pub(super) async fn lid_mappings_in_a_batch(memory: &dyn Backend) {
    assert!(memory.get_all_lid_mappings().await.unwrap().is_empty());
    memory.put_lid_mappings(&[]).await.unwrap();
    memory.put_lid_mapping(&mapping("0", "1", 1)).await.unwrap();
    let mut all: Vec<_> = (0..2500).map(|user| mapping(&user.to_string(), &format!("1555{user:07}"), 2)).collect();
    all.push(mapping("7", "15550100007", 3));
    memory.put_lid_mappings(&all).await.unwrap();
    let stored = memory.get_all_lid_mappings().await.unwrap();
    assert_eq!(stored.len(), 2500);
    assert_eq!(memory.get_lid_mapping("0").await.unwrap().unwrap().phone_number, "15550000000");
    assert_eq!(
        memory.get_lid_mapping("7").await.unwrap().unwrap().phone_number,
        "15550100007",
        "the later value is kept"
    );
}

/// A new connection must not cause all known people to be read again.
#[tokio::test]
async fn only_unknown_people_are_reported_when_the_library_starts() {
    let test = TestStore::open().await;
    let (sink, mut items) = queue(Duration::from_secs(1), crate::session::SessionMetrics::default());
    let memory = BackendPool::new(test.store.clone()).open(&key(&test), sink).await.unwrap();
    let entries: Vec<_> = (0..700).map(|user| mapping(&user.to_string(), &format!("1555{user:07}"), 2)).collect();
    memory.put_lid_mappings(&entries).await.unwrap();
    let Some(QueueItem::People(mut people)) = items.recv().await else { panic!("people") };
    assert_eq!(people.len(), 700);
    people.sort_by_key(|person| person.lid.clone());
    let (new, known) = people.split_at(3);
    let (session, known) = (test.session, known.to_vec());
    let stored: std::result::Result<(), StoreError> = test
        .store
        .write(&test.organization, move |unit| {
            Box::pin(async move {
                for person in &known {
                    let peer = unit.new_peer(session, &person.phone, 0).await?.id;
                    let period = Period { jid: person.lid.clone(), peer, from: 0, until: None };
                    unit.insert_period(session, &period).await?;
                }
                Ok(())
            })
        })
        .await;
    stored.unwrap();
    assert_eq!(memory.get_all_lid_mappings().await.unwrap().len(), 700);
    let Some(QueueItem::People(mut told)) = items.recv().await else { panic!("people") };
    told.sort_by_key(|person| person.lid.clone());
    assert_eq!(told, new);
}

pub(super) async fn the_latest_lid_of_a_phone(memory: &dyn Backend) {
    for (lid, at) in [("300", 1), ("100", 2), ("200", 3)] {
        memory.put_lid_mapping(&mapping(lid, "15550100001", at)).await.unwrap();
        assert_eq!(memory.get_pn_mapping("15550100001").await.unwrap().unwrap().lid, lid);
    }
    assert_eq!(memory.get_all_lid_mappings().await.unwrap().len(), 3);
}

pub(super) async fn base_keys(memory: &dyn Backend) {
    let same = async |id: &str, key: &[u8]| memory.has_same_base_key(MEI, id, key).await.unwrap();
    assert!(!same("3EB0", b"key").await);
    memory.save_base_key(MEI, "3EB0", b"key").await.unwrap();
    assert!(same("3EB0", b"key").await);
    assert!(!same("3EB0", b"ke").await);
    assert!(!same("3EB1", b"key").await);
    memory.save_base_key(MEI, "3EB0", b"other").await.unwrap();
    assert!(same("3EB0", b"other").await);
    memory.delete_base_key(MEI, "3EB0").await.unwrap();
    memory.delete_base_key(MEI, "3EB0").await.unwrap();
    assert!(!same("3EB0", b"other").await);
}

pub(super) async fn device_lists(memory: &dyn Backend) {
    assert!(memory.get_devices("15550100001").await.unwrap().is_none());
    memory.update_device_list(list("15550100001", 1)).await.unwrap();
    memory.update_device_lists(vec![]).await.unwrap();
    memory.update_device_lists(vec![list("15550100001", 2), list("15550100002", 0)]).await.unwrap();
    let stored = memory.get_devices("15550100001").await.unwrap().unwrap();
    assert_eq!((stored.user.as_str(), stored.timestamp, stored.raw_id), ("15550100001", 12, Some(u32::MAX)));
    assert_eq!(stored.phash.as_deref(), Some("2:abc"));
    let devices: Vec<_> = stored.devices.iter().map(|one| (one.device_id, one.key_index, one.is_hosted)).collect();
    assert_eq!(devices, [(0, Some(5), false), (1, Some(6), true)]);
    assert!(memory.get_devices("15550100002").await.unwrap().unwrap().devices.is_empty());
    memory.delete_devices("15550100001").await.unwrap();
    memory.delete_devices("15550100001").await.unwrap();
    assert!(memory.get_devices("15550100001").await.unwrap().is_none());
    assert!(memory.get_devices("15550100002").await.unwrap().is_some());
}

pub(super) async fn group_metadata(memory: &dyn Backend) {
    assert_eq!(memory.get_group_metadata(GROUP).await.unwrap(), None);
    memory.put_group_metadata(GROUP, b"first").await.unwrap();
    memory.put_group_metadata(GROUP, &[0, 159, 255]).await.unwrap();
    memory.put_group_metadata(OTHER_GROUP, b"another").await.unwrap();
    assert_eq!(memory.get_group_metadata(GROUP).await.unwrap().unwrap(), [0, 159, 255]);
    memory.delete_group_metadata(GROUP).await.unwrap();
    memory.delete_group_metadata(GROUP).await.unwrap();
    assert_eq!(memory.get_group_metadata(GROUP).await.unwrap(), None);
    assert!(memory.get_group_metadata(OTHER_GROUP).await.unwrap().is_some());
}

pub(super) async fn tc_tokens(memory: &dyn Backend) {
    assert_eq!(tc_token(memory, "100@lid").await, None);
    memory.put_tc_token("100@lid", &token(b"first", 5, Some(4))).await.unwrap();
    memory.put_tc_token("100@lid", &token(b"second", 3, None)).await.unwrap();
    memory.put_tc_token("200@lid", &token(b"other", 3, None)).await.unwrap();
    assert_eq!(tc_token(memory, "100@lid").await, Some((b"second".to_vec(), 3, None)));
    let mut jids = memory.get_all_tc_token_jids().await.unwrap();
    jids.sort_unstable();
    assert_eq!(jids, ["100@lid", "200@lid"]);
    memory.delete_tc_token("100@lid").await.unwrap();
    memory.delete_tc_token("100@lid").await.unwrap();
    assert_eq!(memory.get_all_tc_token_jids().await.unwrap(), ["200@lid"]);
}

pub(super) async fn a_received_token_leaves_our_own_time(memory: &dyn Backend) {
    memory.store_received_tc_token("100@lid", b"first", 5).await.unwrap();
    assert_eq!(tc_token(memory, "100@lid").await, Some((b"first".to_vec(), 5, None)));
    memory.put_tc_token("100@lid", &token(b"first", 5, Some(50))).await.unwrap();
    memory.store_received_tc_token("100@lid", b"stale", 4).await.unwrap();
    assert_eq!(tc_token(memory, "100@lid").await, Some((b"first".to_vec(), 5, Some(50))));
    memory.store_received_tc_token("100@lid", b"as new", 5).await.unwrap();
    assert_eq!(tc_token(memory, "100@lid").await, Some((b"as new".to_vec(), 5, Some(50))));
    memory.store_received_tc_token("100@lid", b"newer", 6).await.unwrap();
    assert_eq!(tc_token(memory, "100@lid").await, Some((b"newer".to_vec(), 6, Some(50))));
    memory.put_tc_token("200@lid", &token(b"", 100, Some(100))).await.unwrap();
    memory.store_received_tc_token("200@lid", b"the first real one", 7).await.unwrap();
    assert_eq!(tc_token(memory, "200@lid").await, Some((b"the first real one".to_vec(), 7, Some(100))));
}

pub(super) async fn our_own_time_leaves_the_received_token(memory: &dyn Backend) {
    memory.touch_tc_token_sender_timestamp("100@lid", 10).await.unwrap();
    assert_eq!(tc_token(memory, "100@lid").await, Some((vec![], 10, Some(10))));
    memory.store_received_tc_token("100@lid", b"token", 3).await.unwrap();
    memory.touch_tc_token_sender_timestamp("100@lid", 9).await.unwrap();
    assert_eq!(tc_token(memory, "100@lid").await, Some((b"token".to_vec(), 3, Some(10))), "the time only increases");
    memory.touch_tc_token_sender_timestamp("100@lid", 11).await.unwrap();
    assert_eq!(tc_token(memory, "100@lid").await, Some((b"token".to_vec(), 3, Some(11))));
    memory.put_tc_token("200@lid", &token(b"token", 3, None)).await.unwrap();
    memory.touch_tc_token_sender_timestamp("200@lid", 1).await.unwrap();
    assert_eq!(tc_token(memory, "200@lid").await, Some((b"token".to_vec(), 3, Some(1))));
}

pub(super) async fn old_tokens_go_when_both_times_are_past(memory: &dyn Backend) {
    assert_eq!(memory.delete_expired_tc_tokens(10, 20).await.unwrap(), 0);
    for (jid, entry) in [
        ("old and never", token(b"t", 9, None)),
        ("old and old", token(b"t", 9, Some(19))),
        ("none and never", token(b"", 99, None)),
        ("none and old", token(b"", 99, Some(19))),
        ("new and old", token(b"t", 10, Some(19))),
        ("old and new", token(b"t", 9, Some(20))),
        ("none and new", token(b"", 9, Some(20))),
    ] {
        memory.put_tc_token(jid, &entry).await.unwrap();
    }
    assert_eq!(memory.delete_expired_tc_tokens(10, 20).await.unwrap(), 4);
    let mut left = memory.get_all_tc_token_jids().await.unwrap();
    left.sort_unstable();
    assert_eq!(left, ["new and old", "none and new", "old and new"]);
}

pub(super) async fn sent_messages(memory: &dyn Backend) {
    assert_eq!(memory.take_sent_message(GROUP, "3EB0").await.unwrap(), None);
    memory.store_sent_message(GROUP, "3EB0", b"first").await.unwrap();
    memory.store_sent_message(GROUP, "3EB0", b"second").await.unwrap();
    memory.store_sent_message(OTHER_GROUP, "3EB0", b"another").await.unwrap();
    assert_eq!(memory.take_sent_message(GROUP, "3EB0").await.unwrap().unwrap(), b"second");
    assert_eq!(memory.take_sent_message(GROUP, "3EB0").await.unwrap(), None, "it is returned once");
    assert_eq!(memory.take_sent_message(OTHER_GROUP, "3EB0").await.unwrap().unwrap(), b"another");
}

pub(super) async fn old_sent_messages(memory: &dyn Backend) {
    memory.store_sent_message(GROUP, "3EB0", b"one").await.unwrap();
    memory.store_sent_message(GROUP, "3EB1", b"two").await.unwrap();
    memory.store_pending_inbound(GROUP, MEI, "3EB0", b"not one of them").await.unwrap();
    assert_eq!(memory.delete_expired_sent_messages(now_secs() - 60).await.unwrap(), 0);
    assert_eq!(memory.delete_expired_sent_messages(now_secs() + 60).await.unwrap(), 2);
    assert_eq!(memory.take_sent_message(GROUP, "3EB0").await.unwrap(), None);
    assert!(memory.get_pending_inbound(GROUP, MEI, "3EB0").await.unwrap().is_some());
}

pub(super) async fn pending_inbound(memory: &dyn Backend) {
    assert_eq!(memory.get_pending_inbound(GROUP, MEI, "3EB0").await.unwrap(), None);
    memory.store_pending_inbound(GROUP, MEI, "3EB0", b"first").await.unwrap();
    memory.store_pending_inbound(GROUP, MEI, "3EB0", b"second").await.unwrap();
    memory.store_pending_inbound(GROUP, NOAH, "3EB0", b"another").await.unwrap();
    assert_eq!(memory.get_pending_inbound(GROUP, MEI, "3EB0").await.unwrap().unwrap(), b"second");
    assert!(memory.get_pending_inbound(GROUP, MEI, "3EB0").await.unwrap().is_some(), "it stays");
    memory.delete_pending_inbound(GROUP, MEI, "3EB0").await.unwrap();
    memory.delete_pending_inbound(GROUP, MEI, "3EB0").await.unwrap();
    assert_eq!(memory.get_pending_inbound(GROUP, MEI, "3EB0").await.unwrap(), None);
    assert!(memory.get_pending_inbound(GROUP, NOAH, "3EB0").await.unwrap().is_some());
}

pub(super) async fn pending_inbound_in_a_batch(memory: &dyn Backend) {
    memory.store_pending_inbound_batch(&[]).await.unwrap();
    memory.delete_pending_inbound_batch(&[]).await.unwrap();
    let ids: Vec<_> = (0..1200).map(|number| format!("3EB{number}")).collect();
    let rows: Vec<_> =
        ids.iter().map(|id| PendingInboundRow { chat: GROUP, sender: MEI, id, message: id.as_bytes() }).collect();
    memory.store_pending_inbound_batch(&rows).await.unwrap();
    for id in &ids {
        let stored = memory.get_pending_inbound(GROUP, MEI, id).await.unwrap().unwrap();
        assert_eq!(stored, id.as_bytes());
    }
    let most: Vec<_> = ids[1..].iter().map(|id| PendingInboundKey { chat: GROUP, sender: MEI, id }).collect();
    memory.delete_pending_inbound_batch(&most).await.unwrap();
    assert!(memory.get_pending_inbound(GROUP, MEI, &ids[0]).await.unwrap().is_some());
    for id in &ids[1..] {
        assert_eq!(memory.get_pending_inbound(GROUP, MEI, id).await.unwrap(), None);
    }
}

pub(super) async fn old_pending_inbound(memory: &dyn Backend) {
    memory.store_pending_inbound(GROUP, MEI, "3EB0", b"one").await.unwrap();
    memory.store_sent_message(GROUP, "3EB0", b"not one of them").await.unwrap();
    memory.put_session(MEI, b"nor this").await.unwrap();
    assert_eq!(memory.delete_expired_pending_inbound(now_secs() - 60).await.unwrap(), 0);
    assert_eq!(memory.delete_expired_pending_inbound(now_secs() + 60).await.unwrap(), 1);
    assert_eq!(memory.get_pending_inbound(GROUP, MEI, "3EB0").await.unwrap(), None);
    assert!(memory.take_sent_message(GROUP, "3EB0").await.unwrap().is_some());
    assert!(memory.has_session(MEI).await.unwrap());
}

/// Message ids are chosen by the sender.
pub(super) async fn parts_of_a_key_do_not_run_together(memory: &dyn Backend) {
    memory.store_pending_inbound("ab", "c", "d", b"one").await.unwrap();
    for (chat, sender, id) in
        [("a", "bc", "d"), ("ab", "", "cd"), ("", "ab", "cd"), ("ab", "cd", ""), ("ab", "c", "d\0")]
    {
        assert_eq!(memory.get_pending_inbound(chat, sender, id).await.unwrap(), None, "{chat} {sender} {id}");
    }
    memory.store_pending_inbound("a\0", "\0b", "\0", b"two").await.unwrap();
    assert!(memory.get_pending_inbound("a\0", "\0b", "\0").await.unwrap().is_some());
    assert_eq!(memory.get_pending_inbound("a", "\0\0b", "\0").await.unwrap(), None);
}
