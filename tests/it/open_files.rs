//! The limit on open files: the program raises it, and reserves some for monitoring. Linux only.
#![cfg(target_os = "linux")]

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{TestDatabase, monitoring_url, wait_for};

/// A server under its own limits.
struct Limited {
    child: Child,
    /// Log up to the line that reports the address.
    log: String,
}

impl Limited {
    fn start(database: &TestDatabase, soft: u32, hard: u32) -> Self {
        let limit = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &limit, env!("CARGO_BIN_EXE_chatgraph"), "serve", "--listen", "127.0.0.1:0"]);
        command.args(["--metrics-listen", "127.0.0.1:0", "--log-format", "json"]);
        command.args(["--max-anonymous-connections-per-address", "100000"]);
        command.env("CHATGRAPH_DATABASE", database.url()).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut log = String::new();
        while !log.contains("\"message\":\"Serving\"") {
            log += &lines.next().expect("it serves").expect("text");
            log.push('\n');
        }
        // Drain the pipe, so that the program never blocks on it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, log }
    }

    /// The last entry whose message contains this text.
    fn entry(&self, message: &str) -> Value {
        let mut entries = self.log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let entry =
            entries.rfind(|entry| entry["fields"]["message"].as_str().is_some_and(|told| told.contains(message)));
        entry.unwrap_or_else(|| panic!("no {message} in {}", self.log))["fields"].clone()
    }

    fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("a process").count()
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        // The process may have exited already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn the_limit_is_raised_and_connections_get_what_it_leaves() {
    let database = TestDatabase::new().await;
    let server = Limited::start(&database, 256, 12_000);
    assert_eq!(server.entry("limit on open files")["open_files"], 12_000);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.child.id())).expect("a process");
    let limit = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit");
    assert_eq!(limit.split_whitespace().nth(3), Some("12000"), "{limit}");
    drop(server);
    let server = Limited::start(&database, 256, 512);
    let told = server.entry("too low for --max-connections");
    let left = told["max_connections"].as_u64().expect("a number");
    assert!((16..=512 - 128 - 100).contains(&left), "{told}");
}

/// Sends a request on this connection. Returns whether the server accepts it.
async fn is_served(stream: &mut TcpStream) -> bool {
    let mut head = [0; 12];
    // A rejected connection is closed, perhaps before the request is sent.
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.is_ok()
        && stream.read_exact(&mut head).await.is_ok()
        && head == *b"HTTP/1.1 200"
}

/// Reads what is left of a response.
async fn drain(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    while !rest.ends_with(b"\r\n\r\nok\n") {
        let mut part = [0; 1024];
        let length = stream.read(&mut part).await.expect("an open connection");
        assert_ne!(length, 0, "closed after {:?}", String::from_utf8_lossy(&rest));
        rest.extend_from_slice(&part[..length]);
    }
}

#[tokio::test]
async fn connections_at_their_limit_leave_the_watchers_theirs() {
    const MORE: usize = 5;
    let database = TestDatabase::new().await;
    let server = Limited::start(&database, 512, 512);
    let address = server.entry("Serving")["address"].as_str().expect("an address").to_owned();
    let most = usize::try_from(server.entry("too low")["max_connections"].as_u64().expect("a number")).expect("small");
    let (mut accepted, mut rejected) = (Vec::new(), 0);
    for _ in 0..most + MORE {
        let mut stream = TcpStream::connect(&address).await.expect("a connection");
        if is_served(&mut stream).await {
            drain(&mut stream).await;
            accepted.push(stream);
        } else {
            rejected += 1;
        }
    }
    assert_eq!((accepted.len(), rejected), (most, MORE), "as many as the limit, and no more");
    assert!(server.open_files() < 512);
    let ready = reqwest::get(monitoring_url(&server.log, "/readyz")).await.expect("an answer");
    assert_eq!(ready.status(), 200);
    for stream in &mut accepted {
        assert!(is_served(stream).await, "a connection that was there before");
    }
    drop(accepted);
    wait_for("a connection that is free again", async || {
        let mut stream = TcpStream::connect(&address).await.ok()?;
        is_served(&mut stream).await.then_some(())
    })
    .await;
}
