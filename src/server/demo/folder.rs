//! The data folder of a demo: the database, the sandbox's folder, and the secret of the demo's API key.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use crate::server::error::Error;

/// File mode of the folder, which also contains the phone's keys.
const PRIVATE_MODE: u32 = 0o700;

/// A folder given by the operator, which a later demo can use again, or a temporary one.
pub(super) enum Folder {
    Given(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    pub(super) fn open(given: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = given else {
            return tempfile::tempdir().map(Self::Temporary).map_err(Error::demo);
        };
        let folder = Self::Given(path.to_owned());
        // A demo needs the phone that belongs to its database, and must not mix its chats with those of a server.
        if folder.database().exists() && !path.join("sandbox").is_dir() {
            let path = path.display();
            return Err(Error::Demo(format!("{path} contains a database that no demo created: choose another folder")));
        }
        fs::DirBuilder::new().recursive(true).mode(PRIVATE_MODE).create(path).map_err(Error::demo)?;
        Ok(folder)
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path().join("chatgraph.db")
    }

    /// Returns the sandbox's folder; `None` for a temporary demo, whose accounts are not stored.
    pub(super) fn sandbox(&self) -> Option<PathBuf> {
        match self {
            Self::Given(path) => Some(path.join("sandbox")),
            Self::Temporary(_) => None,
        }
    }

    /// Returns the secret of an earlier demo's key.
    pub(super) fn secret(&self) -> Option<String> {
        fs::read_to_string(self.secret_file()).ok()
    }

    /// Stores a key's secret, readable only by the owner of the folder.
    pub(super) fn keep_secret(&self, secret: &str) -> Result<(), Error> {
        // A temporary file is created with mode 0600, so no other user can read the secret at any time.
        let mut file = tempfile::NamedTempFile::new_in(self.path()).map_err(Error::demo)?;
        file.write_all(secret.as_bytes()).map_err(Error::demo)?;
        file.persist(self.secret_file()).map_err(Error::demo)?;
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
