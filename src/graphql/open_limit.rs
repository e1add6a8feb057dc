//! Limits of open connections and subscriptions per organization, so that an organization cannot exhaust those of the
//! others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::domain::id::OrganizationId;

/// The organization; `None` for viewers without one.
type Owner = Option<OrganizationId>;

/// Counts open items of one kind. Clones share the counts.
#[derive(Clone)]
pub(super) struct OpenLimiter {
    limit: usize,
    counts: Arc<Mutex<HashMap<Owner, usize>>>,
}

impl OpenLimiter {
    /// Creates the counts with a limit of `limit` per organization.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, counts: Arc::default() }
    }

    /// The limit per organization.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Counts one more item; `None` if the organization has reached the limit.
    pub(super) fn open(&self, owner: &Owner) -> Option<OpenPermit> {
        let mut counts = self.counts();
        let count = counts.entry(owner.clone()).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(OpenPermit { owner: owner.clone(), counts: self.clone() })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Owner, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open item, which is counted until this is dropped.
pub struct OpenPermit {
    owner: Owner,
    counts: OpenLimiter,
}

impl Drop for OpenPermit {
    fn drop(&mut self) {
        let mut counts = self.counts.counts();
        let Some(count) = counts.get_mut(&self.owner) else { return };
        *count -= 1;
        if *count == 0 {
            counts.remove(&self.owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_organization_has_its_own_limit_while_it_has_streams() {
        let counts = OpenLimiter::new(2);
        let [one, other]: [Owner; 2] = ["org_1", "org_2"].map(|id| Some(id.parse().expect("an id")));
        let first = counts.open(&one).expect("one");
        let _second = counts.open(&one).expect("two");
        assert!(counts.open(&one).is_none());
        let others = [counts.open(&other), counts.open(&None)];
        assert!(others.iter().all(Option::is_some));
        drop(first);
        assert!(counts.open(&one).is_some());
        drop(others);
        assert_eq!(counts.counts().len(), 1);
    }
}
