//! Sessions that changed, from what stored it to the one reader of their organization. Only their ids are kept, and those
//! of organizations that somebody follows.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;

use tokio::sync::Notify;

use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;
use crate::session::SessionKey;

/// The way to the readers. Cheap to clone.
#[derive(Clone, Default)]
pub struct SessionNews(Arc<Mutex<HashMap<OrganizationId, Weak<Changed>>>>);

/// What the reader of one organization has to read.
#[derive(Default)]
pub(super) struct Changed {
    next: Mutex<Next>,
    more: Notify,
}

/// What is to be read next.
#[derive(Default)]
pub(super) struct Next {
    /// The number of what was reported last.
    pub(super) ticket: u64,
    /// These sessions.
    pub(super) sessions: HashSet<SessionId>,
    /// All sessions.
    pub(super) all: bool,
}

impl SessionNews {
    /// Something about the session is new, and committed.
    pub(super) fn tell(&self, key: &SessionKey) {
        let changed = self.readers().get(&key.organization).and_then(Weak::upgrade);
        if let Some(changed) = changed {
            changed.add(|next| {
                next.sessions.insert(key.session);
            });
        }
    }

    /// What changes of the organization from here on.
    pub(super) fn of(&self, organization: &OrganizationId) -> Arc<Changed> {
        let mut readers = self.readers();
        readers.retain(|_, changed| changed.strong_count() > 0);
        let changed = Arc::<Changed>::default();
        readers.insert(organization.clone(), Arc::downgrade(&changed));
        changed
    }

    fn readers(&self) -> MutexGuard<'_, HashMap<OrganizationId, Weak<Changed>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changed {
    /// Adds to what is to be read, and returns the number of this.
    pub(super) fn add(&self, what: impl FnOnce(&mut Next)) -> u64 {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.ticket += 1;
        what(&mut next);
        self.more.notify_one();
        next.ticket
    }

    /// Takes what is to be read.
    pub(super) fn take(&self) -> Next {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = next.ticket;
        std::mem::replace(&mut *next, Next { ticket, ..Next::default() })
    }

    /// Waits until something was added. Cancel-safe.
    pub(super) async fn more(&self) {
        self.more.notified().await;
    }
}
