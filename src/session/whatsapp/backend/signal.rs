//! Signal keys and sessions.

use std::sync::Arc;

use async_trait::async_trait;
use whatsapp_rust::{
    bytes::Bytes,
    store::{
        error::{Result, StoreError},
        traits::SignalStore,
    },
};

use super::{SessionBackend, failed, record};
use crate::store::whatsapp_device::RecordKind;

#[async_trait]
impl SignalStore for SessionBackend {
    async fn put_identity(&self, address: &str, key: [u8; 32]) -> Result<()> {
        self.put(RecordKind::Identity, address, key).await
    }

    async fn put_identities_batch(&self, identities: &[(Arc<str>, [u8; 32])]) -> Result<()> {
        self.put_all(identities.iter().map(|(address, key)| record(RecordKind::Identity, &**address, *key)).collect())
            .await
    }

    async fn load_identity(&self, address: &str) -> Result<Option<[u8; 32]>> {
        let key = self.get(RecordKind::Identity, address.as_bytes()).await?;
        let whole = |key: Vec<u8>| key.try_into().map_err(|_| StoreError::Validation("an identity key is cut".into()));
        key.map(whole).transpose()
    }

    async fn delete_identity(&self, address: &str) -> Result<()> {
        self.remove(RecordKind::Identity, address).await
    }

    async fn get_session(&self, address: &str) -> Result<Option<Bytes>> {
        Ok(self.get(RecordKind::Session, address.as_bytes()).await?.map(Bytes::from))
    }

    async fn put_session(&self, address: &str, session: &[u8]) -> Result<()> {
        self.put(RecordKind::Session, address, session).await
    }

    async fn put_sessions_batch(&self, sessions: &[(Arc<str>, Bytes)]) -> Result<()> {
        self.put_all(
            sessions.iter().map(|(address, session)| record(RecordKind::Session, &**address, &**session)).collect(),
        )
        .await
    }

    async fn delete_session(&self, address: &str) -> Result<()> {
        self.remove(RecordKind::Session, address).await
    }

    async fn has_signal_state_for_user(&self, user: &str) -> Result<bool> {
        for kind in [RecordKind::Session, RecordKind::Identity] {
            for end_of_user in ['@', ':'] {
                let prefix = format!("{user}{end_of_user}");
                if self.state.has_record_under(kind, prefix.as_bytes()).await.map_err(failed)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    async fn store_prekey(&self, id: u32, record: &[u8], _uploaded: bool) -> Result<()> {
        self.put(RecordKind::PreKey, id.to_be_bytes(), record).await
    }

    async fn store_prekeys_batch(&self, keys: &[(u32, Bytes)], _uploaded: bool) -> Result<()> {
        self.put_all(keys.iter().map(|(id, key)| record(RecordKind::PreKey, id.to_be_bytes(), &**key)).collect()).await
    }

    async fn load_prekey(&self, id: u32) -> Result<Option<Bytes>> {
        Ok(self.get(RecordKind::PreKey, &id.to_be_bytes()).await?.map(Bytes::from))
    }

    async fn load_prekeys_batch(&self, ids: &[u32]) -> Result<Vec<(u32, Bytes)>> {
        let keys: Vec<_> = ids.iter().map(|id| id.to_be_bytes().to_vec()).collect();
        let found = self.guard_secret(self.state.records(RecordKind::PreKey, &keys).await).await?;
        found.into_iter().map(|(key, value)| Ok((number(&key)?, Bytes::from(value)))).collect()
    }

    /// Does nothing: the library never asks which keys were uploaded; it keeps its own mark in the device.
    async fn mark_prekeys_uploaded(&self, _ids: &[u32]) -> Result<()> {
        Ok(())
    }

    async fn remove_prekey(&self, id: u32) -> Result<()> {
        self.remove(RecordKind::PreKey, id.to_be_bytes()).await
    }

    async fn get_max_prekey_id(&self) -> Result<u32> {
        let last = self.state.last_record(RecordKind::PreKey).await.map_err(failed)?;
        last.map_or(Ok(0), |key| number(&key))
    }

    async fn store_signed_prekey(&self, id: u32, record: &[u8]) -> Result<()> {
        self.put(RecordKind::SignedPreKey, id.to_be_bytes(), record).await
    }

    async fn load_signed_prekey(&self, id: u32) -> Result<Option<Vec<u8>>> {
        self.get(RecordKind::SignedPreKey, &id.to_be_bytes()).await
    }

    async fn load_all_signed_prekeys(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        let found = self.guard_secret(self.state.all_records(RecordKind::SignedPreKey).await).await?;
        found.into_iter().map(|(key, value)| Ok((number(&key)?, value))).collect()
    }

    async fn remove_signed_prekey(&self, id: u32) -> Result<()> {
        self.remove(RecordKind::SignedPreKey, id.to_be_bytes()).await
    }

    async fn put_sender_key(&self, address: &str, record: &[u8]) -> Result<()> {
        self.put(RecordKind::SenderKey, address, record).await
    }

    async fn put_sender_keys_batch(&self, sender_keys: &[(Arc<str>, Bytes)]) -> Result<()> {
        self.put_all(
            sender_keys.iter().map(|(address, key)| record(RecordKind::SenderKey, &**address, &**key)).collect(),
        )
        .await
    }

    async fn get_sender_key(&self, address: &str) -> Result<Option<Vec<u8>>> {
        self.get(RecordKind::SenderKey, address.as_bytes()).await
    }

    async fn delete_sender_key(&self, address: &str) -> Result<()> {
        self.remove(RecordKind::SenderKey, address).await
    }
}

/// Parses the number of a key from big-endian bytes.
fn number(key: &[u8]) -> Result<u32> {
    let bytes = key.try_into().map_err(|_| StoreError::Validation("a key's number is cut".into()))?;
    Ok(u32::from_be_bytes(bytes))
}
