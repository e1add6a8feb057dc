//! Contacts that the account's owner removed.
//!
//! The library tells of records that are set, and of none that is taken away. But it has our memory forget the checksums of
//! those, and such a checksum is of the record's index, which names the contact: whoever has a saved name is checked for it.
//! It does so before it tells anything that came later, so the order is right.

use whatsapp_rust::store::error::Result;
use whatsapp_rust::store::traits::AppSyncStore as _;
use whatsapp_rust::wacore::appstate::expand_app_state_keys;
use whatsapp_rust::wacore::appstate::hash::generate_index_mac;

use super::Memory;
use super::failed;
use crate::domain::jid::Jid;
use crate::session::whatsapp::inbox::Item;

/// Where WhatsApp keeps contacts.
const CONTACTS: &str = "critical_unblock_low";

impl Memory {
    /// Tells whose records of a collection are taken away, those with these checksums of their indexes, as far as they have
    /// a chat with a saved name.
    pub(super) async fn tell_removed(&self, collection: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        if collection != CONTACTS {
            return Ok(());
        }
        let Some(id) = self.get_latest_sync_key_id().await? else { return Ok(()) };
        let Some(key) = self.get_sync_key(&id).await? else { return Ok(()) };
        let keys = expand_app_state_keys(&key.key_data);
        let saved = self.store.saved_contacts(&self.key.organization, self.key.session).await.map_err(failed)?;
        for jid in saved {
            if index_macs.contains(&generate_index_mac(&index(&jid), &keys.index)) {
                self.ears.hear(Item::ContactRemoved { jid });
            }
        }
        Ok(())
    }
}

/// What a contact's record is found by.
fn index(jid: &Jid) -> Vec<u8> {
    serde_json::json!(["contact", jid.as_str()]).to_string().into_bytes()
}
