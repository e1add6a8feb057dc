//! What the library remembers of a session, in the store. Here it is put in the library's terms, one file for each of its
//! traits: `signal`, `app_state`, `protocol`, `secret`, `device`.
//!
//! A batch of the library is one call of the store and so one commit, which is on the disk when the call returns: a
//! counter of an encrypted session must not go back once the message that used it is on the wire.

mod app_state;
mod damage;
mod device;
mod history;
mod protocol;
mod removed;
mod secret;
mod signal;
mod untold;
mod upload;

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use tokio_util::sync::CancellationToken;
use tracing::error;
use whatsapp_rust::serde::Serialize;
use whatsapp_rust::serde::de::DeserializeOwned;
use whatsapp_rust::store::error::StoreError;
use whatsapp_rust::wacore::store::Device;

use super::imports::Kept;
use super::inbox::Ears;
use super::jid;
use crate::domain::id::SessionId;
use crate::domain::session::Account;
use crate::session::SessionKey;
use crate::store::Store;
use crate::store::device::DeviceState;
use crate::store::device::Kind;
use crate::store::device::Record;
use untold::Untold;

pub(super) use upload::Upload;

/// The memories of all sessions.
pub(super) struct Backends {
    store: Store,
    open: Mutex<HashMap<SessionId, DeviceState>>,
}

impl Backends {
    /// Nothing is read before a memory is opened.
    pub(super) fn new(store: Store) -> Self {
        Self { store, open: Mutex::default() }
    }

    /// The session's memory, for one client, which hears `ears`: the one that had it before can write no more, for it would
    /// overwrite what this one stores. What that one left half told is read anew.
    ///
    /// # Errors
    /// The library's, when the memory cannot be read.
    pub(super) async fn open(&self, key: &SessionKey, ears: Ears) -> Result<Arc<Memory>, StoreError> {
        let state = self.store.device_state(&key.organization, key.session);
        if let Some(before) = self.opened().insert(key.session, state.clone()) {
            before.close();
        }
        // A device that begins must not find what is left of another one.
        state.clear_rest().await.map_err(failed)?;
        let memory = Memory {
            state,
            store: self.store.clone(),
            key: key.clone(),
            ears,
            untold: Untold::default(),
            anew: Mutex::default(),
            lacks_key: AtomicBool::new(false),
            damaged: CancellationToken::new(),
            kept: Arc::default(),
        };
        memory.read_the_untold_anew().await?;
        Ok(Arc::new(memory))
    }

    /// The account that the session's device is linked to, whoever has its memory open; none when it is not linked.
    ///
    /// # Errors
    /// The library's, when the memory cannot be read.
    pub(super) async fn linked(&self, key: &SessionKey) -> Result<Option<Account>, StoreError> {
        let state = self.store.device_state(&key.organization, key.session);
        let device: Option<Device> = decoded(state.record(Kind::Device, &[]).await.map_err(failed)?)?;
        Ok(device.as_ref().and_then(account))
    }

    /// Deletes the session's memory: the next one opened is empty.
    pub(super) async fn forget(&self, key: &SessionKey) {
        if let Some(before) = self.opened().remove(&key.session) {
            before.close();
        }
        if let Err(error) = self.store.device_state(&key.organization, key.session).forget().await {
            error!(error = &error as &dyn std::error::Error, "Deleting the session's device failed");
        }
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<SessionId, DeviceState>> {
        // A map of handles is never left half written.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The account that a device is linked to. A number alone says nothing: a sandbox's device has one beforehand.
fn account(device: &Device) -> Option<Account> {
    device.account.as_ref()?;
    let jid = jid::from_wire(device.pn.as_ref()?).ok()?;
    Some(Account { jid, lid: device.lid.as_ref().and_then(|lid| jid::from_wire(lid).ok()) })
}

/// One session's memory.
pub(super) struct Memory {
    state: DeviceState,
    /// For the chats of the session, and whose it is.
    store: Store,
    key: SessionKey,
    ears: Ears,
    untold: Untold,
    /// The collections of settings that are to be read from their beginning.
    anew: Mutex<BTreeSet<String>>,
    /// A key was asked for that is not here.
    lacks_key: AtomicBool,
    /// A value did not open.
    damaged: CancellationToken,
    /// The announcements of parts of the history that are kept.
    kept: Arc<Kept>,
}

impl Memory {
    /// Has a collection of settings forgotten as soon as it is next fetched, and not before: whoever fetches it now
    /// would go on from where it stood.
    pub(super) fn read_anew(&self, collection: &str) {
        self.anew().insert(collection.to_owned());
    }

    /// Tells whether a key was asked for that is not here, since this was last called.
    pub(super) fn lacked_key(&self) -> bool {
        self.lacks_key.swap(false, Ordering::Relaxed)
    }

    fn anew(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // A set of names is never left half written.
        self.anew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn get(&self, kind: Kind, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.intact(self.state.record(kind, key).await).await
    }

    async fn put(&self, kind: Kind, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Result<(), StoreError> {
        self.put_all(vec![record(kind, key, value)]).await
    }

    async fn put_all(&self, records: Vec<Record>) -> Result<(), StoreError> {
        self.state.put_records(records).await.map_err(failed)
    }

    async fn remove(&self, kind: Kind, key: impl Into<Vec<u8>>) -> Result<(), StoreError> {
        self.state.remove_records(kind, &[key.into()]).await.map_err(failed)
    }
}

/// A record that does not grow old.
fn record(kind: Kind, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Record {
    Record { kind, key: key.into(), value: value.into(), at: None }
}

/// A key of several parts. Only the last one goes without its length, so that no two lists of parts make the same key,
/// and keys with the same parts before the last begin alike.
fn compound(parts: &[&str], last: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum::<usize>() + last.len());
    for part in parts {
        key.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        key.extend(part.as_bytes());
    }
    key.extend(last);
    key
}

/// The library's own structures are kept in its own words, in which a later version of it finds the fields it knows.
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
