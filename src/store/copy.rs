//! Backing up and restoring an SQLite database. Either makes a copy in a folder of its own beside the target, verifies it,
//! and renames it into place once it is on the disk: a target is the former file, a whole new one, or missing. PostgreSQL
//! has tools of its own.

use std::fs;
use std::fs::File;
use std::io;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;

use sea_orm::DatabaseConnection;
use tempfile::TempDir;
use tempfile::TempPath;
use tracing::warn;

use super::check;
use super::connect;
use super::connect::Config;
use super::connect::Hold;
use super::connect::OpenError;
use super::connect::file;
use super::connect::sqlite;
use super::organization;

/// How the name of a folder begins in which a copy is made.
const PREFIX: &str = ".chatgraph-partial-";
/// The file in it that is locked for as long as the copy is being made.
const LOCK: &str = "lock";

/// Copies an SQLite database as it is at this moment into a new file, also while a server runs on it. The copy's change
/// log is drawn anew: should it be served one day, cursors from after this moment lead nowhere.
///
/// # Errors
/// [`OpenError`]; [`OpenError::Missing`] when there is no database, [`OpenError::Exists`] when there is a file at `copy`,
/// [`OpenError::Damaged`] when the database is not sound.
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

/// Puts a verified copy of `backup` in the place of the database, with a change log that is drawn anew. The back-up stays
/// as it is, and may be another tool's copy of all the files. No server may run on the database.
///
/// # Errors
/// [`OpenError`]; [`OpenError::Exists`] if there is a database and it is not to be overwritten, [`OpenError::Damaged`],
/// [`OpenError::Foreign`] or [`OpenError::Newer`] for a back-up that is of no use: the database is as it was then.
pub async fn restore(database: &Path, backup: &Path, overwrite: bool, now: i64) -> Result<(), OpenError> {
    let target = file::resolve(database)?;
    let source = file::resolve(backup)?;
    if !source.is_file() {
        return Err(OpenError::File { path: source, source: ErrorKind::NotFound.into() });
    }
    if target.exists() && !overwrite {
        return Err(OpenError::Exists(target));
    }
    let _hold = Hold::take(&Config::Sqlite(target.clone()))?;
    if source == target {
        return Err(OpenError::Exists(target));
    }
    let partial = Partial::beside(&target)?;
    let copy = partial.database();
    duplicate(&source, &copy)?;
    // Another tool's copy may have commits in files beside it.
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

/// Verifies a copy of `origin`, draws its change log anew, and leaves all of it in one file that any program can read.
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
    if let Some(problem) = check::file(copy).await?.into_iter().next() {
        return Err(OpenError::Damaged { path: origin.to_owned(), problem });
    }
    Ok(organization::renew_log(copy, now).await?)
}

/// Takes what belongs to the former database alone away, before another file has its name: SQLite would lay an old `-wal`
/// file over the new one.
async fn put_aside(database: &Path) -> Result<(), OpenError> {
    // A sound database keeps its last commits, should this end here.
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

/// Renames the copy to `target` once it is on the disk.
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

/// The folder in which a copy is made; readable by its owner alone, and gone with this value.
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

/// Removes folders of copies that nobody makes any more. What cannot be removed stays: it is in nobody's way.
fn remove_left(beside: &Path) {
    let Ok(entries) = fs::read_dir(beside) else { return };
    for folder in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        // Without a lock file, it was created at this moment, and is empty.
        let Ok(lock) = File::options().write(true).open(folder.path().join(LOCK)) else { continue };
        if lock.try_lock().is_ok() {
            drop(fs::remove_dir_all(folder.path()));
        }
    }
}
