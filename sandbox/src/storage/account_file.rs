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
    asked: AtomicU64,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    /// All requests up to this one are done.
    served: u64,
    digest: Option<[u8; 32]>,
}

/// Permit to write the file, on behalf of all requests so far.
pub(crate) struct Turn {
    kept: OwnedMutexGuard<Kept>,
    serves: u64,
}

impl AccountFile {
    /// Creates the writer of this file.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, asked: AtomicU64::new(0), kept: Arc::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for the permit to write. `None` if a later request has already written the state of this call or a newer
    /// one: concurrent requests share one write.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let kept = Arc::clone(&self.kept).lock_owned().await;
        (kept.served < number).then(|| Turn { kept, serves: self.asked.load(Ordering::SeqCst) })
    }

    /// Writes the account in its state after the permit was given; does nothing if the file is up to date.
    ///
    /// If the caller is dropped, the write continues and keeps the permit.
    pub(crate) async fn write(&self, mut turn: Turn, content: Vec<u8>) -> Result<(), Error> {
        let path = self.path.clone();
        let writing = tokio::task::spawn_blocking(move || {
            let digest = Some(Sha256::digest(&content).into());
            if turn.kept.digest != digest {
                replace(&path, &content).map_err(|error| Error::kept(&path, error))?;
                turn.kept.digest = digest;
            }
            turn.kept.served = turn.serves;
            Ok(())
        });
        writing.await.map_err(|error| Error::kept(&self.path, error))?
    }
}
