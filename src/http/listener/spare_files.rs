//! Open files that a listener holds in reserve. If the process has reached its limit on open files, it closes one of
//! them to accept a connection.

use std::{
    fs::File,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A file that can always be opened.
const NULL_DEVICE: &str = "/dev/null";

/// The reserve. Clones share it.
#[derive(Clone)]
pub(super) struct SpareFiles(Arc<Spare>);

struct Spare {
    wanted: usize,
    files: Mutex<Vec<File>>,
}

impl SpareFiles {
    /// Opens `wanted` files, or as many as possible.
    pub(super) fn new(wanted: usize) -> Self {
        let spare = Self(Arc::new(Spare { wanted, files: Mutex::default() }));
        spare.fill();
        spare
    }

    /// Opens the missing files again, as far as possible.
    pub(super) fn fill(&self) {
        let mut files = self.files();
        while files.len() < self.0.wanted {
            let Ok(file) = File::open(NULL_DEVICE) else { return };
            files.push(file);
        }
    }

    /// Closes one file. Returns whether there was one.
    pub(super) fn release_one(&self) -> bool {
        self.files().pop().is_some()
    }

    fn files(&self) -> MutexGuard<'_, Vec<File>> {
        self.0.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn released_files_are_reopened() {
        let spare = SpareFiles::new(2);
        assert_eq!([spare.release_one(), spare.release_one(), spare.release_one()], [true, true, false]);
        spare.fill();
        assert_eq!(spare.files().len(), 2);
    }
}
