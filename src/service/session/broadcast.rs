//! Notifications of changed sessions, from the writers to the one reader of their organization. Only the ids are kept,
//! and only for organizations with subscribers.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::Notify;

use crate::{
    domain::id::{OrganizationId, SessionId},
    session::SessionKey,
};

/// Notifier of the readers. Cheap to clone.
#[derive(Clone, Default)]
pub struct SessionBroadcast(Arc<Mutex<HashMap<OrganizationId, Weak<Changed>>>>);

/// Unread notifications of one organization.
#[derive(Default)]
pub(in crate::service) struct Changed {
    next: Mutex<Next>,
    more: Notify,
}

/// The next read.
#[derive(Default)]
pub(in crate::service) struct Next {
    /// Number of the last notification.
    pub(in crate::service) ticket: u64,
    /// Sessions to read.
    pub(in crate::service) sessions: HashSet<SessionId>,
    /// True if all sessions must be read.
    pub(in crate::service) all: bool,
}

impl SessionBroadcast {
    /// Reports a committed change of the session.
    pub(in crate::service) fn publish(&self, key: &SessionKey) {
        let changed = self.readers().get(&key.organization).and_then(Weak::upgrade);
        if let Some(changed) = changed {
            changed.add(|next| {
                next.sessions.insert(key.session);
            });
        }
    }

    /// Returns the organization's notifications from now on.
    pub(in crate::service) fn of(&self, organization: &OrganizationId) -> Arc<Changed> {
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
    /// Adds a notification and returns its number.
    pub(in crate::service) fn add(&self, what: impl FnOnce(&mut Next)) -> u64 {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.ticket += 1;
        what(&mut next);
        self.more.notify_one();
        next.ticket
    }

    /// Takes all notifications.
    pub(in crate::service) fn take(&self) -> Next {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = next.ticket;
        std::mem::replace(&mut *next, Next { ticket, ..Next::default() })
    }

    /// Waits for a notification. Cancel-safe.
    pub(in crate::service) async fn more(&self) {
        self.more.notified().await;
    }
}
