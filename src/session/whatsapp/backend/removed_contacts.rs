//! Contacts that the account's owner deleted.
//!
//! The library reports records that are set, but not their removal. It only deletes their MACs from this memory. Such a
//! MAC is computed over the record's index, which contains the contact's address, so the contacts with a saved name are
//! compared with it. The library does this before it reports later changes, so the order is right.

use whatsapp_rust::store::error::Result;
use whatsapp_rust::store::traits::AppSyncStore as _;
use whatsapp_rust::wacore::appstate::expand_app_state_keys;
use whatsapp_rust::wacore::appstate::hash::generate_index_mac;

use super::SessionBackend;
use super::failed;
use crate::domain::jid::Jid;
use crate::session::whatsapp::event_queue::QueueItem;

/// WhatsApp's collection of contacts.
const CONTACTS_COLLECTION: &str = "critical_unblock_low";

impl SessionBackend {
    /// Reports the contacts whose records were removed from a collection, given the MACs of their indexes. Only
    /// contacts with a saved name in a chat are found.
    pub(super) async fn report_removed(&self, collection: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        if collection != CONTACTS_COLLECTION {
            return Ok(());
        }
        let Some(id) = self.get_latest_sync_key_id().await? else { return Ok(()) };
        let Some(key) = self.get_sync_key(&id).await? else { return Ok(()) };
        let keys = expand_app_state_keys(&key.key_data);
        let saved = self.store.saved_contacts(&self.key.organization, self.key.session).await.map_err(failed)?;
        for jid in saved {
            if index_macs.contains(&generate_index_mac(&index(&jid), &keys.index)) {
                self.sink.push(QueueItem::ContactRemoved { jid });
            }
        }
        Ok(())
    }
}

/// Index of a contact's record.
fn index(jid: &Jid) -> Vec<u8> {
    serde_json::json!(["contact", jid.as_str()]).to_string().into_bytes()
}
