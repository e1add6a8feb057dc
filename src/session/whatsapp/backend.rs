//! What the library remembers of a session: its keys, its link to the account, how far it has read. Kept in memory, so
//! it survives a reconnect, a stop and a start, but not the process.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use whatsapp_rust::store::traits::Backend;
use whatsapp_rust::wacore::store::InMemoryBackend;

use crate::domain::id::SessionId;

/// The memories of all sessions.
#[derive(Default)]
pub(super) struct Backends {
    kept: Mutex<HashMap<SessionId, Arc<InMemoryBackend>>>,
}

impl Backends {
    /// The session's memory; an empty one the first time.
    pub(super) fn open(&self, session: SessionId) -> Arc<dyn Backend> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(kept.entry(session).or_default()) as Arc<dyn Backend>
    }

    /// Drops the session's memory: the next one opened is empty.
    pub(super) fn forget(&self, session: SessionId) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
    }
}
