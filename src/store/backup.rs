//! Backup and restore of an SQLite database. Each makes a copy in a private folder beside the target, verifies it, and
//! renames it into place once it is on disk. The target is thus the previous file, a complete new one, or missing.
//! PostgreSQL has its own tools.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use sea_orm::DatabaseConnection;
use tempfile::{TempDir, TempPath};
use tracing::warn;

use super::{
    connect::{self, Config, DatabaseLock, OpenError, file, sqlite},
    incarnation, integrity_check,
};

/// Prefix of the name of a folder for a partial copy.
const PREFIX: &str = ".chatgraph-partial-";
/// File in it that is locked while the copy is made.
const LOCK: &str = "lock";

/// Copies a snapshot of an SQLite database into a new file, also while a server runs on it. The copy gets a new
/// change-log incarnation: if it is served one day, later cursors are invalid.
///
/// # Errors
/// [`OpenError`], including [`OpenError::Missing`] if there is no database, [`OpenError::Exists`] if there is a file at
/// `copy`, and [`OpenError::Damaged`] if the database is corrupt.
pub async fn back_up(database: &Path, copy: &Path, now: i64) -> Result<(), OpenError> {
    let (database, target) = (file::existing(database)?, file::resolve(copy)?);
    if target.exists() {
        return Err(OpenError::Exists(target));
    }
    let partial = Partial::beside(&target)?;
    sqlite::copy(&database, &partial.database()).await.map_err(OpenError::Copy)?;
    finish(&partial.database(), &database, now).await?;
    put(partial, &target, false)
}

/// Replaces the database with a verified copy of `backup`, which gets a new change-log incarnation. The backup is not
/// changed, and may be another tool's copy of all the files. No server may run on the database.
///
/// # Errors
/// [`OpenError`], including [`OpenError::Exists`] if there is a database and `overwrite` is not set.
/// [`OpenError::Damaged`], [`OpenError::Foreign`] or [`OpenError::Newer`] for an unusable backup; the database is
/// unchanged then.
pub async fn restore(database: &Path, backup: &Path, overwrite: bool, now: i64) -> Result<(), OpenError> {
    let target = file::resolve(database)?;
    let source = file::resolve(backup)?;
    if !source.is_file() {
        return Err(OpenError::File { path: source, source: ErrorKind::NotFound.into() });
    }
    if target.exists() && !overwrite {
        return Err(OpenError::Exists(target));
    }
    let _hold = DatabaseLock::take(&Config::Sqlite(target.clone()))?;
    if source == target {
        return Err(OpenError::Exists(target));
    }
    let partial = Partial::beside(&target)?;
    let copy = partial.database();
    duplicate(&source, &copy)?;
    // Another tool's copy may have commits in companion files.
    for end in ["-wal", "-journal"] {
        let rest = file::companion(&source, end);
        if rest.exists() {
            duplicate(&rest, &file::companion(&copy, end))?;
        }
    }
    finish(&copy, &source, now).await?;
    if target.exists() {
        put_aside(&target).await?;
    }
    put(partial, &target, overwrite)
}

/// Verifies a copy of `origin`, renews its change-log incarnation, and merges it into a single file.
async fn finish(copy: &Path, origin: &Path, now: i64) -> Result<(), OpenError> {
    let damaged = |failed: OpenError| match failed {
        OpenError::Database(failed) => OpenError::Damaged { path: origin.to_owned(), problem: failed.to_string() },
        other => other,
    };
    let connection = sqlite::single_file(copy).await.map_err(|failed| damaged(failed.into()))?;
    let verified = verify(&connection, origin, now).await.map_err(damaged);
    connection.close().await?;
    verified
}

async fn verify(copy: &DatabaseConnection, origin: &Path, now: i64) -> Result<(), OpenError> {
    if !connect::is_ours(copy).await? {
        return Err(OpenError::Foreign(origin.to_owned()));
    }
    connect::knows_steps(copy).await?;
    if let Some(problem) = integrity_check::file(copy).await?.into_iter().next() {
        return Err(OpenError::Damaged { path: origin.to_owned(), problem });
    }
    Ok(incarnation::renew(copy, now).await?)
}

/// Removes the companion files of the previous database before another file gets its name: SQLite would apply an old
/// `-wal` file to the new one.
async fn put_aside(database: &Path) -> Result<(), OpenError> {
    // Merge the last commits of the previous database first, in case the restore is interrupted here.
    let merged = async { sqlite::single_file(database).await?.close().await };
    match merged.await {
        Ok(()) => {}
        Err(failed) if sqlite::is_busy(&failed) => return Err(OpenError::InUse(database.to_owned())),
        Err(failed) => warn!(error = &failed as &dyn std::error::Error, "Reading the previous database failed"),
    }
    for end in ["-wal", "-shm", "-journal"] {
        let path = file::companion(database, end);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != ErrorKind::NotFound => return Err(OpenError::File { path, source }),
            _ => {}
        }
    }
    Ok(())
}

/// Renames the copy to `target` once it is on disk.
fn put(partial: Partial, target: &Path, overwrite: bool) -> Result<(), OpenError> {
    let failed = |source| OpenError::File { path: target.to_owned(), source };
    let copy = partial.database();
    File::open(&copy).and_then(|copy| copy.sync_all()).map_err(failed)?;
    if overwrite {
        fs::rename(&copy, target).map_err(failed)?;
    } else {
        match TempPath::try_from_path(&copy).map_err(failed)?.persist_noclobber(target) {
            Ok(()) => {}
            Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => {
                return Err(OpenError::Exists(target.to_owned()));
            }
            Err(refused) => return Err(failed(refused.error)),
        }
    }
    drop(partial);
    File::open(folder_of(target)).and_then(|folder| folder.sync_all()).map_err(failed)
}

fn duplicate(from: &Path, to: &Path) -> Result<(), OpenError> {
    let unusable = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::File { path, source }
    };
    let mut source = File::open(from).map_err(unusable(from))?;
    let mut copy = file::create_private(to).map_err(unusable(to))?;
    io::copy(&mut source, &mut copy).map(drop).map_err(unusable(to))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

/// Folder for a partial copy; readable by its owner only, and removed on drop.
struct Partial {
    folder: TempDir,
    _lock: File,
}

impl Partial {
    /// Creates it beside `target`, and removes those that killed processes left there.
    fn beside(target: &Path) -> Result<Self, OpenError> {
        let beside = folder_of(target);
        remove_left(beside);
        let create = || {
            let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(beside)?;
            let lock = File::options().create(true).truncate(false).write(true).open(folder.path().join(LOCK))?;
            lock.lock()?;
            Ok(Self { folder, _lock: lock })
        };
        create().map_err(|source| OpenError::File { path: beside.to_owned(), source })
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("chatgraph.db")
    }
}

/// Removes abandoned folders of partial copies. Folders that cannot be removed are harmless.
fn remove_left(beside: &Path) {
    let Ok(entries) = fs::read_dir(beside) else { return };
    for folder in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        // Without a lock file it is being created at this moment, and is empty.
        let Ok(lock) = File::options().write(true).open(folder.path().join(LOCK)) else { continue };
        if lock.try_lock().is_ok() {
            drop(fs::remove_dir_all(folder.path()));
        }
    }
}
