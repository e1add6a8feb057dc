//! The folder of a sandbox's state, from which a later sandbox resumes, even after a kill.
//!
//! `accounts/NUMBER.json` is an account with all state of its phone and of the server. It is replaced as a whole after
//! changes. `blobs/` has the files that companions download, and `lock` excludes a second sandbox. State is saved
//! before the stanzas that depend on it are sent (see [`Account::save`](crate::phone::account::Account::save)): a
//! companion's ratchets and versions must never be ahead of the saved ones.
//!
//! To save more state, add it to a type that is saved already; foreign types are packed in `bytes`.

mod account_file;
pub(crate) mod bytes;
mod file;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::{Error, phone::account::Account};

pub(crate) use account_file::AccountFile;
pub(crate) use file::replace;

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
        accounts.map(|file| Account::restore(AccountFile::new(file))).collect()
    }

    /// Returns the writer for the account with this number.
    pub(crate) fn keeper(&self, number: &str) -> AccountFile {
        AccountFile::new(self.path.join("accounts").join(format!("{number}.json")))
    }

    /// Returns the folder for blobs.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }
}
