//! Log of the traffic on the wire, for assertions in tests.

use std::collections::VecDeque;

use serde::Serialize;

/// Maximum number of entries; older ones are dropped.
const CAPACITY: usize = 20_000;

/// A log entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Sequence number from 1; never reused, also after old entries were dropped.
    pub seq: u64,
    /// Time, in milliseconds since the Unix epoch.
    pub at: i64,
    /// The account, if known.
    pub phone: Option<String>,
    /// The companion's device number, if known.
    pub device: Option<u16>,
    /// Direction of the stanza.
    pub direction: Direction,
    /// The stanza as text (binary content as its length), or a note.
    pub text: String,
}

/// Direction of a log entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// From a companion to the server.
    Received,
    /// From the server to a companion.
    Sent,
    /// A note without a stanza, such as a new connection or a fault that applied.
    Note,
}

/// Account number and device number of a log entry, if known.
pub(crate) type LogSource = (Option<String>, Option<u16>);

/// Ring buffer of the latest entries.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<LogEntry>,
    last: u64,
}

impl Log {
    /// Adds an entry and drops the oldest beyond the capacity.
    pub(crate) fn push(&mut self, at: i64, who: LogSource, direction: Direction, text: String) {
        self.last += 1;
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
        }
        self.entries.push_back(LogEntry { seq: self.last, at, phone: who.0, device: who.1, direction, text });
    }

    /// Returns all entries, oldest first.
    pub(crate) fn entries(&self) -> Vec<LogEntry> {
        self.entries.iter().cloned().collect()
    }
}
