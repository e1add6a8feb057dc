//! Actions for which the library raises no event. The library stores the version of a collection before it raises the
//! events of that version. The other actions are read here at that moment, from the same response. They are covered by
//! the same mark (see `tracker`), so they are read again after a crash.

use std::collections::{HashMap, hash_map::Entry};

use tokio::task::spawn_blocking;
use tracing::warn;
use whatsapp_rust::{
    store::{
        error::{Result, StoreError},
        traits::AppStateSyncKey,
    },
    wacore::appstate::{AppStateError, ExpandedAppStateKeys, Mutation, decode_record, expand_app_state_keys},
};

use super::{SessionBackend, decoded};
use crate::{
    session::whatsapp::{actions, answers::Sealed},
    store::whatsapp_device::RecordKind,
};

impl SessionBackend {
    /// Returns the actions without an event in a version of a collection that the library has verified. `whole` is true
    /// for a snapshot.
    ///
    /// # Errors
    /// An error if they cannot be read. Do not store the version then: the library fetches it again.
    pub(super) async fn unread(&self, name: &str, version: u64, whole: bool) -> Result<Vec<Mutation>> {
        let found = self.sink.answers().take(name, version, whole);
        let Some(sealed) = found.map_err(|error| StoreError::Validation(format!("{error:#}")))? else {
            warn!(collection = name, version, "No response contains this version of the app state");
            return Ok(Vec::new());
        };
        let mut keys = HashMap::new();
        for (_, record) in &sealed {
            let id = record.key_id.id.clone().unwrap_or_default();
            if let Entry::Vacant(entry) = keys.entry(id) {
                let key: Option<AppStateSyncKey> = decoded(self.get(RecordKind::SyncKey, entry.key()).await?)?;
                let key = key.ok_or_else(|| StoreError::Validation("an app-state key is missing".to_owned()))?;
                entry.insert(expand_app_state_keys(&key.key_data));
            }
        }
        let opened = spawn_blocking(move || opened(sealed, &keys)).await;
        let opened = opened.map_err(|error| StoreError::Validation(error.to_string()))?;
        opened.map_err(|error| StoreError::Validation(error.to_string()))
    }
}

/// Decrypts records, and returns the actions that are translated here.
fn opened(
    sealed: Vec<Sealed>,
    keys: &HashMap<Vec<u8>, ExpandedAppStateKeys>,
) -> std::result::Result<Vec<Mutation>, AppStateError> {
    let mut read = Vec::new();
    for (operation, record) in sealed {
        let id = record.key_id.id.as_deref().unwrap_or_default();
        let keys = keys.get(id).ok_or(AppStateError::KeyNotFound)?;
        // The library has verified the check values.
        let (mutation, _) = decode_record(operation, &record, keys, id, false)?;
        if actions::is_read_here(&mutation) {
            read.push(mutation);
        }
    }
    Ok(read)
}
