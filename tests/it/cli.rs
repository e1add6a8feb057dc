//! Commands of the program.

use std::process::{Command, Output};

use chatgraph::store::DatabaseLock;

use crate::support::{EmptyServer, TestServer, VIEWER_KIND, wait_for};

const DATABASE: &str = "CHATGRAPH_DATABASE";

#[test]
fn a_second_server_on_a_file_fails_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = format!("sqlite:{}", folder.path().join("chatgraph.db").display());
    let _first = DatabaseLock::take(&database.parse().expect("a database")).expect("free");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--database", &database];
    let second = Command::new(env!("CARGO_BIN_EXE_chatgraph")).args(arguments).output().expect("runs");
    assert!(!second.status.success());
    assert!(error(&second).contains("in use by another chatgraph server"), "{}", error(&second));
}

#[test]
fn a_password_is_not_printed() {
    let database = "postgres://chatgraph:hunter2@127.0.0.1:1/chats";
    let help = Command::new(env!("CARGO_BIN_EXE_chatgraph")).args(["serve", "--help"]).env(DATABASE, database).output();
    let failed = Command::new(env!("CARGO_BIN_EXE_chatgraph"))
        .args(["serve", "--log-filter", "trace", "--database", database])
        .output();
    for output in [help.expect("runs"), failed.expect("runs")] {
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &error(&output);
        assert!(!told.is_empty() && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_master_key_is_not_printed_and_an_invalid_one_is_rejected() {
    let made = Command::new(env!("CARGO_BIN_EXE_chatgraph")).args(["master-key", "new"]).output().expect("runs");
    let key = String::from_utf8(made.stdout).expect("text").trim().to_owned();
    let run = |arguments: &[&str], keys: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatgraph"));
        command.args(arguments).env("CHATGRAPH_MASTER_KEY", keys).output().expect("runs")
    };
    let nowhere = ["serve", "--log-filter", "trace", "--database", "postgres://chatgraph@127.0.0.1:1/chats"];
    for output in [run(&["serve", "--help"], &key), run(&nowhere, &key), run(&nowhere, &format!("{key},hunter2"))] {
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &error(&output);
        assert!(!told.is_empty() && !told.contains(&key[..8]) && !told.contains("hunter2"), "{told}");
    }
    for (keys, wanted) in [
        (&key[..40], "--master-key: key 1 is invalid"),
        ("hunter2", "--master-key: key 1 is invalid"),
        (&format!("{key} {key}A"), "--master-key: key 2 is invalid"),
        ("plain", "--master-key: contains no master key"),
    ] {
        let refused = run(&nowhere, keys);
        assert_eq!(refused.status.code(), Some(2));
        assert!(error(&refused).contains(wanted), "{}", error(&refused));
    }
    let twice = run(&["serve", "--master-key-file", "keys"], &key);
    assert!(error(&twice).contains("--master-key-file: cannot be used together with"), "{}", error(&twice));
    let empty = run(&nowhere, "");
    assert_eq!(empty.status.code(), Some(2));
    assert!(error(&empty).contains("CHATGRAPH_MASTER_KEY is empty"), "{}", error(&empty));
    let run =
        |arguments: &[&str]| Command::new(env!("CARGO_BIN_EXE_chatgraph")).args(arguments).output().expect("runs");
    let missing = run(&["serve", "--master-key-file", "/nowhere/keys"]);
    assert!(error(&missing).contains("--master-key-file: /nowhere/keys"), "{}", error(&missing));
    let without = run(&["master-key", "rotate"]);
    assert!(error(&without).contains("--master-key-file: is required"), "{}", error(&without));
}

#[tokio::test]
async fn migrate_status_works_beside_a_running_server() {
    let server = TestServer::start().await;
    let status = server.command(&["migrate", "status"]);
    let printed = String::from_utf8(status.stdout).expect("text");
    assert!(printed.lines().count() > 0 && printed.lines().all(|line| line.ends_with("applied")), "{printed}");
}

#[test]
fn an_invalid_id_is_rejected_with_the_expected_form() {
    for (arguments, wanted) in [
        (&["events", "list", "--session", "7"][..], "expected `ses_` and 26 digits and capital letters, such as ses_0"),
        (&["events", "retry", "7"], "expected `evt_` and 26 digits"),
        (&["key", "revoke", "7", "--organization", "a"], "expected `key_` and 26 digits"),
        (&["key", "list", "--organization", "a b"], "expected 1 to 128 visible ASCII characters"),
        (&["master-key", "forget", "7"], "expected 16 hexadecimal digits"),
    ] {
        let refused = Command::new(env!("CARGO_BIN_EXE_chatgraph")).args(arguments).output().expect("runs");
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert!(error(&refused).contains(wanted), "{arguments:?}: {}", error(&refused));
    }
}

#[test]
fn invalid_flags_are_rejected_by_name() {
    for (arguments, wanted) in [
        (&["serve", "--database", "mysql://localhost"][..], "--database"),
        (&["serve", "--sandbox-url", "http://127.0.0.1:1"], "--sandbox-key"),
        (&["serve", "--sandbox-url", "http://192.0.2.1:1", "--sandbox-key", &"A".repeat(43)], "--sandbox-url"),
        (&["serve", "--listen", "nowhere"], "--listen"),
        (&["key", "create"], "--organization"),
        (&["serve", "--log-filter", "a=b=c"], "--log-filter"),
    ] {
        let refused = Command::new(env!("CARGO_BIN_EXE_chatgraph")).args(arguments).output().expect("runs");
        assert!(!refused.status.success(), "{arguments:?} was accepted");
        assert!(error(&refused).contains(wanted), "{arguments:?}: {}", error(&refused));
        assert!(refused.stdout.is_empty());
    }
}

#[test]
fn output_that_nothing_reads_is_the_end_and_no_failure() {
    let script = "{ \"$0\" schema; echo ended with $? >&2; } | true";
    let ended = Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_chatgraph")]).output().expect("runs");
    assert_eq!(error(&ended), "ended with 0\n");
}

#[tokio::test]
async fn a_server_without_a_certificate_outlives_a_hangup() {
    let server = EmptyServer::start(&[]).await;
    server.signal("HUP");
    wait_for("a line of the log", async || server.log.text().contains("SIGHUP has no effect").then_some(())).await;
    assert!(server.query(VIEWER_KIND).await["data"]["viewer"].is_object());
}

#[test]
fn a_demo_does_not_touch_another_servers_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("chatgraph.db");
    std::fs::write(&database, "precious").expect("written");
    let data = folder.path().to_str().expect("text");
    let arguments = ["demo", "--listen", "127.0.0.1:0", "--data", data];
    let refused = Command::new(env!("CARGO_BIN_EXE_chatgraph")).args(arguments).output().expect("runs");
    assert!(!refused.status.success());
    assert!(error(&refused).contains("choose another folder"), "{}", error(&refused));
    assert_eq!(std::fs::read_to_string(&database).expect("still there"), "precious");
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
