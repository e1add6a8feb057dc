//! Rotation of the app-state key, as phones do now and then.

use super::{Phone, bootstrap::key_share};
use crate::{Error, lock::locked};

impl Phone {
    /// Rotates the phone's app-state key. With `told` its companions get the new key at once. Otherwise they cannot
    /// decrypt new settings before [`Phone::share_keys`], even if they request the key.
    ///
    /// # Errors
    /// If sending the key to the companions fails.
    pub async fn renew_key(&self, told: bool) -> Result<(), Error> {
        locked(&self.account.ledger).renew_key(told)?;
        if told { self.share_keys().await } else { self.account.save().await }
    }

    /// Sends all app-state keys to the companions.
    ///
    /// # Errors
    /// If sending the keys fails.
    pub async fn share_keys(&self) -> Result<(), Error> {
        let mut parties = self.account.parties.lock().await;
        let share = {
            let mut ledger = locked(&self.account.ledger);
            ledger.share_keys();
            key_share(&self.account, ledger.keys())
        };
        let letter = self.account.peer_letter(share)?;
        self.account.deliver(&mut parties, &letter).await?;
        drop(parties);
        self.account.save().await
    }
}
