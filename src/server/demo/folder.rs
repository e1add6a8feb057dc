//! Where a demo's data is, and what of it is no database: the sandbox's folder, and the key that callers were told.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::path::PathBuf;

use super::Error;
use super::failed;

/// Mode of the folder: the phone's keys are in it as well.
const PRIVATE: u32 = 0o700;

/// A folder of the caller's, which a later demo goes on from, or one that goes with the process.
pub(super) enum Folder {
    Given(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    pub(super) fn of(given: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = given else {
            return tempfile::tempdir().map(Self::Temporary).map_err(failed);
        };
        let folder = Self::Given(path.to_owned());
        // A demo without its phone could not go on, and a server's chats are not to be mixed with a demo's.
        if folder.database().exists() && !path.join("sandbox").is_dir() {
            let path = path.display();
            return Err(Error::Demo(format!("{path} holds a database that is no demo's; name another folder")));
        }
        fs::DirBuilder::new().recursive(true).mode(PRIVATE).create(path).map_err(failed)?;
        Ok(folder)
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path().join("chatgraph.db")
    }

    /// Where the sandbox keeps its accounts; it need not for a demo that is gone with its process.
    pub(super) fn sandbox(&self) -> Option<PathBuf> {
        match self {
            Self::Given(path) => Some(path.join("sandbox")),
            Self::Temporary(_) => None,
        }
    }

    /// The secret of an earlier demo's key.
    pub(super) fn secret(&self) -> Option<String> {
        fs::read_to_string(self.secret_file()).ok()
    }

    /// Keeps a key's secret, for the folder's owner alone.
    pub(super) fn keep_secret(&self, secret: &str) -> Result<(), Error> {
        // Made in its place at once, readable by nobody else from its first moment on.
        let mut file = tempfile::NamedTempFile::new_in(self.path()).map_err(failed)?;
        file.write_all(secret.as_bytes()).map_err(failed)?;
        file.persist(self.secret_file()).map_err(failed)?;
        Ok(())
    }

    fn secret_file(&self) -> PathBuf {
        self.path().join("key")
    }

    fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}
