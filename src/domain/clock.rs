//! Time, in milliseconds since the Unix epoch.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// "Forever", if a future time is expected: the end of the year 9999.
pub const FOREVER: i64 = 253_402_300_799_999;

/// One day in milliseconds.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Converts a duration to milliseconds.
#[must_use]
pub fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Formats a time as ISO 8601 in UTC.
#[must_use]
pub fn iso(at: i64) -> String {
    let time = DateTime::from_timestamp_millis(at).unwrap_or(DateTime::<Utc>::MAX_UTC);
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A clock. It is passed as an argument so that tests can control it.
pub trait Clock: Send + Sync + 'static {
    /// The current time in milliseconds since the Unix epoch.
    fn now(&self) -> i64;
}
