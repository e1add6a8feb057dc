//! Corrupted app state for faults; the stored state is unchanged.

use whatsapp_rust::{buffa::Message, wacore::appstate::hash::generate_patch_mac, waproto::codec};

use super::AppState;
use crate::{Error, fault::Part};

impl AppState {
    /// Returns the patches after a version, the last of them with a wrong MAC.
    pub(crate) fn corrupted_patches_above(
        &self,
        collection: &str,
        version: u64,
        part: Part,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let mut patches = self.patches_above(collection, version);
        let newest = version + patches.len() as u64;
        let Some(last) = patches.last_mut() else { return Ok(patches) };
        let mut patch = codec::syncd_patch_decode(&*last)
            .map_err(|error| Error::protocol("a stored patch cannot be read", error))?;
        match part {
            Part::Patch => corrupt(&mut patch.patch_mac),
            Part::Snapshot => {
                corrupt(&mut patch.snapshot_mac);
                let key_id = patch.key_id.as_option().and_then(|key| key.id.as_deref()).unwrap_or_default();
                let keys = self
                    .find_key(key_id)
                    .map_err(|error| Error::protocol("the key of a stored patch is unknown", error))?;
                // The patch itself stays authentic.
                patch.patch_mac = Some(generate_patch_mac(&patch, collection, &keys.patch_mac, newest));
            }
        }
        *last = codec::syncd_patch_to_vec(&patch);
        Ok(patches)
    }

    /// Returns the reference to a snapshot with a wrong MAC, created by `store`; `None` if it is empty.
    pub(crate) fn corrupted_snapshot(
        &self,
        collection: &str,
        store: impl FnOnce(&[u8]) -> Result<Vec<u8>, Error>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(mut snapshot) = self.whole(collection) else { return Ok(None) };
        corrupt(&mut snapshot.mac);
        store(&snapshot.encode_to_vec()).map(Some)
    }
}

fn corrupt(mac: &mut Option<Vec<u8>>) {
    if let Some(first) = mac.as_mut().and_then(|mac| mac.first_mut()) {
        *first ^= 1;
    }
}
