//! A rate limit for log lines that any client can cause.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Minimum interval between two lines.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Permits one line every ten seconds, and counts the others.
#[derive(Debug, Default)]
pub(super) struct LogLimit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    omitted: u64,
}

impl LogLimit {
    /// Returns the number of omitted lines since the last one, if another line may be written now.
    pub(super) fn permits(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| last.elapsed() < LOG_INTERVAL) {
            state.omitted += 1;
            return None;
        }
        state.last = Some(Instant::now());
        Some(std::mem::take(&mut state.omitted))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_in_ten_seconds_has_the_number_of_suppressed_ones() {
        let limit = LogLimit::default();
        assert_eq!([limit.permits(), limit.permits(), limit.permits()], [Some(0), None, None]);
        advance(LOG_INTERVAL).await;
        assert_eq!([limit.permits(), limit.permits()], [Some(2), None]);
    }
}
