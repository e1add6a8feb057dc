//! Devices, numbers, tokens and sender keys of people, and messages that are in transit.

use async_trait::async_trait;
use whatsapp_rust::{
    store::{
        error::Result,
        traits::{
            DeviceListRecord, LidPnMappingEntry, PendingInboundKey, PendingInboundRow, ProtocolStore, TcTokenEntry,
        },
    },
    wacore::time::now_secs,
};

use super::{SessionBackend, compound, decoded, encode, failed, record};
use crate::{
    domain::person::Person,
    session::whatsapp::{event_queue::QueueItem, jid},
    store::whatsapp_device::{LidMapping, PrivacyToken, Record, RecordKind},
};

#[async_trait]
impl ProtocolStore for SessionBackend {
    async fn get_sender_key_devices(&self, group_jid: &str) -> Result<Vec<(String, bool)>> {
        self.state.sender_key_devices(group_jid).await.map_err(failed)
    }

    async fn set_sender_key_status(&self, group_jid: &str, entries: &[(&str, bool)]) -> Result<()> {
        let devices = entries.iter().map(|(device, has_key)| ((*device).to_owned(), *has_key)).collect();
        self.state.put_sender_key_devices(group_jid, devices).await.map_err(failed)
    }

    async fn clear_sender_key_devices(&self, group_jid: &str) -> Result<()> {
        self.state.clear_sender_key_devices(Some(group_jid)).await.map_err(failed)
    }

    async fn delete_sender_key_device_rows(&self, device_jids: &[&str]) -> Result<()> {
        self.state.remove_sender_key_devices(device_jids).await.map_err(failed)
    }

    async fn clear_all_sender_key_devices(&self) -> Result<()> {
        self.state.clear_sender_key_devices(None).await.map_err(failed)
    }

    async fn get_lid_mapping(&self, lid: &str) -> Result<Option<LidPnMappingEntry>> {
        Ok(self.state.mapping_of_lid(lid).await.map_err(failed)?.map(from_mapping))
    }

    async fn get_pn_mapping(&self, phone: &str) -> Result<Option<LidPnMappingEntry>> {
        Ok(self.state.mapping_of_phone(phone).await.map_err(failed)?.map(from_mapping))
    }

    async fn put_lid_mapping(&self, entry: &LidPnMappingEntry) -> Result<()> {
        self.put_lid_mappings(std::slice::from_ref(entry)).await
    }

    async fn put_lid_mappings(&self, entries: &[LidPnMappingEntry]) -> Result<()> {
        self.state.put_lid_mappings(entries.iter().map(to_mapping).collect()).await.map_err(failed)?;
        self.sink.push(QueueItem::People(people(entries)));
        Ok(())
    }

    async fn get_all_lid_mappings(&self) -> Result<Vec<LidPnMappingEntry>> {
        let known: Vec<_> = self.state.lid_mappings().await.map_err(failed)?.into_iter().map(from_mapping).collect();
        // The library asks when it starts: report now what an earlier process could not report any more.
        let people = people(&known);
        let new = self.store.unknown_people(&self.key.organization, self.key.session, &people).await;
        self.sink.push(QueueItem::People(new.unwrap_or(people)));
        Ok(known)
    }

    async fn save_base_key(&self, address: &str, message_id: &str, base_key: &[u8]) -> Result<()> {
        self.put(RecordKind::BaseKey, compound(&[address], message_id.as_bytes()), base_key).await
    }

    async fn has_same_base_key(&self, address: &str, message_id: &str, current_base_key: &[u8]) -> Result<bool> {
        let saved = self.get(RecordKind::BaseKey, &compound(&[address], message_id.as_bytes())).await?;
        Ok(saved.is_some_and(|saved| saved == current_base_key))
    }

    async fn delete_base_key(&self, address: &str, message_id: &str) -> Result<()> {
        self.remove(RecordKind::BaseKey, compound(&[address], message_id.as_bytes())).await
    }

    async fn update_device_list(&self, record: DeviceListRecord) -> Result<()> {
        self.update_device_lists(vec![record]).await
    }

    async fn update_device_lists(&self, records: Vec<DeviceListRecord>) -> Result<()> {
        let lists = records.iter().map(|list| Ok(record(RecordKind::DeviceList, list.user.as_str(), encode(list)?)));
        self.put_all(lists.collect::<Result<_>>()?).await
    }

    async fn get_devices(&self, user: &str) -> Result<Option<DeviceListRecord>> {
        decoded(self.get(RecordKind::DeviceList, user.as_bytes()).await?)
    }

    async fn delete_devices(&self, user: &str) -> Result<()> {
        self.remove(RecordKind::DeviceList, user).await
    }

    async fn get_group_metadata(&self, group_jid: &str) -> Result<Option<Vec<u8>>> {
        self.get(RecordKind::Group, group_jid.as_bytes()).await
    }

    async fn put_group_metadata(&self, group_jid: &str, blob: &[u8]) -> Result<()> {
        self.put(RecordKind::Group, group_jid, blob).await
    }

