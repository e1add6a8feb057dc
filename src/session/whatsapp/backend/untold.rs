//! What the library has read of the account's settings and not told yet. It stores how far it has read before it tells
//! what that was, and after a crash in between it would never tell. So a collection is marked when it is read, in the
//! same commit, and loses its mark when what it told is in the stored copy. One that has its mark still when a client
//! begins is put back to its beginning: WhatsApp then tells all of it again, which changes only what was lost.
//!
//! When all is told shows in the order of the library's calls: it stores the version of a collection once more, the same,
//! when it is through with telling. (After a snapshot without patches it does so twice, the first time before.) A later
//! version of the library may have another order; the tests of a crash at every step would see it.
//!
//! Also without a crash something is read and never told: where one patch can be read and the next one cannot, the
//! library has stored the first and drops what it said. That shows in the order, too: whoever fetches looks up the version
//! twice, when it asks and when the answer is there. Two looks between storing a version and being through are another
//! fetch than the one that stored it. One look before check values are looked up is no fetch: it is the next part of the
//! same one, or an upload that builds on what was read, and either comes after the telling.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use tracing::info;
use whatsapp_rust::store::error::Result;

use super::Memory;
use super::compound;
use super::failed;
use crate::store::device::Kind;

/// The collections of one client.
#[derive(Default)]
pub(super) struct Untold(Mutex<HashMap<String, Collection>>);

#[expect(clippy::struct_excessive_bools, reason = "each is set and taken back by calls of its own")]
struct Collection {
    /// The mark of what was read last; none while all is told.
    mark: Option<u64>,
    /// The mark of what is read next. What another client said of its own must not be taken for this one's.
    next: u64,
    /// It begins anew, and no patch was read since.
    is_anew: bool,
    /// Its snapshot was read, and no patch behind it.
    is_snapshot: bool,
    /// How often the version was looked up since it was stored.
    looks: u32,
    /// Somebody went on from what was read, which is done when that was told.
    is_told: bool,
    /// Something was read that nobody will tell.
    is_lost: bool,
    reading: Reading,
}

/// How a collection stands with those who fetch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Reading {
    /// How many fetches got through to their end.
    pub(in super::super) through: u64,
    /// Somebody looked where it stands since, or it is to be read from its beginning.
    pub(in super::super) is_open: bool,
    /// The version up to which the last of them read.
    pub(in super::super) read_to: u64,
    /// What was read last fits what WhatsApp says that it must.
    pub(in super::super) adds_up: bool,
}

/// What storing a version once more means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing yet.
    Nothing,
    /// All was told; up to this mark, if something was to be told.
    All(Option<u64>),
    /// This fetch told all of its own, and an earlier one did not.
    NotAll,
}

impl Default for Collection {
    fn default() -> Self {
        let next = getrandom::u64().expect("the operating system has random bytes");
        let reading = Reading { through: 0, is_open: false, read_to: 0, adds_up: true };
        Self { mark: None, next, is_anew: false, is_snapshot: false, looks: 0, is_told: false, is_lost: false, reading }
    }
}

impl Collection {
    /// Whoever stores something now is not who stored what is marked.
    fn finds(&mut self) {
        self.is_lost |= self.mark.is_some() && self.looks > 1 && !self.is_told;
        (self.looks, self.is_told) = (0, false);
    }
}

impl Untold {
    /// Somebody looks up where a collection stands.
    pub(super) fn looks(&self, name: &str) {
        self.with(name, |collection| {
            collection.looks += 1;
            collection.reading.is_open = true;
        });
    }

    /// Something is read; gives the mark for it.
    pub(super) fn read(&self, name: &str) -> u64 {
        self.with(name, |collection| {
            collection.finds();
            collection.is_snapshot = std::mem::take(&mut collection.is_anew);
            let mark = *collection.mark.insert(collection.next);
            collection.next = mark.wrapping_add(1);
            mark
        })
    }

    pub(super) fn reads_a_snapshot(&self, name: &str) {
        self.with(name, |collection| collection.is_anew = true);
    }

    pub(super) fn reads_a_patch(&self, name: &str) {
        self.with(name, |collection| {
            (collection.is_anew, collection.is_snapshot) = (false, false);
            collection.is_told |= collection.looks == 1;
        });
    }

    /// The version `read_to` is stored once more, of a collection that adds up or not.
    pub(super) fn told(&self, name: &str, read_to: u64, adds_up: bool) -> Told {
        self.with(name, |collection| {
            if std::mem::take(&mut collection.is_snapshot) {
                return Told::Nothing;
            }
            collection.finds();
            let reading = &mut collection.reading;
            *reading = Reading { through: reading.through + 1, is_open: collection.is_lost, read_to, adds_up };
            if std::mem::take(&mut collection.is_lost) { Told::NotAll } else { Told::All(collection.mark.take()) }
        })
    }

    /// The collection is put back to its beginning: whatever was lost comes again.
    pub(super) fn begins_anew(&self, name: &str) {
        self.with(name, |collection| (collection.mark, collection.is_lost) = (None, false));
    }

