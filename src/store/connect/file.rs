//! The file of an SQLite database: path resolution, the lock file, and private creation.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, ErrorKind},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use super::OpenError;

/// Mode of every file with data: readable and writable by its owner only.
pub(in crate::store) const PRIVATE: u32 = 0o600;
/// Maximum length of a chain of symbolic links to a file that does not exist yet; the same as in Linux.
const MAX_LINKS: usize = 40;

/// Resolves a path to an absolute one without symbolic links, whether the file exists or not.
pub(in crate::store) fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    let failed = |source| OpenError::File { path: path.to_owned(), source };
    let mut path = std::path::absolute(path).map_err(failed)?;
    for _ in 0..MAX_LINKS {
        match (path.canonicalize(), path.read_link()) {
            (Ok(path), _) if path.is_dir() => return Err(failed(ErrorKind::IsADirectory.into())),
            (Ok(path), _) => return Ok(path),
            // SQLite creates the target of such a link.
            (Err(missing), Ok(target)) if missing.kind() == ErrorKind::NotFound => {
                path = path.parent().unwrap_or(Path::new("/")).join(target);
            }
            (Err(missing), Err(_)) if missing.kind() == ErrorKind::NotFound => {
                let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Err(failed(missing)) };
                return Ok(folder.canonicalize().map_err(failed)?.join(name));
            }
            (Err(error), _) => return Err(failed(error)),
        }
    }
    Err(failed(io::Error::other("too many symbolic links")))
}

/// Resolves the path of an existing database.
///
/// # Errors
/// [`OpenError::Missing`].
pub(in crate::store) fn existing(path: &Path) -> Result<PathBuf, OpenError> {
    let path = resolve(path)?;
    if path.exists() { Ok(path) } else { Err(OpenError::Missing(path)) }
}

/// Appends `end` to the file name: `a.db` and `a.sqlite` get different companions.
pub(in crate::store) fn companion(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

/// Creates an empty database unless the file exists; returns whether it was created.
pub(super) fn create(path: &Path) -> Result<bool, OpenError> {
    let path = resolve(path)?;
    if path.exists() {
        return Ok(false);
    }
    let failed = |source| OpenError::File { path: path.clone(), source };
    let folder = path.parent().unwrap_or(Path::new("/"));
    // Close it before it gets its name: closing a file would release the locks that SQLite holds on it in this process.
    let empty = tempfile::Builder::new().prefix(".chatgraph-").tempfile_in(folder).map_err(failed)?.into_temp_path();
    fs::set_permissions(&empty, fs::Permissions::from_mode(PRIVATE)).map_err(failed)?;
    match empty.persist_noclobber(&path) {
        Ok(()) => Ok(true),
        Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(refused) => Err(failed(refused.error)),
    }
}

/// Creates a file for its owner only, whatever the umask.
pub(in crate::store) fn create_private(path: &Path) -> io::Result<File> {
    let file = File::options().create_new(true).write(true).mode(PRIVATE).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(PRIVATE))?;
    Ok(file)
}

/// Rejects a database with several hard links: SQLite would use a `-wal` file for each of them, and lose data.
pub(super) fn has_one_name(path: &Path) -> Result<(), OpenError> {
    match fs::metadata(path) {
        Ok(file) if file.nlink() > 1 => Err(OpenError::HardLinks { path: path.to_owned(), links: file.nlink() }),
        _ => Ok(()),
    }
}

/// Returns whether other users of the machine can read the file.
pub(super) fn is_exposed(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.mode() & 0o044 != 0)
}
