//! Keeps one account's file in step with the account.

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

/// One account's file.
pub(crate) struct Keeper {
    path: PathBuf,
    /// Counts who asked for the account to be kept.
    asked: AtomicU64,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    /// Everybody up to this one has been served.
    served: u64,
    digest: Option<[u8; 32]>,
}

/// The right to write the file, for everybody who has asked so far.
pub(crate) struct Turn {
    kept: OwnedMutexGuard<Kept>,
    serves: u64,
}

impl Keeper {
    /// Keeps an account in this file.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, asked: AtomicU64::new(0), kept: Arc::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until the file may be written. `None` if somebody has written meanwhile what the account was at the call,
    /// or later: so those who wait share one writing.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let kept = Arc::clone(&self.kept).lock_owned().await;
        (kept.served < number).then(|| Turn { kept, serves: self.asked.load(Ordering::SeqCst) })
    }

    /// Writes the account, as it was after the turn came; nothing to do if that is how the file has it.
    ///
    /// The writing goes on, and nobody else gets a turn, when the caller is dropped.
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
