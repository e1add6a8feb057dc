//! Rate limit for messages or frames of one client: a token bucket with a burst of several seconds.

use crate::rate_limit::{self, MonotonicClock, TokenBucket};

/// Burst, in seconds of the rate.
const BURST_SECONDS: u64 = 10;

/// The remaining messages of a client.
pub(super) struct MessageRate {
    allowed: rate_limit::Rate,
    taken: TokenBucket,
    clock: MonotonicClock,
}

impl MessageRate {
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = u64::from(per_second);
        let allowed = rate_limit::Rate { per_minute: per_second * 60, burst: per_second * BURST_SECONDS };
        Self { allowed, taken: TokenBucket::default(), clock: MonotonicClock::start() }
    }

    /// Counts a message within the limit. Returns whether the limit is exceeded.
    pub(super) fn exceeded(&mut self) -> bool {
        let now_ms = self.clock.now_ms();
        let exceeded = self.taken.check(self.allowed, now_ms).is_err();
        if !exceeded {
            self.taken.take(self.allowed, 1, now_ms);
        }
        exceeded
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    fn taken(rate: &mut MessageRate) -> usize {
        (0..1_000).take_while(|_| !rate.exceeded()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn some_seconds_messages_may_come_at_once_and_no_more() {
        let mut rate = MessageRate::new(50);
        assert_eq!(taken(&mut rate), 500);
        advance(Duration::from_secs(2)).await;
        assert_eq!(taken(&mut rate), 100);
        advance(Duration::from_hours(1)).await;
        assert_eq!(taken(&mut rate), 500);
    }
}
