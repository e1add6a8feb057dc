//! Storage of the library's state of a session, with one file for each of its traits: `signal`, `app_state`,
//! `protocol`, `secret`, `device`.
//!
//! A batch of the library is one call of the store and thus one commit, which is on disk when the call returns. A
//! Signal counter must not go back once the message that used it has been sent.

mod app_state;
mod device;
pub(super) mod full_sync;
mod history;
mod protocol;
mod secret;
mod signal;
mod sync_checkpoint;
mod sync_tracker;
mod unread;
mod unreadable_secret;
mod upload_guard;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio_util::sync::CancellationToken;
use tracing::error;
use whatsapp_rust::{
    serde::{Serialize, de::DeserializeOwned},
    store::error::StoreError,
    wacore::store::Device,
};

use super::{event_queue::EventSink, fetch_queue::FetchQueue, history_part::StoredNotices, jid};
use crate::{
    domain::{id::SessionId, session::Account},
    session::SessionKey,
    store::{
        Store,
        whatsapp_device::{DeviceState, Record, RecordKind},
    },
};
use sync_tracker::SyncTracker;

pub(super) use upload_guard::Upload;

/// The memories of all sessions.
pub(super) struct BackendPool {
    store: Store,
    open: Mutex<HashMap<SessionId, DeviceState>>,
}

impl BackendPool {
    /// Creates it; nothing is read before a memory is opened.
    pub(super) fn new(store: Store) -> Self {
        Self { store, open: Mutex::default() }
    }

    /// Opens the session's memory for one client, which reports to `sink`. The previous client can no longer write,
    /// because it would overwrite newer state. Collections that it did not deliver completely are read again.
    ///
    /// # Errors
    /// The library's, if the memory cannot be read.
    pub(super) async fn open(&self, key: &SessionKey, sink: EventSink) -> Result<Arc<SessionBackend>, StoreError> {
        let state = self.store.device_state(&key.organization, key.session);
        if let Some(before) = self.opened().insert(key.session, state.clone()) {
            before.close();
        }
        // A new device must not find data of an earlier one.
        state.clear_rest().await.map_err(failed)?;
        let memory = SessionBackend {
            state,
            store: self.store.clone(),
            key: key.clone(),
            sink,
            tracker: SyncTracker::default(),
            fetches: Arc::default(),
            lacks_key: AtomicBool::new(false),
            damaged: CancellationToken::new(),
            stored_notices: Arc::default(),
        };
        memory.resync_unacknowledged().await?;
        Ok(Arc::new(memory))
    }

    /// Returns the account that the session's device is linked to, whether or not its memory is open; `None` if it is
    /// not linked.
    ///
    /// # Errors
    /// The library's, if the memory cannot be read.
    pub(super) async fn linked(&self, key: &SessionKey) -> Result<Option<Account>, StoreError> {
        let state = self.store.device_state(&key.organization, key.session);
        let device: Option<Device> = decoded(state.record(RecordKind::Device, &[]).await.map_err(failed)?)?;
        Ok(device.as_ref().and_then(account))
    }

    /// Deletes the session's device: the next memory is empty. The remaining rows are purged in the background.
    pub(super) async fn forget(&self, key: &SessionKey) {
        if let Some(before) = self.opened().remove(&key.session) {
            before.close();
        }
        if let Err(error) = self.store.device_state(&key.organization, key.session).forget().await {
            error!(error = &error as &dyn std::error::Error, "Deleting the session's device failed");
        }
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<SessionId, DeviceState>> {
        // Recovers from poisoning: the map of handles is never left in a partial state.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the account that a device is linked to. A number alone is no evidence: a sandbox's device has a placeholder.
fn account(device: &Device) -> Option<Account> {
    device.account.as_ref()?;
    let jid = jid::from_wire(device.pn.as_ref()?).ok()?;
    Some(Account { jid, lid: device.lid.as_ref().and_then(|lid| jid::from_wire(lid).ok()) })
}

/// One session's memory.
pub(super) struct SessionBackend {
    state: DeviceState,
    /// For the session's chats.
    store: Store,
    key: SessionKey,
    sink: EventSink,
    tracker: SyncTracker,
    /// Collections that must be fetched.
    fetches: Arc<FetchQueue>,
    /// True if a missing key was requested.
    lacks_key: AtomicBool,
    /// Cancelled if a value cannot be decrypted.
    damaged: CancellationToken,
    /// The stored announcements of parts of the history.
    stored_notices: Arc<StoredNotices>,
}

impl SessionBackend {
    /// Returns the collections that must be fetched.
    pub(super) fn fetches(&self) -> Arc<FetchQueue> {
        Arc::clone(&self.fetches)
    }

    /// Returns whether a missing key was requested since the last call.
    pub(super) fn take_missing_key(&self) -> bool {
        self.lacks_key.swap(false, Ordering::Relaxed)
    }

    async fn get(&self, kind: RecordKind, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.guard_secret(self.state.record(kind, key).await).await
    }

    async fn put(
        &self,
        kind: RecordKind,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
    ) -> Result<(), StoreError> {
        self.put_all(vec![record(kind, key, value)]).await
    }

    async fn put_all(&self, records: Vec<Record>) -> Result<(), StoreError> {
        self.state.put_records(records).await.map_err(failed)
    }

    async fn remove(&self, kind: RecordKind, key: impl Into<Vec<u8>>) -> Result<(), StoreError> {
        self.state.remove_records(kind, &[key.into()]).await.map_err(failed)
    }
}

/// Creates a record that does not expire.
fn record(kind: RecordKind, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Record {
    Record { kind, key: key.into(), value: value.into(), at: None }
}

/// Joins the parts of a key. All but the last one have a length prefix, so that different parts make different keys,
/// and keys with the same first parts have a common prefix.
fn compound(parts: &[&str], last: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum::<usize>() + last.len());
    for part in parts {
        key.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        key.extend(part.as_bytes());
    }
    key.extend(last);
    key
}

/// The library's own structures are stored in its own serialisation, in which a later version finds the fields it
/// knows.
fn encode(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| StoreError::Serialization(error.into()))
}

fn decode<T: DeserializeOwned>(value: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(value).map_err(|error| StoreError::Serialization(error.into()))
}

fn decoded<T: DeserializeOwned>(value: Option<Vec<u8>>) -> Result<Option<T>, StoreError> {
    value.map(|value| decode(&value)).transpose()
}

fn failed(error: crate::store::error::StoreError) -> StoreError {
    StoreError::Database(error.into())
}

#[cfg(test)]
mod tests;
