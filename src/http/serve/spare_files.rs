//! Open files that a listener keeps in reserve. When the process may open no more, it closes one of them, and can accept a
//! connection instead.

use std::fs::File;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

/// A file that can always be opened.
const NOTHING: &str = "/dev/null";

/// The files. Clones are the same ones.
#[derive(Clone)]
pub(super) struct SpareFiles(Arc<Spare>);

struct Spare {
    wanted: usize,
    files: Mutex<Vec<File>>,
}

impl SpareFiles {
    /// So many files, or as many as can be opened.
    pub(super) fn new(wanted: usize) -> Self {
        let spare = Self(Arc::new(Spare { wanted, files: Mutex::default() }));
        spare.fill();
        spare
    }

    /// Opens those that are missing, as far as that is possible.
    pub(super) fn fill(&self) {
        let mut files = self.files();
        while files.len() < self.0.wanted {
            let Ok(file) = File::open(NOTHING) else { return };
            files.push(file);
        }
    }

    /// Closes one of them; tells whether there was one.
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
    fn what_was_released_is_opened_again() {
        let spare = SpareFiles::new(2);
        assert_eq!([spare.release_one(), spare.release_one(), spare.release_one()], [true, true, false]);
        spare.fill();
        assert_eq!(spare.files().len(), 2);
    }
}
