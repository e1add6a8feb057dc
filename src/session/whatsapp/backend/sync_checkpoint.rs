//! App state that the library has read but not delivered yet. It stores the version before it delivers the changes, and
//! after a crash in between it would never deliver them. A collection is therefore marked in the commit that stores its
//! version, and unmarked when its changes are in the stored copy, which `sync_tracker` detects. A collection that is
//! still marked when a client starts is reset: WhatsApp then sends all of it again, which only changes what was lost.

use tracing::info;
use whatsapp_rust::store::error::Result;

use super::{SessionBackend, compound, failed, sync_tracker::Reading};
use crate::store::whatsapp_device::RecordKind;

impl SessionBackend {
    /// State of a collection's fetches.
    pub(in super::super) fn reading(&self, name: &str) -> Reading {
        self.tracker.reading(name)
    }

    /// Resets the collections that were read and not delivered. They keep their marks until they are delivered.
    pub(super) async fn resync_unacknowledged(&self) -> Result<()> {
        for (name, _) in self.state.all_records(RecordKind::PendingSync).await.map_err(failed)? {
            info!(collection = %String::from_utf8_lossy(&name), "App state was read but possibly not stored; reading it again");
            self.put_back(&String::from_utf8_lossy(&name)).await?;
        }
        Ok(())
    }

    /// Resets a collection to version zero.
    pub(super) async fn put_back(&self, name: &str) -> Result<()> {
        self.tracker.restart(name);
        let macs = compound(&[name], &[]);
        let (version, mac) = (RecordKind::Version, RecordKind::MutationMac);
        self.state.remove_record_and_those_under(version, name.as_bytes(), mac, &macs).await.map_err(failed)
    }
}
