//! Observation of the library's calls about app state, to find out which collections it has read but not delivered.
//!
//! The order of the library's calls shows when all is delivered: it then stores the same version again. (After a
//! snapshot without patches it does so twice, the first time before the delivery.) A later version of the library may
//! use another order; the tests of a crash at every step would detect that.
//!
//! Changes can also be lost without a crash: if one patch can be read and the next one cannot, the library has stored
//! the first and drops its changes. Storing a version needs exclusive access to the collection, so a task that stores one
//! before the previous task reported its delivery shows that the previous fetch ended early. Within one task the order
//! shows it: a fetch reads the version twice, for the request and for the answer, so two reads between storing a version
//! and its delivery belong to a new fetch. One read before MACs are read is not a fetch: it is the next part of the same
//! one, or an upload, and both come after the delivery. Reads by other tasks show nothing: the library reads a version
//! without exclusive access when WhatsApp announces a change.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::task;

/// The collections of one client.
#[derive(Default)]
pub(super) struct SyncTracker(Mutex<HashMap<String, SyncProgress>>);

#[expect(clippy::struct_excessive_bools, reason = "each is set and cleared by separate calls")]
struct SyncProgress {
    /// Mark of the last read; `None` once all is delivered.
    mark: Option<u64>,
    /// Mark of the next read. It starts at random, so that a mark of another client is not confused with it.
    next: u64,
    /// It was reset, and no patch was read since.
    is_from_start: bool,
    /// Its snapshot was read, and no patch after it.
    is_snapshot: bool,
    /// The task that stored the version last.
    stored_by: Option<task::Id>,
    /// Number of reads of the version by that task since.
    reads: u32,
    /// A later step of that task used the read state, which happens after its delivery.
    is_reported: bool,
    /// Changes were read that will not be delivered.
    is_lost: bool,
    reading: Reading,
}

/// State of a collection's fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Reading {
    /// Number of completed fetches.
    pub(in super::super) through: u64,
    /// True if its version was read since then, or if it must be read from the start.
    pub(in super::super) is_open: bool,
    /// Version up to which the last fetch read.
    pub(in super::super) read_to: u64,
    /// True if the last read state matches WhatsApp's MAC.
    pub(in super::super) adds_up: bool,
}

/// Result of storing an unchanged version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum VersionStored {
    /// Nothing was delivered yet.
    Nothing,
    /// All was delivered, up to this mark if there was something to deliver.
    All(Option<u64>),
    /// This fetch was delivered completely, and an earlier one was not.
    NotAll,
}

impl Default for SyncProgress {
    fn default() -> Self {
        let next = getrandom::u64().expect("the operating system has random bytes");
        let reading = Reading { through: 0, is_open: false, read_to: 0, adds_up: true };
        Self {
            mark: None,
            next,
            is_from_start: false,
            is_snapshot: false,
            stored_by: None,
            reads: 0,
            is_reported: false,
            is_lost: false,
            reading,
        }
    }
}

impl SyncProgress {
    /// Detects that the marked state was stored by an earlier fetch.
    fn version_found(&mut self) {
        let is_another_fetch = self.reads > 1 || !self.is_own_task();
        self.is_lost |= self.mark.is_some() && is_another_fetch && !self.is_reported;
        (self.stored_by, self.reads, self.is_reported) = (task::try_id(), 0, false);
    }

    /// Returns whether the current task stored the version last.
    fn is_own_task(&self) -> bool {
        self.stored_by == task::try_id()
    }
}

impl SyncTracker {
    /// Registers a read of a collection's version.
    pub(super) fn version_read(&self, name: &str) {
        self.with(name, |collection| {
            collection.reads += u32::from(collection.is_own_task());
            collection.reading.is_open = true;
        });
    }

    /// Registers new state and returns its mark.
    pub(super) fn read(&self, name: &str) -> u64 {
        self.with(name, |collection| {
            collection.version_found();
            collection.is_snapshot = std::mem::take(&mut collection.is_from_start);
            let mark = *collection.mark.insert(collection.next);
            collection.next = mark.wrapping_add(1);
            mark
        })
    }

