//! The SQLite database file: its name, lock and mode, and the files that commands leave behind.

mod copies;
mod folder;

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use folder::{Folder, error};

#[test]
fn one_file_is_served_once_by_whatever_name() {
    let folder = Folder::new();
    let _first = folder.serve("sqlite:a.db");
    fs::create_dir(folder.path("links")).expect("a folder");
    symlink(folder.path("a.db"), folder.path("links/b.db")).expect("a link");
    symlink("b.db", folder.path("links/c.db")).expect("a link to a link");
    let absolute = format!("sqlite:{}", folder.path("links/../a.db").display());
    for name in ["sqlite:a.db", "sqlite:./a.db", "sqlite:links/b.db", "sqlite:links/c.db", &absolute] {
        let refused = folder.run(&["serve", "--listen", "127.0.0.1:0", "--database", name]);
        assert!(error(&refused).contains("in use by another chatgraph server"), "{name}: {}", error(&refused));
    }
    fs::hard_link(folder.path("a.db"), folder.path("links/hard.db")).expect("a hard link");
    let refused = folder.run(&["serve", "--listen", "127.0.0.1:0", "--database", "sqlite:links/hard.db"]);
    assert!(error(&refused).contains("has 2 hard links"), "{}", error(&refused));
}

#[test]
fn a_link_to_a_missing_file_is_locked_as_that_file() {
    let folder = Folder::new();
    fs::create_dir(folder.path("data")).expect("a folder");
    symlink("data/a.db", folder.path("link.db")).expect("a link");
    let _first = folder.serve("sqlite:link.db");
    assert!(folder.path("data/a.db").is_file());
    let refused = folder.run(&["serve", "--listen", "127.0.0.1:0", "--database", "sqlite:data/a.db"]);
    assert!(error(&refused).contains("in use by another chatgraph server"), "{}", error(&refused));
}

#[test]
fn files_side_by_side_are_served_side_by_side() {
    let folder = Folder::new();
    let names = ["x.1", "x.2", "x", "x.db", "x.sqlite", ".x", "x.1.db"];
    let _serving: Vec<_> = names.iter().map(|name| folder.serve(&format!("sqlite:{name}"))).collect();
}

#[test]
fn a_name_is_a_name_whatever_characters_it_has() {
    for name in [
        "a b.db",
        "file:a.db",
        "a%20b.db",
        "a#b.db",
        "-a.db",
        "--a",
        "übung 🙂.db",
        "a&mode=memory",
        "a'b\".db",
        "a;b.db",
    ] {
        for form in ["relative", "absolute"] {
            let folder = Folder::new();
            let database = match form {
                "relative" => format!("sqlite:{name}"),
                _ => format!("sqlite:{}", folder.path(name).display()),
            };
            let database = format!("--database={database}");
            let made = folder.run(&["key", "create", "--organization", "a", &database]);
            assert!(made.status.success(), "{name}: {}", error(&made));
            let listed = folder.run(&["key", "list", "--organization", "a", &database]);
            assert_eq!(String::from_utf8_lossy(&listed.stdout).lines().count(), 1, "{name}: {}", error(&listed));
            assert_eq!(folder.names(), [name], "{form}");
        }
    }
}

#[test]
fn data_are_their_owners_alone_whatever_the_umask() {
    for umask in ["000", "022", "277"] {
        let folder = Folder::with_umask(umask);
        let serving = folder.serve("sqlite:a.db");
        let made = folder.run(&["key", "create", "--organization", "a", "--database", "sqlite:a.db"]);
        assert!(made.status.success(), "{}", error(&made));
        let copied = folder.run(&["backup", "copy.db", "--database", "sqlite:a.db"]);
        assert!(copied.status.success(), "{}", error(&copied));
        let restored = folder.run(&["restore", "copy.db", "--database", "sqlite:b.db"]);
        assert!(restored.status.success(), "{}", error(&restored));
        let names = folder.names();
        assert!(names.len() >= 7, "{names:?}");
        for name in names {
            let bits = fs::metadata(folder.path(&name)).expect("a file").permissions().mode();
            // A umask may remove more permissions from files without data.
            let allowed =
                if Path::new(&name).extension().is_some_and(|end| end == "lock") { bits & 0o600 } else { 0o600 };
            assert_eq!(bits & 0o777, allowed, "{name} under {umask}");
        }
        drop(serving);
    }
}

#[test]
fn a_database_that_others_can_read_is_warned_of() {
    let folder = Folder::new();
    folder.create("a.db");
    fs::set_permissions(folder.path("a.db"), fs::Permissions::from_mode(0o644)).expect("a mode");
    let serving = folder.serve("sqlite:a.db");
    assert!(serving.log.contains("The database file is readable by other users"), "{}", serving.log);
}