    pub(super) fn reading(&self, name: &str) -> Reading {
        self.with(name, |collection| collection.reading)
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&mut Collection) -> T) -> T {
        let mut collections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(collections.entry(name.to_owned()).or_default())
    }
}

impl Memory {
    /// How a collection stands with those who fetch it.
    pub(in super::super) fn reading(&self, name: &str) -> Reading {
        self.untold.reading(name)
    }

    /// Puts the collections that were read and not told back to their beginning. They keep their marks until they are told.
    pub(super) async fn read_the_untold_anew(&self) -> Result<()> {
        for (name, _) in self.state.all_records(Kind::Untold).await.map_err(failed)? {
            info!(collection = %String::from_utf8_lossy(&name), "App state was read but possibly not stored; reading it again");
            self.put_back(&String::from_utf8_lossy(&name)).await?;
        }
        Ok(())
    }

    /// Puts a collection back to its beginning: it is read as if nothing of it were known.
    pub(super) async fn put_back(&self, name: &str) -> Result<()> {
        self.untold.begins_anew(name);
        let macs = compound(&[name], &[]);
        let version = (Kind::Version, name.as_bytes());
        self.state.remove_record_and_those_under(version, (Kind::MutationMac, &macs)).await.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody asks for what is new, and looks again when the answer is there.
    fn fetches(untold: &Untold) {
        untold.looks("regular");
        untold.looks("regular");
    }

    #[test]
    fn all_is_told_when_the_version_is_stored_once_more() {
        let untold = Untold::default();
        assert_eq!(untold.told("regular", 7, true), Told::All(None), "nothing was read");
        fetches(&untold);
        untold.reads_a_patch("regular");
        let first = untold.read("regular");
        untold.reads_a_patch("regular");
        let second = untold.read("regular");
        assert_ne!(second, first);
        assert_eq!(untold.told("regular_low", 7, true), Told::All(None), "another collection");
        assert_eq!(untold.told("regular", 7, true), Told::All(Some(second)));
        assert_eq!(untold.told("regular", 7, true), Told::All(None));
    }

    #[test]
    fn after_a_snapshot_without_patches_it_is_told_the_second_time() {
        let untold = Untold::default();
        fetches(&untold);
        untold.reads_a_snapshot("regular");
        let mark = untold.read("regular");
        assert_eq!(untold.told("regular", 7, true), Told::Nothing);
        assert_eq!(untold.told("regular", 7, true), Told::All(Some(mark)));

        untold.reads_a_snapshot("regular");
        untold.read("regular");
        untold.reads_a_patch("regular");
        let mark = untold.read("regular");
        assert_eq!(untold.told("regular", 7, true), Told::All(Some(mark)), "there was a patch behind it");
    }

    #[test]
    fn a_collection_without_anything_in_it_is_read_at_once() {
        let untold = Untold::default();
        fetches(&untold);
        untold.reads_a_snapshot("regular");
        assert_eq!(untold.told("regular", 7, true), Told::All(None));
        assert_eq!(untold.reading("regular"), Reading { through: 1, is_open: false, read_to: 7, adds_up: true });
    }

    #[test]
    fn what_a_fetch_left_untold_is_not_told_by_the_next_one() {
        let untold = Untold::default();
        for reads_more in [false, true] {
            fetches(&untold);
            untold.reads_a_patch("regular");
            untold.read("regular");
            // The patch behind it cannot be read, and the fetch ends. The next one goes well.
            fetches(&untold);
            if reads_more {
                untold.reads_a_patch("regular");
                untold.read("regular");
            }
            let through = untold.reading("regular").through;
            assert_eq!(untold.told("regular", 7, true), Told::NotAll, "{reads_more}");
            let reading = Reading { through: through + 1, is_open: true, read_to: 7, adds_up: true };
            assert_eq!(untold.reading("regular"), reading, "it is to be read anew");

            untold.looks("regular");
            untold.begins_anew("regular");
            untold.looks("regular");
            untold.reads_a_snapshot("regular");
            let mark = untold.read("regular");
            untold.told("regular", 7, true);
            assert_eq!(untold.told("regular", 7, true), Told::All(Some(mark)));
            assert!(!untold.reading("regular").is_open);
        }
    }

    #[test]
    fn one_fetch_may_have_several_parts() {
        let untold = Untold::default();
        fetches(&untold);
        untold.read("regular");
        untold.looks("regular");
        let mark = untold.read("regular");
        untold.looks("regular");
        assert_eq!(untold.told("regular", 7, false), Told::All(Some(mark)));
        assert_eq!(untold.reading("regular"), Reading { through: 1, is_open: false, read_to: 7, adds_up: false });
    }

    #[test]
    fn an_upload_that_met_another_one_has_told_of_it() {
        let untold = Untold::default();
        // It is built, answered with the other one, which is read and told, and built anew.
        untold.looks("regular");
        untold.reads_a_patch("regular");
        untold.looks("regular");
        untold.reads_a_patch("regular");
        untold.read("regular");
        untold.looks("regular");
        untold.reads_a_patch("regular");
        // It was taken, and comes back.
        fetches(&untold);
        untold.reads_a_patch("regular");
        let mark = untold.read("regular");
        assert_eq!(untold.told("regular", 7, true), Told::All(Some(mark)));
    }
}