    /// Returns true if the next version is a snapshot.
    pub(super) fn is_from_start(&self, name: &str) -> bool {
        self.with(name, |collection| collection.is_from_start)
    }

    pub(super) fn snapshot_started(&self, name: &str) {
        self.with(name, |collection| collection.is_from_start = true);
    }

    pub(super) fn patch_started(&self, name: &str) {
        self.with(name, |collection| {
            (collection.is_from_start, collection.is_snapshot) = (false, false);
            collection.is_reported |= collection.is_own_task() && collection.reads == 1;
        });
    }

    /// Registers that the unchanged version `read_to` was stored; `adds_up` is true if its MAC matched.
    pub(super) fn version_stored_again(&self, name: &str, read_to: u64, adds_up: bool) -> VersionStored {
        self.with(name, |collection| {
            if std::mem::take(&mut collection.is_snapshot) {
                return VersionStored::Nothing;
            }
            collection.version_found();
            let reading = &mut collection.reading;
            *reading = Reading { through: reading.through + 1, is_open: collection.is_lost, read_to, adds_up };
            if std::mem::take(&mut collection.is_lost) {
                VersionStored::NotAll
            } else {
                VersionStored::All(collection.mark.take())
            }
        })
    }

    /// Registers that the collection was reset: lost changes are sent again.
    pub(super) fn restart(&self, name: &str) {
        self.with(name, |collection| (collection.mark, collection.is_lost) = (None, false));
    }

