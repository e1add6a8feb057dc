//! Files that are written whole.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

/// Writes a file so that whoever reads it finds the old content or the new one, whatever happens meanwhile; the new one
/// once this has returned.
///
/// One writer at a time for each path.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    flush_name(path)
}

/// A file's name is the folder's content.
#[cfg(unix)]
fn flush_name(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(not(unix))]
fn flush_name(_: &Path) -> io::Result<()> {
    Ok(())
}
