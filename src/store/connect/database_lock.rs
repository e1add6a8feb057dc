//! The lock of a process on its database.

use std::{fs::File, os::unix::fs::OpenOptionsExt as _};

use tracing::warn;

use super::{Config, file, open_error::OpenError};

/// Keeps a second server from the same SQLite file for as long as it lives; on PostgreSQL,
/// [`ServerLock`](super::ServerLock) does. Commands beside a running server (`key`, `migrate`) do not take it.
#[derive(Debug)]
pub struct DatabaseLock {
    _lock: Option<File>,
}

impl DatabaseLock {
    /// Takes the lock file beside an SQLite database. It is beside the resolved file, so every symbolic link leads to
    /// the same lock. It is a separate file, because closing any descriptor of the database would release SQLite's
    /// locks on it.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another server holds it; [`OpenError::HardLinks`] if the file has another name, under
    /// which the lock could be missed.
    pub fn take(config: &Config) -> Result<Self, OpenError> {
        let Config::Sqlite(database) = config else { return Ok(Self { _lock: None }) };
        let database = file::resolve(database)?;
        file::has_one_name(&database)?;
        let path = file::companion(&database, ".lock");
        let failed = |source| OpenError::File { path: path.clone(), source };
        let mut options = File::options();
        let lock = options.create(true).truncate(false).write(true).mode(file::PRIVATE).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(OpenError::InUse(database)),
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        if file::is_exposed(&database) {
            warn!(path = %database.display(), "The database file is readable by other users; set its mode to 0600");
        }
        Ok(Self { _lock: Some(lock) })
    }
}
