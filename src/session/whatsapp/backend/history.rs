//! Announcements of parts of the history, stored until all of the part is stored.

use std::sync::Arc;

use whatsapp_rust::{
    store::{error::Result, traits::PendingInboundRow},
    wacore::store::Device,
    waproto::codec,
};

use super::{SessionBackend, account, decoded};
use crate::{
    session::whatsapp::{history_part::StoredNotices, jid, message},
    store::whatsapp_device::RecordKind,
};

impl SessionBackend {
    /// Announcements that are stored, or were until their part was.
    pub(in crate::session::whatsapp) fn stored_notices(&self) -> Arc<StoredNotices> {
        Arc::clone(&self.stored_notices)
    }

    /// Stores an announcement under its id.
    pub(in crate::session::whatsapp) async fn keep_part(&self, notice: &str, announcement: Vec<u8>) -> Result<()> {
        self.put(RecordKind::HistoryPart, notice, announcement).await?;
        self.stored_notices.add(notice);
        Ok(())
    }

    /// Returns the stored announcements, with their ids.
    pub(in crate::session::whatsapp) async fn parts(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let parts = self.guard_secret(self.state.all_records(RecordKind::HistoryPart).await).await?;
        let parts: Vec<_> =
            parts.into_iter().map(|(notice, part)| (String::from_utf8_lossy(&notice).into_owned(), part)).collect();
        for (notice, _) in &parts {
            self.stored_notices.add(notice);
        }
        Ok(parts)
    }

    /// Waits until the announcements in these messages are stored. The library passes an announcement to its worker
    /// before it stores the message without it, and acknowledges it to WhatsApp afterwards.
    pub(super) async fn announcements_are_kept(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        for row in rows {
            let is_announced = codec::message_decode(row.message).is_ok_and(|message| message::announces(&message));
            if is_announced && self.is_own(row.sender).await? {
                self.stored_notices.wait(row.id).await;
            }
        }
        Ok(())
    }

    /// Returns whether it is an address of the account itself.
    async fn is_own(&self, address: &str) -> Result<bool> {
        let device: Option<Device> = decoded(self.get(RecordKind::Device, &[]).await?)?;
        let (own, address) = (device.as_ref().and_then(account), jid::parse(address).ok());
        Ok(own.is_some_and(|own| address.is_some() && (address.as_ref() == Some(&own.jid) || address == own.lid)))
    }
}