    async fn delete_group_metadata(&self, group_jid: &str) -> Result<()> {
        self.remove(RecordKind::Group, group_jid).await
    }

    async fn get_tc_token(&self, jid: &str) -> Result<Option<TcTokenEntry>> {
        Ok(self.guard_secret(self.state.token(jid).await).await?.map(|token| TcTokenEntry {
            token: token.token,
            token_timestamp: token.token_at,
            sender_timestamp: token.sender_at,
        }))
    }

    async fn put_tc_token(&self, jid: &str, entry: &TcTokenEntry) -> Result<()> {
        let token = PrivacyToken {
            token: entry.token.clone(),
            token_at: entry.token_timestamp,
            sender_at: entry.sender_timestamp,
        };
        self.state.put_token(jid, token).await.map_err(failed)
    }

    async fn delete_tc_token(&self, jid: &str) -> Result<()> {
        self.state.remove_token(jid).await.map_err(failed)
    }

    async fn get_all_tc_token_jids(&self) -> Result<Vec<String>> {
        self.state.token_jids().await.map_err(failed)
    }

    async fn delete_expired_tc_tokens(&self, token_cutoff: i64, sender_cutoff: i64) -> Result<u32> {
        self.state.remove_tokens_before(token_cutoff, sender_cutoff).await.map_err(failed)
    }

    async fn touch_tc_token_sender_timestamp(&self, jid: &str, sender_timestamp: i64) -> Result<()> {
        self.state.touch_token(jid, sender_timestamp).await.map_err(failed)
    }

    async fn store_received_tc_token(&self, jid: &str, token: &[u8], token_timestamp: i64) -> Result<()> {
        self.state.receive_token(jid, token.to_vec(), token_timestamp).await.map_err(failed)
    }

    async fn store_sent_message(&self, chat_jid: &str, message_id: &str, payload: &[u8]) -> Result<()> {
        let key = compound(&[chat_jid], message_id.as_bytes());
        self.put_all(vec![dated(RecordKind::SentMessage, key, payload)]).await
    }

    async fn take_sent_message(&self, chat_jid: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
        let key = compound(&[chat_jid], message_id.as_bytes());
        self.guard_secret(self.state.take_record(RecordKind::SentMessage, &key).await).await
    }

    async fn delete_expired_sent_messages(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.state.remove_records_before(RecordKind::SentMessage, cutoff_timestamp).await.map_err(failed)
    }

    async fn store_pending_inbound(&self, chat: &str, sender: &str, id: &str, message: &[u8]) -> Result<()> {
        self.store_pending_inbound_batch(&[PendingInboundRow { chat, sender, id, message }]).await
    }

    async fn get_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<Option<Vec<u8>>> {
        self.get(RecordKind::PendingInbound, &compound(&[chat, sender], id.as_bytes())).await
    }

    async fn delete_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<()> {
        self.delete_pending_inbound_batch(&[PendingInboundKey { chat, sender, id }]).await
    }

    async fn delete_expired_pending_inbound(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.state.remove_records_before(RecordKind::PendingInbound, cutoff_timestamp).await.map_err(failed)
    }

    async fn store_pending_inbound_batch(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        self.announcements_are_kept(rows).await?;
        let row = |row: &PendingInboundRow<'_>| {
            dated(RecordKind::PendingInbound, compound(&[row.chat, row.sender], row.id.as_bytes()), row.message)
        };
        self.put_all(rows.iter().map(row).collect()).await
    }

    async fn delete_pending_inbound_batch(&self, keys: &[PendingInboundKey<'_>]) -> Result<()> {
        let keys: Vec<_> = keys.iter().map(|key| compound(&[key.chat, key.sender], key.id.as_bytes())).collect();
        self.state.remove_records(RecordKind::PendingInbound, &keys).await.map_err(failed)
    }
}

/// Converts the library's pairs of addresses into people.
fn people(entries: &[LidPnMappingEntry]) -> Vec<Person> {
    let people = entries.iter().filter_map(|entry| {
        let phone = jid::parse(&format!("{}@s.whatsapp.net", entry.phone_number)).ok()?;
        Person::new(&phone, &jid::parse(&format!("{}@lid", entry.lid)).ok()?)
    });
    people.collect()
}

/// Creates a record that expires, dated by the clock that the library uses to delete expired ones.
fn dated(kind: RecordKind, key: Vec<u8>, value: &[u8]) -> Record {
    Record { at: Some(now_secs()), ..record(kind, key, value) }
}

fn to_mapping(entry: &LidPnMappingEntry) -> LidMapping {
    LidMapping {
        lid: entry.lid.clone(),
        phone: entry.phone_number.clone(),
        created_at: entry.created_at,
        updated_at: entry.updated_at,
        source: entry.learning_source.clone(),
    }
}

fn from_mapping(mapping: LidMapping) -> LidPnMappingEntry {
    LidPnMappingEntry {
        lid: mapping.lid,
        phone_number: mapping.phone,
        created_at: mapping.created_at,
        updated_at: mapping.updated_at,
        learning_source: mapping.source,
    }
}
