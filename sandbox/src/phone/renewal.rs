//! Rotation of the app-state key, as phones do now and then.

use super::{Phone, bootstrap::key_share};
use crate::{Error, locked};

impl Phone {
    /// Lets the phone seal settings with another key from now on. With `told` its companions get the key at once; without,
    /// they cannot read what is sealed with it before [`Phone::share_keys`], also if they ask for it.
    ///
    /// # Errors
    /// When the companions cannot be told.
    pub async fn renew_key(&self, told: bool) -> Result<(), Error> {
        locked(&self.account.ledger).renew_key(told)?;
        if told { self.share_keys().await } else { self.account.save().await }
    }

    /// Lets the phone send its companions all keys of its settings.
    ///
    /// # Errors
    /// When the companions cannot be told.
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
