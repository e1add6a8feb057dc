//! Versions of the organizations' data. While the version is the same, every query of the organization has the same
//! result.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::domain::id::OrganizationId;

/// The versions, of organizations with commits since the start of the process.
#[derive(Default)]
pub(super) struct DataVersions(Mutex<HashMap<OrganizationId, DataVersion>>);

#[derive(Default)]
struct DataVersion {
    number: u64,
    /// The number of commits in progress, which may be visible to readers already, or not yet.
    committing: u32,
}

impl DataVersions {
    /// Returns the version; `None` during a commit.
    pub(super) fn current(&self, organization: &OrganizationId) -> Option<u64> {
        match self.all().get(organization) {
            Some(version) => (version.committing == 0).then_some(version.number),
            None => Some(0),
        }
    }

    /// Marks the beginning of a commit. Without [`DataVersions::end`], if the outcome stays unknown, there is no version
    /// from then on.
    pub(super) fn begin(&self, organizations: &BTreeSet<OrganizationId>) {
        let mut all = self.all();
        for organization in organizations {
            all.entry(organization.clone()).or_default().committing += 1;
        }
    }

    /// Marks the end of a commit, whether it succeeded or not.
    pub(super) fn end(&self, organizations: &BTreeSet<OrganizationId>) {
        let mut all = self.all();
        for organization in organizations {
            let version = all.entry(organization.clone()).or_default();
            version.committing = version.committing.saturating_sub(1);
            version.number += 1;
        }
    }

    /// Marks a commit of another process, which has ended.
    pub(super) fn changed(&self, organizations: &[OrganizationId]) {
        let mut all = self.all();
        for organization in organizations {
            all.entry(organization.clone()).or_default().number += 1;
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<OrganizationId, DataVersion>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_version_during_a_commit_and_a_new_one_after_it() {
        let versions = DataVersions::default();
        let [one, other]: [OrganizationId; 2] = ["one", "other"].map(|id| id.parse().expect("an id"));
        let both = [one.clone(), other.clone()].into();
        assert_eq!(versions.current(&one), Some(0));
        versions.begin(&[one.clone()].into());
        versions.begin(&both);
        assert_eq!((versions.current(&one), versions.current(&other)), (None, None));
        versions.end(&both);
        assert_eq!((versions.current(&one), versions.current(&other)), (None, Some(1)));
        versions.end(&[one.clone()].into());
        assert_eq!((versions.current(&one), versions.current(&other)), (Some(2), Some(1)));
        versions.changed(std::slice::from_ref(&other));
        assert_eq!((versions.current(&one), versions.current(&other)), (Some(2), Some(2)));
    }
}
