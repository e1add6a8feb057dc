//! Atomic replacement of files.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

/// Writes a file atomically: readers find the old content or the new one, also after a crash. The new content is
/// durable when this returns.
///
/// Only one writer at a time for each path.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    flush_name(path)
}

/// Syncs the folder, which contains the file's name.
#[cfg(unix)]
fn flush_name(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(not(unix))]
fn flush_name(_: &Path) -> io::Result<()> {
    Ok(())
}
