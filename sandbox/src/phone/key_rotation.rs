//! Rotation of the app-state key, as phones do now and then.

use super::{Phone, bootstrap::key_share};
use crate::{Error, lock::locked};

impl Phone {
    /// Rotates the phone's app-state key. With `share` its companions get the new key at once. Otherwise they cannot
    /// decrypt new settings before [`Phone::share_keys`], even if they request the key.
    ///
    /// # Errors
    /// If sending the key to the companions fails.
    pub async fn renew_key(&self, share: bool) -> Result<(), Error> {
        locked(&self.account.app_state).renew_key(share)?;
        if share { self.share_keys().await } else { self.account.save().await }
    }

    /// Sends all app-state keys to the companions.
    ///
    /// # Errors
    /// If sending the keys fails.
    pub async fn share_keys(&self) -> Result<(), Error> {
        let mut peers = self.account.peers.lock().await;
        let share = {
            let mut app_state = locked(&self.account.app_state);
            app_state.share_keys();
            key_share(&self.account, app_state.keys())
        };
        let outgoing = self.account.peer_message(share)?;
        self.account.deliver(&mut peers, &outgoing).await?;
        drop(peers);
        self.account.save().await
    }
}
