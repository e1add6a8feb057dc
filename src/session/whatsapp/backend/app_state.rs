//! App state of the account: its keys, and the version of each collection.

use std::{collections::HashMap, sync::atomic::Ordering};

use async_trait::async_trait;
use tracing::warn;
use whatsapp_rust::{
    store::{
        error::{Result, StoreError},
        traits::{AppStateSyncKey, AppSyncStore},
    },
    wacore::appstate::{hash::HashState, processor::AppStateMutationMAC},
};

use super::{
    super::event_queue::QueueItem, SessionBackend, compound, decoded, encode, failed, full_sync, record,
    sync_tracker::VersionStored, upload_guard,
};
use crate::store::whatsapp_device::RecordKind;

#[async_trait]
impl AppSyncStore for SessionBackend {
    async fn get_sync_key(&self, key_id: &[u8]) -> Result<Option<AppStateSyncKey>> {
        let key = decoded(self.get(RecordKind::SyncKey, key_id).await?)?;
        self.lacks_key.fetch_or(key.is_none(), Ordering::Relaxed);
        Ok(key)
    }

    async fn set_sync_key(&self, key_id: &[u8], key: AppStateSyncKey) -> Result<()> {
        let latest = record(RecordKind::LatestSyncKey, [], key_id);
        self.put_all(vec![record(RecordKind::SyncKey, key_id, encode(&key)?), latest]).await
    }

    async fn get_version(&self, name: &str) -> Result<HashState> {
        self.tracker.version_read(name);
        if upload_guard::is_dropped().await {
            // The version was read before the delivery, as when an upload is built.
            self.tracker.patch_started(name);
            return Err(StoreError::Validation("the upload is not wanted any more".to_owned()));
        }
        if full_sync::is_due() {
            self.put_back(name).await?;
            full_sync::done();
        }
        self.version(name).await
    }

    async fn set_version(&self, name: &str, state: HashState) -> Result<()> {
        let is_new = state.version != self.version(name).await?.version;
        let mut records = vec![record(RecordKind::Version, name, encode(&state)?)];
        let (mut unread, whole) = (Vec::new(), self.tracker.is_from_start(name));
        // A collection at version zero delivers everything when it is read.
        if is_new && state.version != 0 {
            unread = self.unread(name, state.version, whole).await?;
            upload_guard::reads();
            let mark = self.tracker.read(name);
            records.push(record(RecordKind::PendingSync, name, mark.to_be_bytes()));
        }
        self.put_all(records).await?;
        for mutation in unread {
            self.sink.push(QueueItem::Action { mutation: Box::new(mutation), replayed: whole });
        }
        if is_new {
            return Ok(());
        }
        let stored = self.tracker.version_stored_again(name, state.version, !state.mac_mismatch_fatal);
        if stored != VersionStored::Nothing {
            self.sink.answers().are_read(name);
        }
        match stored {
            VersionStored::All(Some(mark)) => {
                self.sink.push(QueueItem::SettingsDelivered { collection: name.to_owned(), mark });
            }
            VersionStored::NotAll => {
                warn!(collection = name, "App state was read but not fully delivered; reading it again");
                // The fetch that stores the version has exclusive access, and it ends here.
                self.put_back(name).await?;
                self.fetches.add(name, 0);
            }
            VersionStored::Nothing | VersionStored::All(None) => {}
        }
        Ok(())
    }

    async fn put_mutation_macs(&self, name: &str, _version: u64, mutations: &[AppStateMutationMAC]) -> Result<()> {
        let mac = |mac: &AppStateMutationMAC| {
            record(RecordKind::MutationMac, compound(&[name], &mac.index_mac), mac.value_mac.as_slice())
        };
        self.put_all(mutations.iter().map(mac).collect()).await
    }

    async fn get_mutation_mac(&self, name: &str, index_mac: &[u8]) -> Result<Option<Vec<u8>>> {
        self.get(RecordKind::MutationMac, &compound(&[name], index_mac)).await
    }

    async fn get_mutation_macs(&self, name: &str, index_macs: &[[u8; 32]]) -> Result<HashMap<[u8; 32], Vec<u8>>> {
        self.tracker.patch_started(name);
        let keys: Vec<_> = index_macs.iter().map(|index| compound(&[name], index)).collect();
        let found = self.guard_secret(self.state.records(RecordKind::MutationMac, &keys).await).await?;
        // The key ends with the index.
        Ok(found.into_iter().filter_map(|(key, value)| Some((*key.last_chunk()?, value))).collect())
    }

    async fn delete_mutation_macs(&self, name: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        let keys: Vec<_> = index_macs.iter().map(|index| compound(&[name], index)).collect();
        self.state.remove_records(RecordKind::MutationMac, &keys).await.map_err(failed)
    }

    async fn clear_mutation_macs(&self, name: &str) -> Result<()> {
        self.tracker.snapshot_started(name);
        self.state.remove_records_under(RecordKind::MutationMac, &compound(&[name], &[])).await.map_err(failed)
    }

    async fn get_latest_sync_key_id(&self) -> Result<Option<Vec<u8>>> {
        self.get(RecordKind::LatestSyncKey, &[]).await
    }
}

impl SessionBackend {
    /// Returns the version up to which a collection was read.
    pub(in super::super) async fn read_to(&self, name: &str) -> Result<u64> {
        Ok(self.version(name).await?.version)
    }

    async fn version(&self, name: &str) -> Result<HashState> {
        Ok(decoded(self.get(RecordKind::Version, name.as_bytes()).await?)?.unwrap_or_default())
    }
}
