//! The folder itself, locked by one sandbox.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::account_file::AccountFile;
use crate::Error;

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
            fs::create_dir_all(&part).map_err(|error| Error::storage(&part, error))?;
        }
        let name = path.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&name);
        let lock = lock.map_err(|error| Error::storage(&name, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(Error::storage(&name, error)),
        }
    }

    /// Returns the account files of the earlier sandbox.
    pub(crate) fn accounts(&self) -> Result<Vec<AccountFile>, Error> {
        let folder = self.path.join("accounts");
        let files = fs::read_dir(&folder)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>());
        let files = files.map_err(|error| Error::storage(&folder, error))?;
        let accounts = files.into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "json"));
        Ok(accounts.map(AccountFile::new).collect())
    }

    /// Returns the writer for the account with this number.
    pub(crate) fn file(&self, number: &str) -> AccountFile {
        AccountFile::new(self.path.join("accounts").join(format!("{number}.json")))
    }

    /// Returns the folder for blobs.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }
}
