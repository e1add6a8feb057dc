//! Linked devices: unlinking by the owner, and disconnecting by WhatsApp.

use super::Phone;
use crate::{
    Error, clock,
    companion::{
        Companion,
        disconnect::{DisconnectReason, conflict},
    },
    lock::locked,
};

impl Phone {
    /// Returns the device numbers of the paired companions, in ascending order.
    #[must_use]
    pub fn devices(&self) -> Vec<u16> {
        locked(&self.account.companions).all().map(|(device, _)| device).collect()
    }

    /// Unlinks every companion, and returns their number. They are notified, and rejected from then on.
    pub async fn unlink(&self) -> usize {
        let removed = locked(&self.account.companions).remove_all();
        self.notify_unlinked(&removed).await;
        removed.len()
    }

    /// Unlinks one companion.
    ///
    /// # Errors
    /// [`Error::UnknownCompanion`].
    pub async fn unlink_device(&self, device: u16) -> Result<(), Error> {
        let removed = locked(&self.account.companions).remove(device).ok_or(Error::UnknownCompanion(device))?;
        self.account.devices_changed("remove", &[device]);
        self.notify_unlinked(&[removed]).await;
        Ok(())
    }

    async fn notify_unlinked(&self, removed: &[Companion]) {
        for outlet in removed.iter().filter_map(|companion| companion.outlet.as_ref()) {
            outlet.send(conflict("device_removed"));
            outlet.close("unlinked");
        }
        self.account.notify();
        self.account.save_or_log().await;
    }

    /// Drops the connections of all companions without a notification, as in a network failure.
    #[expect(clippy::unused_async, reason = "consistent with the phone's other actions")]
    pub async fn cut(&self) {
        for (_, companion) in locked(&self.account.companions).all() {
            if let Some(outlet) = &companion.outlet {
                outlet.cut();
            }
        }
    }

    /// Disconnects a companion, or all of them. A companion that is not connected is rejected at its next login.
    ///
    /// # Errors
    /// [`Error::UnknownCompanion`].
    pub fn end(&self, device: Option<u16>, ending: DisconnectReason) -> Result<(), Error> {
        let now = clock::now_ms();
        let mut companions = locked(&self.account.companions);
        if let Some(device) = device.filter(|device| companions.get(*device).is_none()) {
            return Err(Error::UnknownCompanion(device));
        }
        for (_, companion) in companions.all_mut().filter(|(other, _)| device.is_none_or(|device| device == *other)) {
            companion.login_block = ending.login_block(now);
            let Some(outlet) = &companion.outlet else { continue };
            match ending.final_stanza() {
                Some(word) => {
                    outlet.send(word);
                    outlet.close("sent away");
                }
                None => outlet.cut(),
            }
        }
        Ok(())
    }
}
