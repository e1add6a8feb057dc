//! App-state collections that must be fetched.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

/// Collections that must be fetched, and the versions that they have reached; at most the five that exist.
#[derive(Default)]
pub(super) struct FetchQueue {
    collections: Mutex<BTreeMap<String, u64>>,
    more: Notify,
}

impl FetchQueue {
    /// Adds a collection, which has reached version `moved_to`.
    pub(super) fn add(&self, name: &str, moved_to: u64) {
        let mut collections = self.collections.lock().unwrap_or_else(PoisonError::into_inner);
        let known = collections.entry(name.to_owned()).or_default();
        *known = (*known).max(moved_to);
        drop(collections);
        self.more.notify_one();
    }

    /// Takes all collections from the queue; if it is empty, waits until one is added. Cancel-safe.
    pub(super) async fn next(&self) -> BTreeMap<String, u64> {
        loop {
            let more = self.more.notified();
            let collections = std::mem::take(&mut *self.collections.lock().unwrap_or_else(PoisonError::into_inner));
            if !collections.is_empty() {
                return collections;
            }
            more.await;
        }
    }
}
