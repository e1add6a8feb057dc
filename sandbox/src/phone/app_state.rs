//! App state: the patches of each collection, by version, stored once for the phone and the server.
//!
//! The phone reads every patch itself, its own included, and checks all its MACs, so it stores nothing that a companion
//! could not read.

mod corrupt;

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use whatsapp_rust::{
    buffa::{Message, MessageField},
    wacore::appstate::{
        AppStateError, ExpandedAppStateKeys, Mutation, encode_record, expand_app_state_keys,
        hash::{HashState, generate_patch_mac},
        process_patch,
    },
    waproto::{
        codec,
        whatsapp::{
            KeyId, SyncdMutation, SyncdPatch, SyncdRecord, SyncdSnapshot, SyncdVersion, syncd_mutation::SyncdOperation,
        },
    },
};

use super::mutation::Change;
use crate::{
    Error, clock,
    companion::COLLECTIONS,
    crypto,
    storage::bytes::{self, FromText, Text},
};

/// A key that encrypts app state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SyncKey {
    #[serde(with = "bytes")]
    pub(crate) id: Vec<u8>,
    #[serde(with = "bytes")]
    pub(crate) data: [u8; 32],
    /// Time of creation, in milliseconds.
    pub(crate) made_at: i64,
    /// True if the phone went offline before it sent the key: companions do not get it until the keys are shared.
    #[serde(default, rename = "untold")]
    pub(crate) unshared: bool,
}

impl SyncKey {
    fn new() -> Result<Self, Error> {
        let data = crypto::random::<32>()?;
        let mut id = vec![0, 0];
        id.extend_from_slice(&crypto::random::<4>()?);
        Ok(Self { id, data, made_at: clock::now_ms(), unshared: false })
    }
}

/// A key, with its derived keys.
#[derive(Debug)]
struct ExpandedKey {
    key: SyncKey,
    keys: Arc<ExpandedAppStateKeys>,
}

impl From<SyncKey> for ExpandedKey {
    fn from(key: SyncKey) -> Self {
        Self { keys: Arc::new(expand_app_state_keys(&key.data)), key }
    }
}

/// The app state of one account.
#[derive(Debug)]
pub(crate) struct AppState {
    /// The key for new records.
    current: ExpandedKey,
    /// Keys of earlier records.
    earlier: Vec<ExpandedKey>,
    collections: BTreeMap<&'static str, Collection>,
}

#[derive(Debug, Default)]
struct Collection {
    state: HashState,
    /// The value MAC of each index MAC.
    macs: HashMap<Vec<u8>, Vec<u8>>,
    /// The latest record of each index MAC.
    records: BTreeMap<Vec<u8>, SyncdRecord>,
    /// Encoded, starting with version 1.
    patches: Vec<Vec<u8>>,
    /// The latest requested snapshot: its version and its reference.
    snapshot: Option<(u64, Vec<u8>)>,
}

/// Reason why an upload was rejected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejected {
    #[error("there is no such collection")]
    UnknownCollection,
    #[error("it is based on version {base}, but the collection is at {current}")]
    Conflict { base: u64, current: u64 },
    #[error("it is not a patch")]
    Unreadable,
    #[error("a MAC or a record is wrong: {0}")]
    Invalid(AppStateError),
}

