//! A PostgreSQL server of the test, which the test crashes.

use std::{
    io::{BufRead as _, BufReader, Lines, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// Starts a server as the scripts do, and crashes it for each line of input, by `SIGKILL` of all its processes or an
/// immediate shutdown. Answers a line once the server is up again.
const SCRIPT: &str = r#"
set -eu
. scripts/postgres
POSTGRES_FOLDER=
trap stop_postgres EXIT
start_postgres >/dev/null
echo "$POSTGRES_URL"
while read -r how; do
    if [ "$how" = kill ]; then
        postmaster=$(head -n 1 "$POSTGRES_FOLDER/data/postmaster.pid")
        kill -KILL "$postmaster" $(cat "/proc/$postmaster/task/$postmaster/children" 2>/dev/null) || true
    fi
    # With the options of the start. What is left of a killed server may still hold its memory for a moment.
    until as_postgres "$POSTGRES_BIN/pg_ctl" --pgdata "$POSTGRES_FOLDER/data" --log "$POSTGRES_FOLDER/server.log" \
        --mode immediate --wait --silent restart >/dev/null 2>&1; do sleep 0.1; done
    echo back
done
"#;

/// A running PostgreSQL server.
pub(super) struct Postgres {
    script: Child,
    orders: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    url: String,
    crashes: usize,
}

impl Postgres {
    /// Starts it on a free port.
    pub(super) fn start() -> Self {
        let mut script = Command::new("bash")
            .args(["-c", SCRIPT])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash");
        let mut answers = BufReader::new(script.stdout.take().expect("piped")).lines();
        let url = answers.next().expect("the server's address").expect("text");
        Self { orders: script.stdin.take(), script, answers, url, crashes: 0 }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Crashes the server, alternating between both ways, and waits until it is up again.
    pub(super) fn crash(&mut self) {
        let how = if self.crashes.is_multiple_of(2) { "kill" } else { "stop" };
        self.crashes += 1;
        writeln!(self.orders.as_mut().expect("open"), "{how}").expect("told");
        assert_eq!(self.answers.next().expect("an answer").expect("text"), "back");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The end of its input ends the script, and with it the server.
        drop(self.orders.take());
        drop(self.script.wait());
    }
}
