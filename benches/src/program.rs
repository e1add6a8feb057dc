//! Starting the programs beside this one, and reading their memory.

use std::{
    error::Error,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// A running program, killed on drop.
pub struct Program(Child);

impl Program {
    /// Starts a program of this workspace; it is ready when it has printed or logged a line with a matching JSON
    /// object.
    ///
    /// # Errors
    /// If it is not built, or ends before it is ready.
    pub fn start(name: &str, arguments: &[&str], ready: fn(&Value) -> bool) -> Result<(Self, Value), Box<dyn Error>> {
        let path = std::env::current_exe()?.with_file_name(name);
        let mut child = Command::new(path).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let log = child.stderr.take().ok_or("no log")?;
        let output = child.stdout.take().ok_or("no output")?;
        let (lines, received) = std::sync::mpsc::channel();
        let more = lines.clone();
        std::thread::spawn(move || {
            BufReader::new(log).lines().map_while(Result::ok).try_for_each(|line| more.send(line))
        });
        std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        let mut seen = Vec::new();
        for line in &received {
            if let Ok(entry) = serde_json::from_str::<Value>(&line)
                && ready(&entry)
            {
                // Keep reading, or the program blocks.
                std::thread::spawn(move || received.iter().for_each(drop));
                return Ok((Self(child), entry));
            }
            seen.push(line);
        }
        Err(format!("{name} did not become ready:\n{}", seen.join("\n")).into())
    }

    /// CPU time so far, user and system, in milliseconds. Linux only; in steps of 10.
    ///
    /// # Errors
    /// If the program has ended.
    pub fn cpu_ms(&self) -> Result<u64, Box<dyn Error>> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // The second field is the program's name in parentheses, with arbitrary characters.
        let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks: u64 = fields.get(11).ok_or("no utime")?.parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(ticks * 10)
    }

    /// Resident memory, in MiB. Linux only.
    ///
    /// # Errors
    /// If the program has ended.
    pub fn resident_mib(&self) -> Result<f64, Box<dyn Error>> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        let kib: f64 = line.split_whitespace().nth(1).ok_or("no figure")?.parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
