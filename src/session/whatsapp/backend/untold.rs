//! What the library has read of the account's settings and not told yet. It stores how far it has read before it tells
//! what that was, and after a crash in between it would never tell. So a collection is marked when it is read, in the
//! same commit, and loses its mark when what it told is in the stored copy. One that has its mark still when a client
//! begins is put back to its beginning: WhatsApp then tells all of it again, which changes only what was lost.
//!
//! When all is told shows in the order of the library's calls: it stores the version of a collection once more, the same,
//! when it is through with telling. (After a snapshot without patches it does so twice, the first time before.) A later
//! version of the library may have another order; the tests of a crash at every step would see it.

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

struct Collection {
    /// The mark of what was read last; none while all is told.
    mark: Option<u64>,
    /// The mark of what is read next. What another client said of its own must not be taken for this one's.
    next: u64,
    /// Its snapshot was read, and no patch behind it.
    is_snapshot: bool,
}

impl Default for Collection {
    fn default() -> Self {
        let next = getrandom::u64().expect("the operating system has random bytes");
        Self { mark: None, next, is_snapshot: false }
    }
}

impl Untold {
    /// Something is read; gives the mark for it.
    pub(super) fn read(&self, name: &str) -> u64 {
        self.with(name, |collection| {
            let mark = *collection.mark.insert(collection.next);
            collection.next = mark.wrapping_add(1);
            mark
        })
    }

    pub(super) fn reads_a_snapshot(&self, name: &str) {
        self.with(name, |collection| collection.is_snapshot = true);
    }

    pub(super) fn reads_a_patch(&self, name: &str) {
        self.with(name, |collection| collection.is_snapshot = false);
    }

    /// The version is stored once more; gives the mark up to which all is told, if something was to be told.
    pub(super) fn told(&self, name: &str) -> Option<u64> {
        self.with(name, |collection| {
            let is_early = std::mem::take(&mut collection.is_snapshot);
            if is_early { None } else { collection.mark.take() }
        })
    }

    fn with<T>(&self, name: &str, act: impl FnOnce(&mut Collection) -> T) -> T {
        let mut collections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(collections.entry(name.to_owned()).or_default())
    }
}

impl Memory {
    /// Puts the collections that were read and not told back to their beginning. They keep their marks until they are told.
    pub(super) async fn read_the_untold_anew(&self) -> Result<()> {
        for (name, _) in self.state.all_records(Kind::Untold).await.map_err(failed)? {
            info!(collection = %String::from_utf8_lossy(&name), "Settings were read and perhaps not stored; they are read anew");
            self.put_back(&String::from_utf8_lossy(&name)).await?;
        }
        Ok(())
    }

    /// Puts a collection back to its beginning: it is read as if nothing of it were known.
    pub(super) async fn put_back(&self, name: &str) -> Result<()> {
        let macs = compound(&[name], &[]);
        let version = (Kind::Version, name.as_bytes());
        self.state.remove_record_and_those_under(version, (Kind::MutationMac, &macs)).await.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_told_when_the_version_is_stored_once_more() {
        let untold = Untold::default();
        assert_eq!(untold.told("regular"), None, "nothing was read");
        untold.reads_a_patch("regular");
        let first = untold.read("regular");
        untold.reads_a_patch("regular");
        let second = untold.read("regular");
        assert_ne!(second, first);
        assert_eq!(untold.told("regular_low"), None, "another collection");
        assert_eq!(untold.told("regular"), Some(second));
        assert_eq!(untold.told("regular"), None);
    }

    #[test]
    fn after_a_snapshot_without_patches_it_is_told_the_second_time() {
        let untold = Untold::default();
        untold.reads_a_snapshot("regular");
        let mark = untold.read("regular");
        assert_eq!(untold.told("regular"), None);
        assert_eq!(untold.told("regular"), Some(mark));

        untold.reads_a_snapshot("regular");
        untold.read("regular");
        untold.reads_a_patch("regular");
        let mark = untold.read("regular");
        assert_eq!(untold.told("regular"), Some(mark), "there was a patch behind it");
    }
}
