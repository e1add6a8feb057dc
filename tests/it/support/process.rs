//! The program, as a server in its own process and as commands.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use serde_json::Value;

use super::{Log, TestDatabase, wait::ANSWER_TIMEOUT};

/// A running server, killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    /// URL of its API.
    pub(crate) url: String,
}

impl Process {
    /// Starts `serve` on a free port, and collects its log.
    pub(crate) fn serve(
        database: &TestDatabase,
        more: &[impl AsRef<str>],
        environment: &[(String, String)],
        kept: &Log,
    ) -> Self {
        let more = more.iter().map(AsRef::as_ref);
        let own = ["serve", "--listen", "127.0.0.1:0", "--log-format", kept.format];
        let arguments: Vec<&str> = own.into_iter().chain(more).collect();
        let filter = ("CHATGRAPH_LOG_FILTER", kept.filter);
        let environment = environment.iter().map(|(name, value)| (name, value));
        let mut command = program(database, &arguments);
        let mut child = command.envs([filter]).envs(environment).stderr(Stdio::piped()).spawn().expect("starts");
        let log = BufReader::new(child.stderr.take().expect("piped")).lines();
        let (found, address) = std::sync::mpsc::channel();
        let kept = kept.clone();
        std::thread::spawn(move || {
            let mut found = Some(found);
            for line in log.map_while(Result::ok) {
                match serving_at(&line).zip(found.take_if(|_| serving_at(&line).is_some())) {
                    Some((address, found)) => found.send(address).expect("the starting test"),
                    None => kept.add(line),
                }
            }
        });
        let Ok(address) = address.recv_timeout(ANSWER_TIMEOUT) else {
            child.kill().expect("killed");
            panic!("the server does not start, or reports no address");
        };
        Self { child, url: format!("http://{address}/graphql") }
    }

    /// Sends a signal. The shell's own `kill` is on every machine.
    pub(crate) fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    }

    /// Kills the program without a shutdown.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// Returns the status of the program if it has exited.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// Returns the resident memory. Linux only.
    pub(crate) fn resident_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    }

    /// Returns the CPU time of the threads. Linux only.
    pub(crate) fn cpu(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("a process");
        let used = threads.map(|thread| {
            let path = thread.expect("a thread").path().join("schedstat");
            let text = std::fs::read_to_string(path).unwrap_or_default();
            text.split(' ').next().and_then(|used| used.parse().ok()).unwrap_or(0)
        });
        Duration::from_nanos(used.sum())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have exited already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Creates a key of an organization, with every permission unless `more` names some.
pub(crate) fn create_key(database: &TestDatabase, organization: &str, more: &[&str]) -> String {
    let everything: &[&str] =
        if more.contains(&"--permission") { &[] } else { &["--permission", "read,send,manage,events"] };
    let arguments = [&["key", "create", "--organization", organization], everything, more].concat();
    let output = program(database, &arguments).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// Extracts the address from the line that reports it, in either log format.
fn serving_at(line: &str) -> Option<String> {
    let Ok(entry) = serde_json::from_str::<Value>(line) else {
        return line.split_once("Serving address=")?.1.split(' ').next().map(str::to_owned);
    };
    let serves = entry["fields"]["message"] == "Serving";
    serves.then(|| entry["fields"]["address"].as_str().expect("an address").to_owned())
}

/// Returns a command of the program on this database.
pub(crate) fn program(database: &TestDatabase, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatgraph"));
    command.args(arguments).env("CHATGRAPH_DATABASE", database.url()).stdin(Stdio::null());
    command
}
