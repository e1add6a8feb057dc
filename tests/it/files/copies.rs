//! Backups and databases restored from them: each is complete or absent.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    process::{Command, Stdio},
};

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use super::folder::{Folder, error};

/// Creates a folder with a database of one key, and its backup.
fn backed_up() -> Folder {
    let folder = Folder::new();
    folder.create("a.db");
    back_up(&folder, "copy.db");
    folder
}

fn back_up(folder: &Folder, copy: &str) {
    let copied = folder.run(&["backup", copy, "--database", "sqlite:a.db"]);
    assert!(copied.status.success(), "{}", error(&copied));
}

fn keys(folder: &Folder, name: &str) -> usize {
    let listed = folder.run(&["key", "list", "--organization", "a", "--database", &format!("sqlite:{name}")]);
    assert!(listed.status.success(), "{}", error(&listed));
    String::from_utf8_lossy(&listed.stdout).lines().count()
}

async fn execute(folder: &Folder, name: &str, statement: &str) {
    let url = format!("sqlite:{}", folder.path(name).display());
    let database = sea_orm::Database::connect(url).await.expect("a connection");
    database.execute_unprepared(statement).await.expect("executed");
    database.close().await.expect("closed");
}

async fn incarnation(folder: &Folder, name: &str) -> i64 {
    let url = format!("sqlite:{}", folder.path(name).display());
    let database = sea_orm::Database::connect(url).await.expect("a connection");
    let query = Statement::from_string(DbBackend::Sqlite, "SELECT incarnation FROM change_log");
    let row = database.query_one_raw(query).await.expect("a read").expect("a row");
    database.close().await.expect("closed");
    row.try_get_by_index(0).expect("a number")
}

#[test]
fn a_killed_backup_leaves_no_file_and_blocks_no_other() {
    let folder = backed_up();
    let script = "ulimit -f 64; exec \"$0\" backup late.db --database sqlite:a.db";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_chatgraph")]).current_dir(folder.path(""));
    let killed = command.stdin(Stdio::null()).output().expect("runs");
    assert!(!killed.status.success());
    assert!(!folder.path("late.db").exists());

    // A partial copy of another running process stays.
    fs::create_dir(folder.path(".chatgraph-partial-other")).expect("a folder");
    let lock = File::create(folder.path(".chatgraph-partial-other/lock")).expect("a file");
    lock.lock().expect("locked");
    back_up(&folder, "late.db");
    let partial = |name: &String| name.starts_with(".chatgraph-partial-");
    assert_eq!(folder.names().into_iter().filter(partial).collect::<Vec<_>>(), [".chatgraph-partial-other"]);
    drop(lock);
    back_up(&folder, "later.db");
    assert!(!folder.names().iter().any(partial), "{:?}", folder.names());
    assert_eq!(keys(&folder, "late.db"), 1);
}

#[test]
fn a_back_up_is_one_file_that_is_sound() {
    let folder = Folder::new();
    let _serving = folder.serve("sqlite:a.db");
    folder.create("a.db");
    back_up(&folder, "copy.db");
    assert!(!folder.names().iter().any(|name| name.starts_with("copy.db-")), "{:?}", folder.names());
    let made = folder.run(&["migrate", "up", "--database", "sqlite:new.db"]);
    assert!(made.status.success(), "{}", error(&made));
    for database in ["sqlite:copy.db", "sqlite:a.db", "sqlite:new.db"] {
        let checked = folder.run(&["check", "--database", database]);
        assert!(checked.status.success(), "{database}: {}", String::from_utf8_lossy(&checked.stdout));
    }
}

#[tokio::test]
async fn a_restored_database_is_the_back_up_whatever_a_kill_left() {
    let folder = backed_up();
    let serving = folder.serve("sqlite:a.db");
    folder.create("a.db");
    // Kills the server.
    drop(serving);
    assert!(folder.path("a.db-wal").exists());
    let refused = folder.run(&["restore", "copy.db", "--database", "sqlite:a.db"]);
    assert!(error(&refused).contains("already exists and is not overwritten"), "{}", error(&refused));
    assert_eq!(keys(&folder, "a.db"), 2);

    let mut seen = vec![incarnation(&folder, "copy.db").await];
    for _ in 0..2 {
        let restored = folder.run(&["restore", "copy.db", "--overwrite", "--database", "sqlite:a.db"]);
        assert!(restored.status.success(), "{}", error(&restored));
        assert_eq!(keys(&folder, "a.db"), 1);
        let drawn = incarnation(&folder, "a.db").await;
        assert!(!seen.contains(&drawn), "change numbers were reused");
        seen.push(drawn);
    }
    let checked = folder.run(&["check", "--database", "sqlite:a.db"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    assert!(!folder.names().iter().any(|name| name.starts_with(".chatgraph")), "{:?}", folder.names());
}

#[test]
fn a_copy_that_another_tool_made_brings_its_wal_along() {
    let folder = Folder::new();
    let serving = folder.serve("sqlite:a.db");
    folder.create("a.db");
    // Kills the server, and leaves the newest commits in the -wal file.
    drop(serving);
    for end in ["", "-wal"] {
        fs::copy(folder.path(&format!("a.db{end}")), folder.path(&format!("raw.db{end}"))).expect("copied");
    }
    let restored = folder.run(&["restore", "raw.db", "--database", "sqlite:b.db"]);
    assert!(restored.status.success(), "{}", error(&restored));
    assert_eq!(keys(&folder, "b.db"), 1);
}

#[tokio::test]
async fn a_back_up_of_no_use_leaves_the_database_as_it_is() {
    let folder = backed_up();
    fs::copy(folder.path("copy.db"), folder.path("newer.db")).expect("copied");
    execute(&folder, "newer.db", "INSERT INTO seaql_migrations VALUES ('m9999_later', 0)").await;
    fs::copy(folder.path("copy.db"), folder.path("cut.db")).expect("copied");
    let cut = File::options().write(true).open(folder.path("cut.db")).expect("a file");
    cut.set_len(fs::metadata(folder.path("cut.db")).expect("a file").len() / 2 + 100).expect("cut");
    fs::copy(folder.path("copy.db"), folder.path("spoiled.db")).expect("copied");
    let spoiled = File::options().write(true).open(folder.path("spoiled.db")).expect("a file");
    for page in 20..40 {
        spoiled.write_all_at(&[0xff; 4096], page * 4096).expect("written");
    }
    fs::write(folder.path("text.db"), "no database".repeat(1000)).expect("written");
    fs::write(folder.path("empty.db"), "").expect("written");
    let before = fs::read(folder.path("a.db")).expect("a file");
    for name in ["newer.db", "cut.db", "spoiled.db", "text.db", "empty.db", "missing.db", "a.db"] {
        let refused = folder.run(&["restore", name, "--overwrite", "--database", "sqlite:a.db"]);
        assert!(!refused.status.success(), "{name}");
        let expected = if name == "newer.db" { "from a newer version of chatgraph" } else { name };
        assert!(error(&refused).contains(expected), "{name}: {}", error(&refused));
        assert_eq!(fs::read(folder.path("a.db")).expect("a file"), before, "{name}");
    }
    let checked = folder.run(&["check", "--database", "sqlite:spoiled.db"]);
    assert!(!checked.status.success());
    let refused = folder.run(&["backup", "copy2.db", "--database", "sqlite:spoiled.db"]);
    assert!(!refused.status.success() && !folder.path("copy2.db").exists());
}