impl AppState {
    /// Creates empty app state with a new key.
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self::under(SyncKey::new()?, Vec::new()))
    }

    fn under(key: SyncKey, earlier: Vec<SyncKey>) -> Self {
        let (current, earlier) = (key.into(), earlier.into_iter().map(ExpandedKey::from).collect());
        let collections = COLLECTIONS.map(|name| (name, Collection::default()));
        Self { current, earlier, collections: collections.into_iter().collect() }
    }

    /// Returns the keys to share with companions.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &SyncKey> {
        self.expanded_keys().map(|expanded| &expanded.key)
    }

    /// Rotates the key; the companions get the new one at once, or later.
    pub(crate) fn renew_key(&mut self, share: bool) -> Result<(), Error> {
        let next = SyncKey { unshared: !share, ..SyncKey::new()? };
        let before = mem::replace(&mut self.current, next.into());
        self.earlier.push(before);
        Ok(())
    }

    /// Marks all keys as shared.
    pub(crate) fn share_keys(&mut self) {
        for expanded in self.earlier.iter_mut().chain([&mut self.current]) {
            expanded.key.unshared = false;
        }
    }

    fn expanded_keys(&self) -> impl Iterator<Item = &ExpandedKey> {
        self.earlier.iter().chain([&self.current])
    }

    /// Returns the key with this id.
    fn find_key(&self, id: &[u8]) -> Result<Arc<ExpandedAppStateKeys>, AppStateError> {
        let expanded = self.expanded_keys().find(|expanded| expanded.key.id == id);
        expanded.map(|expanded| Arc::clone(&expanded.keys)).ok_or(AppStateError::KeyNotFound)
    }

    /// Returns a collection's version; `None` if there is no such collection.
    pub(crate) fn version(&self, collection: &str) -> Option<u64> {
        self.collections.get(collection).map(|collection| collection.state.version)
    }

    /// Writes settings as the phone, in one patch. Returns the parsed mutations.
    pub(crate) fn write(&mut self, collection: &str, changes: Vec<Change>) -> Result<Vec<Mutation>, Error> {
        let failed = |error: Rejected| Error::protocol("the phone's own patch cannot be stored", error);
        let patch = self.build(collection, changes)?;
        let base = self.version(collection).ok_or_else(|| failed(Rejected::UnknownCollection))?;
        self.upload(collection, base, &codec::syncd_patch_to_vec(&patch)).map_err(failed)
    }

    fn build(&self, collection: &str, changes: Vec<Change>) -> Result<SyncdPatch, Error> {
        let current = self.collections.get(collection).ok_or(Error::Unsupported("an unknown collection"))?;
        let (now, ExpandedKey { key, keys }) = (clock::next_ms(), &self.current);
        let mut mutations: Vec<SyncdMutation> = Vec::with_capacity(changes.len());
        for Change { index, version, mut value, removed, at } in changes {
            let index = serde_json::to_vec(&index).map_err(|error| Error::protocol("an index has no text", error))?;
            value.timestamp = Some(at.unwrap_or(now));
            let operation = if removed { SyncdOperation::REMOVE } else { SyncdOperation::SET };
            let iv = crypto::random::<16>()?;
            let ciphertext = encode_record(operation, &index, &value, keys, &key.id, &iv, version);
            mutations.push(ciphertext.0);
        }
        let mut state = current.state.clone();
        let (_, hashed) = state.update_hash(&mutations, |index, _| Ok(current.macs.get(index).cloned()));
        hashed.map_err(|error| Error::protocol("the hash cannot be updated", error.into_boxed_dyn_error()))?;
        state.version += 1;
        let mut patch = SyncdPatch {
            mutations,
            snapshot_mac: Some(state.generate_snapshot_mac(collection, &keys.snapshot_mac)),
            key_id: MessageField::some(KeyId { id: Some(key.id.clone()) }),
            ..Default::default()
        };
        patch.patch_mac = Some(generate_patch_mac(&patch, collection, &keys.patch_mac, state.version));
        Ok(patch)
    }

    /// Stores a patch on top of version `base`. Returns its mutations.
    pub(crate) fn upload(&mut self, collection: &str, base: u64, patch: &[u8]) -> Result<Vec<Mutation>, Rejected> {
        let known = self.collections.get(collection).ok_or(Rejected::UnknownCollection)?;
        let current = known.state.version;
        if base != current {
            return Err(Rejected::Conflict { base, current });
        }
        let mut patch = codec::syncd_patch_decode(patch).map_err(|_| Rejected::Unreadable)?;
        patch.version = MessageField::some(SyncdVersion { version: Some(current + 1) });
        let mut state = known.state.clone();
        let previous = |index: &[u8]| Ok(known.macs.get(index).cloned());
        let read = process_patch(&patch, &mut state, |id| self.find_key(id), previous, true, collection)
            .map_err(Rejected::Invalid)?;
        if state.mac_mismatch_fatal {
            return Err(Rejected::Invalid(AppStateError::PatchSnapshotMACMismatch));
        }
        let known = self.collections.get_mut(collection).ok_or(Rejected::UnknownCollection)?;
        for index in &read.removed_index_macs {
            known.macs.remove(index);
            known.records.remove(index);
        }
        known.macs.extend(read.added_macs.into_iter().map(|mac| (mac.index_mac, mac.value_mac)));
        for mutation in &patch.mutations {
            let set = mutation.operation.is_none_or(|operation| operation == SyncdOperation::SET);
            if let Some(index) = mutation.record.index.blob.as_ref().filter(|_| set) {
                known.records.insert(index.clone(), (*mutation.record).clone());
            }
        }
        known.state = state;
        known.patches.push(codec::syncd_patch_to_vec(&patch));
        Ok(read.mutations)
    }

    /// Returns the patches after a version, in order.
    pub(crate) fn patches_above(&self, collection: &str, version: u64) -> Vec<Vec<u8>> {
        let skipped = usize::try_from(version).unwrap_or(usize::MAX);
        let patches = self.collections.get(collection).map(|collection| collection.patches.iter().skip(skipped));
        patches.into_iter().flatten().cloned().collect()
    }

    /// Returns the reference to the present snapshot, created by `store`; `None` if it is empty. A version is stored
    /// once.
    pub(crate) fn snapshot(
        &mut self,
        collection: &str,
        store: impl FnOnce(&[u8]) -> Result<Vec<u8>, Error>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(current) = self.collections.get(collection) else { return Ok(None) };
        let version = current.state.version;
        if let Some((_, place)) = current.snapshot.as_ref().filter(|(taken, _)| *taken == version) {
            return Ok(Some(place.clone()));
        }
        let Some(snapshot) = self.whole(collection) else { return Ok(None) };
        let place = store(&snapshot.encode_to_vec())?;
        if let Some(current) = self.collections.get_mut(collection) {
            current.snapshot = Some((version, place.clone()));
        }
        Ok(Some(place))
    }

    /// Returns the whole collection; `None` if it is empty.
    fn whole(&self, collection: &str) -> Option<SyncdSnapshot> {
        let current = self.collections.get(collection).filter(|current| current.state.version > 0)?;
        Some(SyncdSnapshot {
            version: MessageField::some(SyncdVersion { version: Some(current.state.version) }),
            records: current.records.values().cloned().collect(),
            mac: Some(current.state.generate_snapshot_mac(collection, &self.current.keys.snapshot_mac)),
            key_id: MessageField::some(KeyId { id: Some(self.current.key.id.clone()) }),
        })
    }
}

/// The stored form: the patches, from which the rest is derived.
#[derive(Serialize, Deserialize)]
struct StoredAppState<K, E, P> {
    key: K,
    /// The earlier keys.
    #[serde(default)]
    earlier: E,
    patches: P,
}

impl Serialize for AppState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let collections = self.collections.iter();
        let patches = collections.map(|(name, known)| (name, known.patches.iter().map(Text).collect::<Vec<_>>()));
        let earlier: Vec<_> = self.earlier.iter().map(|expanded| &expanded.key).collect();
        StoredAppState { key: &self.current.key, earlier, patches: patches.collect::<BTreeMap<_, _>>() }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AppState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredAppState::<SyncKey, Vec<SyncKey>, BTreeMap<String, Vec<FromText<Vec<u8>>>>>::deserialize(
            deserializer,
        )?;
        let mut app_state = Self::under(stored.key, stored.earlier);
        for (collection, patches) in stored.patches {
            for (base, FromText(patch)) in (0..).zip(patches) {
                app_state.upload(&collection, base, &patch).map_err(de::Error::custom)?;
            }
        }
        Ok(app_state)
    }
}
