//! Translation of times.

/// Converts a time of the history, in seconds.
pub(super) fn from_seconds(seconds: u64) -> Option<i64> {
    i64::try_from(seconds).ok()?.checked_mul(1000)
}