    pub(super) fn reading(&self, name: &str) -> Reading {
        self.with(name, |collection| collection.reading)
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&mut SyncProgress) -> T) -> T {
        let mut collections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(collections.entry(name.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_util::task::TaskTracker;

    use super::*;

    /// Reads the version for the request and for the answer.
    fn fetches(tracker: &SyncTracker) {
        tracker.version_read("regular");
        tracker.version_read("regular");
    }

    #[test]
    fn a_version_stored_again_means_everything_was_delivered() {
        let tracker = SyncTracker::default();
        assert_eq!(tracker.version_stored_again("regular", 7, true), VersionStored::All(None), "nothing was read");
        fetches(&tracker);
        tracker.patch_started("regular");
        let first = tracker.read("regular");
        tracker.patch_started("regular");
        let second = tracker.read("regular");
        assert_ne!(second, first);
        assert_eq!(
            tracker.version_stored_again("regular_low", 7, true),
            VersionStored::All(None),
            "another collection"
        );
        assert_eq!(tracker.version_stored_again("regular", 7, true), VersionStored::All(Some(second)));
        assert_eq!(tracker.version_stored_again("regular", 7, true), VersionStored::All(None));
    }

    #[test]
    fn a_snapshot_without_patches_is_delivered_at_the_second_store() {
        let tracker = SyncTracker::default();
        fetches(&tracker);
        tracker.snapshot_started("regular");
        let mark = tracker.read("regular");
        assert_eq!(tracker.version_stored_again("regular", 7, true), VersionStored::Nothing);
        assert_eq!(tracker.version_stored_again("regular", 7, true), VersionStored::All(Some(mark)));

        tracker.snapshot_started("regular");
        tracker.read("regular");
        tracker.patch_started("regular");
        let mark = tracker.read("regular");
        assert_eq!(
            tracker.version_stored_again("regular", 7, true),
            VersionStored::All(Some(mark)),
            "a patch follows the snapshot"
        );
    }

    #[test]
    fn a_collection_without_anything_in_it_is_read_at_once() {
        let tracker = SyncTracker::default();
        fetches(&tracker);
        tracker.snapshot_started("regular");
        assert_eq!(tracker.version_stored_again("regular", 7, true), VersionStored::All(None));
        assert_eq!(tracker.reading("regular"), Reading { through: 1, is_open: false, read_to: 7, adds_up: true });
    }

    #[test]
    fn an_undelivered_fetch_is_not_completed_by_the_next_one() {
        let tracker = SyncTracker::default();
        for reads_more in [false, true] {
            fetches(&tracker);
            tracker.patch_started("regular");
            tracker.read("regular");
            // The next patch cannot be read, and the fetch ends. The next fetch succeeds.
            fetches(&tracker);
            if reads_more {
                tracker.patch_started("regular");
                tracker.read("regular");
            }
            let through = tracker.reading("regular").through;
            assert_eq!(tracker.version_stored_again("regular", 7, true), VersionStored::NotAll, "{reads_more}");
            let reading = Reading { through: through + 1, is_open: true, read_to: 7, adds_up: true };
            assert_eq!(tracker.reading("regular"), reading, "the collection must be read again");

            tracker.version_read("regular");
            tracker.restart("regular");
            tracker.version_read("regular");
            tracker.snapshot_started("regular");
            let mark = tracker.read("regular");
            tracker.version_stored_again("regular", 7, true);
            assert_eq!(tracker.version_stored_again("regular", 7, true), VersionStored::All(Some(mark)));
            assert!(!tracker.reading("regular").is_open);
        }
    }

    #[test]
    fn one_fetch_can_have_several_parts() {
        let tracker = SyncTracker::default();
        fetches(&tracker);
        tracker.read("regular");
        tracker.version_read("regular");
        let mark = tracker.read("regular");
        tracker.version_read("regular");
        assert_eq!(tracker.version_stored_again("regular", 7, false), VersionStored::All(Some(mark)));
        assert_eq!(tracker.reading("regular"), Reading { through: 1, is_open: false, read_to: 7, adds_up: false });
    }

    #[test]
    fn an_upload_after_a_conflict_has_delivered_the_other_one() {
        let tracker = SyncTracker::default();
        // It is built, rejected because of another patch, which is read and delivered, and built again.
        tracker.version_read("regular");
        tracker.patch_started("regular");
        tracker.version_read("regular");
        tracker.patch_started("regular");
        tracker.read("regular");
        tracker.version_read("regular");
        tracker.patch_started("regular");
        // It was accepted, and is echoed.
        fetches(&tracker);
        tracker.patch_started("regular");
        let mark = tracker.read("regular");
        assert_eq!(tracker.version_stored_again("regular", 7, true), VersionStored::All(Some(mark)));
    }

    /// Runs a step of another task.
    async fn elsewhere<T: Send + 'static>(
        tracker: &Arc<SyncTracker>,
        step: impl FnOnce(&SyncTracker) -> T + Send + 'static,
    ) -> T {
        let tracker = Arc::clone(tracker);
        TaskTracker::new().spawn(async move { step(&tracker) }).await.unwrap()
    }

    #[tokio::test]
    async fn announcements_during_a_fetch_do_not_make_it_incomplete() {
        let tracker = Arc::new(SyncTracker::default());
        fetches(&tracker);
        tracker.patch_started("regular");
        let mark = tracker.read("regular");
        for _ in 0..3 {
            elsewhere(&tracker, |tracker| tracker.version_read("regular")).await;
        }
        assert_eq!(tracker.version_stored_again("regular", 7, true), VersionStored::All(Some(mark)));
    }

    #[tokio::test]
    async fn an_undelivered_fetch_is_not_completed_by_another_task() {
        let upload = |tracker: &SyncTracker| {
            tracker.version_read("regular");
            tracker.patch_started("regular");
        };
        let next: [fn(&SyncTracker); 3] = [|_| (), fetches, upload];
        for (number, next) in next.into_iter().enumerate() {
            let tracker = Arc::new(SyncTracker::default());
            elsewhere(&tracker, |tracker| {
                fetches(tracker);
                tracker.patch_started("regular");
                tracker.read("regular")
            })
            .await;
            next(&tracker);
            assert_eq!(tracker.version_stored_again("regular", 7, true), VersionStored::NotAll, "{number}");
        }
    }
}
