//! What a sandbox keeps in a folder, so that it goes on where it was, however suddenly it ended.
//!
//! `accounts/NUMBER.json` is an account with all that its phone and the server remember of it, written whole after
//! changes. `blobs/` holds what companions download, and `lock` keeps a second sandbox out. Nothing is sent before it
//! is kept (see [`Account::save`](crate::phone::account::Account::save)): a companion's ratchets and versions must never
//! be ahead of the ones here.
//!
//! To keep something more, put it into a type that is kept; foreign types are packed in `bytes`.

pub(crate) mod bytes;
mod file;
mod keeper;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::{Error, phone::account::Account};

pub(crate) use file::replace;
pub(crate) use keeper::Keeper;

/// The folder of one running sandbox.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Locked; released by the operating system when the process ends.
    _lock: File,
}

impl Folder {
    /// Creates the folder, or opens that of an earlier sandbox.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        for part in ["accounts", "blobs"] {
            let part = path.join(part);
            fs::create_dir_all(&part).map_err(|error| Error::kept(&part, error))?;
        }
        let name = path.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&name);
        let lock = lock.map_err(|error| Error::kept(&name, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(Error::kept(&name, error)),
        }
    }

    /// Loads the accounts of the earlier sandbox.
    pub(crate) fn accounts(&self) -> Result<Vec<Account>, Error> {
        let folder = self.path.join("accounts");
        let files = fs::read_dir(&folder)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>());
        let files = files.map_err(|error| Error::kept(&folder, error))?;
        let accounts = files.into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "json"));
        accounts.map(|file| Account::restore(Keeper::new(file))).collect()
    }

    /// Returns the writer for the account with this number.
    pub(crate) fn keeper(&self, number: &str) -> Keeper {
        Keeper::new(self.path.join("accounts").join(format!("{number}.json")))
    }

    /// Returns the folder for blobs.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }
}
