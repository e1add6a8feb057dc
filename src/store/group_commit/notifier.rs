//! Reports of commits: to the feed of this process, and to other processes.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::{domain::id::OrganizationId, store::data_version::DataVersions};

/// Organizations with new commits.
#[derive(Default)]
pub(in crate::store) struct CommitNotifier {
    /// Commits of all processes, for local subscribers.
    pub(in crate::store) to_hear: NotifySet,
    /// Commits of this process, for the others.
    pub(in crate::store) to_tell: NotifySet,
    /// Versions of the data, of all processes.
    pub(in crate::store) versions: DataVersions,
}

impl CommitNotifier {
    pub(super) fn add(&self, whose: &[OrganizationId]) {
        self.to_hear.add(whose);
        self.to_tell.add(whose);
    }

    /// Reports commits of another process.
    pub(in crate::store) fn add_of_others(&self, whose: &[OrganizationId]) {
        self.versions.changed(whose);
        self.to_hear.add(whose);
    }
}

/// A set of organizations for one reader.
#[derive(Default)]
pub(in crate::store) struct NotifySet {
    whose: Mutex<HashSet<OrganizationId>>,
    more: Notify,
}

impl NotifySet {
    /// Waits until it is not empty, and empties it.
    pub(in crate::store) async fn next(&self) -> Vec<OrganizationId> {
        loop {
            let more = self.more.notified();
            let whose = self.take();
            if !whose.is_empty() {
                return whose;
            }
            more.await;
        }
    }

    /// Empties it.
    pub(in crate::store) fn take(&self) -> Vec<OrganizationId> {
        self.whose.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }

    /// Adds organizations.
    pub(in crate::store) fn add(&self, whose: &[OrganizationId]) {
        if whose.is_empty() {
            return;
        }
        self.whose.lock().unwrap_or_else(PoisonError::into_inner).extend(whose.iter().cloned());
        self.more.notify_one();
    }
}
