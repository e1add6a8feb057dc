//! Time, as every rule takes it: milliseconds since the Unix epoch.

use chrono::DateTime;
use chrono::SecondsFormat;
use chrono::Utc;

/// "Forever", wherever a time in the future is meant: the end of the year 9999.
pub const FOREVER: i64 = 253_402_300_799_999;

/// A day.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A time as people and programs read it: ISO 8601, in UTC.
#[must_use]
pub fn iso(at: i64) -> String {
    let time = DateTime::from_timestamp_millis(at).unwrap_or(DateTime::<Utc>::MAX_UTC);
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Tells the time. Taken as an argument so that a test can turn it.
pub trait Clock: Send + Sync + 'static {
    /// Now, in milliseconds since the Unix epoch.
    fn now(&self) -> i64;
}