#[test]
fn commands_that_create_nothing_refuse_a_missing_database() {
    let id = "key_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let key = "0123456789abcdef";
    for arguments in [
        &["key", "list", "--organization", "a"][..],
        &["key", "revoke", id, "--organization", "a"],
        &["migrate", "status"],
        &["migrate", "down", "--yes"],
        &["migrate", "restored"],
        &["master-key", "status"],
        &["master-key", "forget", key],
        &["backup", "copy.db"],
        &["check"],
        &["events", "list"],
        &["events", "retry"],
    ] {
        let folder = Folder::new();
        let refused = folder.run(&[arguments, &["--database", "sqlite:typo.db"]].concat());
        assert!(!refused.status.success(), "{arguments:?}");
        let expected = format!("no database at {}", folder.path("typo.db").display());
        assert!(error(&refused).contains(&expected), "{arguments:?}: {}", error(&refused));
        assert!(folder.names().is_empty(), "{arguments:?} left {:?}", folder.names());
        assert!(refused.stdout.is_empty());
    }
}

#[test]
fn commands_beside_a_server_do_not_change_its_tables() {
    let folder = Folder::new();
    folder.create("a.db");
    folder.revert_newest_migration("a.db");
    for arguments in [&["key", "list", "--organization", "a"][..], &["master-key", "status"], &["events", "list"]] {
        let refused = folder.run(&[arguments, &["--database", "sqlite:a.db"]].concat());
        assert!(error(&refused).contains("the schema is not up to date"), "{arguments:?}: {}", error(&refused));
    }
    assert_eq!(folder.pending("a.db"), 1);
}

#[test]
fn migrate_down_needs_confirmation_and_no_running_server() {
    let folder = Folder::new();
    let serving = folder.serve("sqlite:a.db");
    let refused = folder.run(&["migrate", "down", "--database", "sqlite:a.db"]);
    assert!(error(&refused).contains("--yes"), "{}", error(&refused));
    let refused = folder.run(&["migrate", "down", "--yes", "--database", "sqlite:a.db"]);
    assert!(error(&refused).contains("in use by another chatgraph server"), "{}", error(&refused));
    assert_eq!(folder.pending("a.db"), 0);
    drop(serving);
    folder.revert_newest_migration("a.db");
    assert_eq!(folder.pending("a.db"), 1);
}

#[test]
fn an_operator_at_a_terminal_is_asked_before_a_step_is_undone() {
    for (answer, pending) in [("no", 0), ("", 0), ("yes", 1)] {
        let folder = Folder::new();
        folder.create("a.db");
        let shown = folder.on_terminal("migrate down --database sqlite:a.db", answer);
        assert!(shown.contains("The data that it added is lost."), "{answer:?}: {shown}");
        assert_eq!(folder.pending("a.db"), pending, "{answer:?}: {shown}");
    }
}

#[test]
fn a_server_that_cannot_listen_changes_no_tables() {
    let folder = Folder::new();
    folder.create("a.db");
    folder.revert_newest_migration("a.db");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").to_string();
    for (flag, arguments) in [
        ("--listen", ["--listen", &port, "--metrics-listen", "127.0.0.1:0"]),
        ("--metrics-listen", ["--listen", "127.0.0.1:0", "--metrics-listen", &port]),
    ] {
        let refused = folder.run(&[&["serve", "--database", "sqlite:a.db"], &arguments[..]].concat());
        let expected = format!("cannot listen on {port} ({flag})");
        assert!(error(&refused).contains(&expected), "{}", error(&refused));
        assert_eq!(folder.pending("a.db"), 1);
        let refused = folder.run(&[&["serve", "--database", "sqlite:new.db"], &arguments[..]].concat());
        assert!(!refused.status.success() && !folder.path("new.db").exists());
    }
}

#[test]
fn a_clean_stop_leaves_everything_in_one_file() {
    for _ in 0..5 {
        let folder = Folder::new();
        let serving = folder.serve("sqlite:a.db");
        folder.create("a.db");
        serving.stop();
        assert_eq!(folder.names(), ["a.db", "a.db.lock"]);
        fs::rename(folder.path("a.db"), folder.path("moved.db")).expect("moved");
        let listed = folder.run(&["key", "list", "--organization", "a", "--database", "sqlite:moved.db"]);
        assert_eq!(String::from_utf8_lossy(&listed.stdout).lines().count(), 1, "{}", error(&listed));
    }
}
