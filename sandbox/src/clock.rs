//! The time of day. The sandbox runs in real time.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Now, in milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Now, or a later time if another call returned the same. Two actions of a person are never at the same time: their
/// times determine their order.
pub(crate) fn next_ms() -> i64 {
    static LATEST: AtomicI64 = AtomicI64::new(0);
    let now = now_ms();
    let earlier = LATEST.fetch_update(Ordering::AcqRel, Ordering::Acquire, |latest| Some(now.max(latest + 1)));
    earlier.map_or(now, |latest| now.max(latest + 1))
}

/// Converts milliseconds to whole seconds.
pub(crate) fn seconds(ms: i64) -> u64 {
    u64::try_from(ms / 1000).unwrap_or_default()
}

/// Rounds down to whole seconds, in milliseconds: messages have no finer time.
pub(crate) fn whole_second(ms: i64) -> i64 {
    ms - ms.rem_euclid(1000)
}
