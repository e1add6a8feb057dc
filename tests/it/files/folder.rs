//! A folder with databases, in which the program runs.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;

/// A folder in which the program runs.
pub(crate) struct Folder {
    folder: TempDir,
    umask: &'static str,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self::with_umask("022")
    }

    /// Creates a folder in which the program runs under this umask.
    pub(crate) fn with_umask(umask: &'static str) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), umask }
    }

    /// Returns the path of a file in it, without symbolic links.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().expect("a folder").join(name)
    }

    /// Returns the names of its files, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("a folder");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
        names.sort();
        names
    }

    /// Runs a command of the program in it, and waits for its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("runs")
    }

    /// Runs a command in it on a terminal, and types an answer. Returns the terminal's output.
    pub(crate) fn on_terminal(&self, arguments: &str, answer: &str) -> String {
        let command = format!("{} {arguments}", env!("CARGO_BIN_EXE_chatgraph"));
        let mut terminal = Command::new("script");
        terminal.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
        terminal.current_dir(self.folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = terminal.spawn().expect("script, of util-linux");
        let typed = child.stdin.take().expect("piped").write_all(format!("{answer}\n").as_bytes());
        typed.expect("typed");
        String::from_utf8_lossy(&child.wait_with_output().expect("ends").stdout).into_owned()
    }

    /// Creates a database with an organization and its key.
    pub(crate) fn create(&self, name: &str) {
        let made = self.run(&["key", "create", "--organization", "a", "--database", &format!("sqlite:{name}")]);
        assert!(made.status.success(), "{}", error(&made));
    }

    /// Reverts the newest migration.
    pub(crate) fn revert_newest_migration(&self, name: &str) {
        let undone = self.run(&["migrate", "down", "--yes", "--database", &format!("sqlite:{name}")]);
        assert!(undone.status.success(), "{}", error(&undone));
        let printed = String::from_utf8_lossy(&undone.stdout);
        assert!(printed.starts_with("Reverted m0") && printed.lines().count() == 1, "{printed}");
    }

    /// Returns the number of pending migrations of a database.
    pub(crate) fn pending(&self, name: &str) -> usize {
        let status = self.run(&["migrate", "status", "--database", &format!("sqlite:{name}")]);
        assert!(status.status.success(), "{}", error(&status));
        String::from_utf8_lossy(&status.stdout).lines().filter(|line| line.ends_with("pending")).count()
    }

    /// Serves a database on a free port; returns once the server accepts connections.
    pub(crate) fn serve(&self, database: &str) -> Serving {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0", "--database", database]);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut log = String::new();
        while !log.contains("Serving address=") {
            let line = lines.next().unwrap_or_else(|| panic!("{database} is not served: {log}"));
            log += &(line.expect("text") + "\n");
        }
        let rest = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>().join("\n"));
        Serving { child, log, rest: Some(rest) }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        let script = format!("umask {}; exec \"$0\" \"$@\"", self.umask);
        command.args(["-c", &script, env!("CARGO_BIN_EXE_chatgraph")]).args(arguments);
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }
}

/// A running server, killed when it is dropped.
pub(crate) struct Serving {
    child: Child,
    /// Log up to the line that reports the address.
    pub(crate) log: String,
    rest: Option<std::thread::JoinHandle<String>>,
}

impl Serving {
    /// Asks the server to stop, and waits until it has exited.
    pub(crate) fn stop(mut self) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
        let ended = self.child.wait().expect("ends");
        let log = self.rest.take().and_then(|rest| rest.join().ok()).unwrap_or_default();
        assert!(ended.success(), "{log}");
        assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // The process may have exited already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Returns a failed command's message.
pub(crate) fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
