//! How many messages a caller may send: so many a second, over some seconds.

use tokio::time::Instant;

/// How many seconds' messages may come at once.
const BURST_SECONDS: u32 = 10;

/// What a caller may still send.
pub(super) struct Rate {
    per_second: f64,
    left: f64,
    counted: Instant,
}

impl Rate {
    pub(super) fn new(per_second: u32) -> Self {
        let left = f64::from(per_second) * f64::from(BURST_SECONDS);
        Self { per_second: per_second.into(), left, counted: Instant::now() }
    }

    /// Counts a message; tells whether it was one too many.
    pub(super) fn exceeded(&mut self) -> bool {
        let now = Instant::now();
        let gained = now.duration_since(self.counted).as_secs_f64() * self.per_second;
        self.counted = now;
        self.left = (self.left + gained).min(self.per_second * f64::from(BURST_SECONDS)) - 1.0;
        self.left < 0.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    fn taken(rate: &mut Rate) -> usize {
        (0..1_000).take_while(|_| !rate.exceeded()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn some_seconds_messages_may_come_at_once_and_no_more() {
        let mut rate = Rate::new(50);
        assert_eq!(taken(&mut rate), 500);
        advance(Duration::from_secs(2)).await;
        assert_eq!(taken(&mut rate), 99, "the one too many counted");
        advance(Duration::from_hours(1)).await;
        assert_eq!(taken(&mut rate), 500);
    }
}
