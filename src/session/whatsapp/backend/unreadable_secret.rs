//! Handling of secrets that cannot be decrypted. The library would treat an error as final and permanently reject the
//! message that needed the value. So the call does not return, and the session is stopped.

use std::error::Error;

use tracing::error;
use whatsapp_rust::store::error::Result;

use super::{SessionBackend, failed};
use crate::store::error::StoreError;

impl SessionBackend {
    /// Returns the store's result. If a value cannot be decrypted, waits until this memory is closed.
    pub(super) async fn guard_secret<T>(&self, answered: std::result::Result<T, StoreError>) -> Result<T> {
        if let Err(cause @ StoreError::Sealed { .. }) = &answered {
            error!(error = cause as &dyn Error, "A secret of the session cannot be decrypted");
            self.damaged.cancel();
            self.state.closed().await;
        }
        answered.map_err(failed)
    }

    /// Waits until a value cannot be decrypted.
    pub(in crate::session::whatsapp) async fn damaged(&self) {
        self.damaged.cancelled().await;
    }

    /// Returns whether a value could not be decrypted.
    pub(in crate::session::whatsapp) fn is_damaged(&self) -> bool {
        self.damaged.is_cancelled()
    }

    /// Releases the calls that wait for a value that cannot be decrypted. Their results must no longer reach WhatsApp.
    pub(in crate::session::whatsapp) fn let_go(&self) {
        if self.is_damaged() {
            self.state.close();
        }
    }
}
