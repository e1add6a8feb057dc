//! Writing of one account's file.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::file::replace;
use crate::Error;

/// The file of one account.
pub(crate) struct AccountFile {
    path: PathBuf,
    /// Number of the last requested write.
    requested: AtomicU64,
    state: Arc<Mutex<WriteState>>,
}

#[derive(Default)]
struct WriteState {
    /// All requests up to this one are done.
    written: u64,
    digest: Option<[u8; 32]>,
}

/// Permit to write the file, on behalf of all requests so far.
pub(crate) struct WritePermit {
    state: OwnedMutexGuard<WriteState>,
    writes: u64,
}

impl AccountFile {
    /// Creates the writer of this file.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, requested: AtomicU64::new(0), state: Arc::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for the permit to write. `None` if a later request has already written the state of this call or a newer
    /// one: concurrent requests share one write.
    pub(crate) async fn permit(&self) -> Option<WritePermit> {
        let number = self.requested.fetch_add(1, Ordering::SeqCst) + 1;
        let state = Arc::clone(&self.state).lock_owned().await;
        (state.written < number).then(|| WritePermit { state, writes: self.requested.load(Ordering::SeqCst) })
    }

    /// Writes the account in its state after the permit was given; does nothing if the file is up to date.
    ///
    /// If the caller is dropped, the write continues and keeps the permit.
    pub(crate) async fn write(&self, mut permit: WritePermit, content: Vec<u8>) -> Result<(), Error> {
        let path = self.path.clone();
        let writing = tokio::task::spawn_blocking(move || {
            let digest = Some(Sha256::digest(&content).into());
            if permit.state.digest != digest {
                replace(&path, &content).map_err(|error| Error::storage(&path, error))?;
                permit.state.digest = digest;
            }
            permit.state.written = permit.writes;
            Ok(())
        });
        writing.await.map_err(|error| Error::storage(&self.path, error))?
    }
}
