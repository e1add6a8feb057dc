//! Time, as every rule takes it: milliseconds since the Unix epoch.

/// "Forever", wherever a time in the future is meant: the end of the year 9999.
pub const FOREVER: i64 = 253_402_300_799_999;

/// Tells the time. Taken as an argument so that a test can turn it.
pub trait Clock: Send + Sync + 'static {
    /// Now, in milliseconds since the Unix epoch.
    fn now(&self) -> i64;
}
