//! The system clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::clock::{Clock, milliseconds};

/// Reads the time from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the system clock")]
    fn now(&self) -> i64 {
        milliseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}
