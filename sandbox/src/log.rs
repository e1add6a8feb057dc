//! The record of what went over the wire, for tests that ask "did it really say that?".

use std::collections::VecDeque;

use serde::Serialize;

/// How many entries are kept before the oldest are dropped.
const CAPACITY: usize = 20_000;

/// One thing the server saw or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Counts from 1 and never repeats, also after old entries were dropped.
    pub seq: u64,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
    /// The account, if it was known by then.
    pub phone: Option<String>,
    /// The companion's device number, if it was known by then.
    pub device: Option<u16>,
    /// Which way it went.
    pub direction: Direction,
    /// The stanza as text (binary content is shown by its length), or a remark in words.
    pub text: String,
}

/// Which way a logged thing went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// From a companion to the server.
    Received,
    /// From the server to a companion.
    Sent,
    /// Nothing was sent: a remark, such as a connection that opened or a fault that struck.
    Note,
}

/// The ring of the latest entries.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<LogEntry>,
    last: u64,
}

impl Log {
    /// Adds an entry and drops the oldest beyond the capacity.
    pub(crate) fn push(&mut self, at: i64, who: (Option<String>, Option<u16>), direction: Direction, text: String) {
        self.last += 1;
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
        }
        self.entries.push_back(LogEntry { seq: self.last, at, phone: who.0, device: who.1, direction, text });
    }

    /// Everything still kept, oldest first.
    pub(crate) fn entries(&self) -> Vec<LogEntry> {
        self.entries.iter().cloned().collect()
    }
}
