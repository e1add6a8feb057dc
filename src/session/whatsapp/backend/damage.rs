//! A memory with a value that does not open. To the library an error is an answer: it would refuse for good the message
//! that it needed the value for. So it gets none, and the session ends.

use std::error::Error;

use tracing::error;
use whatsapp_rust::store::error::Result;

use super::Memory;
use super::failed;
use crate::store::error::StoreError;

impl Memory {
    /// What the store answered; for a value that does not open nothing, until this memory is closed.
    pub(super) async fn intact<T>(&self, answered: std::result::Result<T, StoreError>) -> Result<T> {
        if let Err(cause @ StoreError::Sealed { .. }) = &answered {
            error!(error = cause as &dyn Error, "A secret of the session cannot be decrypted");
            self.damaged.cancel();
            self.state.closed().await;
        }
        answered.map_err(failed)
    }

    /// Waits until a value does not open.
    pub(in crate::session::whatsapp) async fn damaged(&self) {
        self.damaged.cancelled().await;
    }

    /// Whether a value did not open.
    pub(in crate::session::whatsapp) fn is_damaged(&self) -> bool {
        self.damaged.is_cancelled()
    }

    /// Ends the waiting of those who asked for what does not open. Nothing that they say may reach WhatsApp any more.
    pub(in crate::session::whatsapp) fn let_go(&self) {
        if self.is_damaged() {
            self.state.close();
        }
    }
}
