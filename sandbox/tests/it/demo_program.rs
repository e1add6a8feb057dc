//! The sandbox program, as a user starts it.
#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatgraph-sandbox"));
    for name in ["LISTEN", "SECRET", "DATA", "DEMO", "QUIET", "JSON", "LOG"] {
        command.env_remove(format!("CHATGRAPH_SANDBOX_{name}"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running program, killed when it is dropped.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Returns the first line on standard output, as JSON.
    pub(crate) fn announcement(&mut self) -> Value {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn it_says_where_it_is_and_serves_the_demo_account_there() {
    let mut running = Running::start(program().args(["--json", "--demo", "--quiet"]));
    let said = running.announcement();

    assert_eq!(said["phone"], chatgraph_sandbox::demo::PHONE);
    assert_eq!(said["key"].as_str().unwrap().len(), 43);
    assert_eq!(said["root"].as_str().unwrap().len(), 43);
    let url = format!("{}/accounts", said["url"].as_str().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let accounts: Value = client.get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(accounts[0]["phone"], said["phone"]);
}

#[test]
fn settings_come_from_the_environment_and_keys_from_the_secret() {
    let key = |secret: &str| {
        let mut command = program();
        command
            .env("CHATGRAPH_SANDBOX_JSON", "1")
            .env("CHATGRAPH_SANDBOX_DEMO", "0")
            .env("CHATGRAPH_SANDBOX_SECRET", secret);
        let said = Running::start(&mut command).announcement();
        assert_eq!(said["phone"], Value::Null);
        (said["key"].clone(), said["root"].clone())
    };
    let (one, two) = (key("one"), key("two"));
    assert_eq!(one, key("one"));
    assert!(one.0 != two.0 && one.1 != two.1);
}

#[test]
fn it_refuses_to_listen_for_other_machines() {
    let ended = program().args(["--listen", "0.0.0.0:0"]).output().unwrap();
    assert!(!ended.status.success());
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("chatgraph-sandbox: 0.0.0.0:0 is not a loopback address"), "{said}");
}

#[cfg(unix)]
#[test]
fn each_of_both_signals_ends_it() {
    for signal in ["-INT", "-TERM"] {
        let mut running = Running::start(program().args(["--json", "--demo"]));
        running.announcement();
        let sent = Command::new("kill").args([signal, &running.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let status = running.0.wait().unwrap();
        let mut errors = String::new();
        running.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert!(status.success(), "{signal}: {status} {errors}");
    }
}
