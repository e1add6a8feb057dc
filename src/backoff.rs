//! Exponential backoff with jitter, for every retry loop. With jitter, parties that failed at the same moment do not
//! retry at the same moment.

use std::time::Duration;

use tokio::time::sleep;

/// State of a backoff.
#[derive(Debug)]
pub(crate) struct Backoff {
    base: Duration,
    max: Duration,
    jitter: Jitter,
    attempts: u32,
}

#[derive(Debug, Clone, Copy)]
enum Jitter {
    /// Random between zero and the full pause.
    Full,
    /// Random between half the pause and all of it.
    Half,
}

impl Backoff {
    /// Creates a backoff of 0 to `base`, then 0 to twice that, and so on up to 0 to `max`.
    pub(crate) fn full_jitter(base: Duration, max: Duration) -> Self {
        Self { base, max, jitter: Jitter::Full, attempts: 0 }
    }

    /// Creates a backoff of about `base`, then about twice that, and so on up to about `max`. A pause is never longer
    /// than its limit and never below half of it.
    pub(crate) fn half_jitter(base: Duration, max: Duration) -> Self {
        Self { base, max, jitter: Jitter::Half, attempts: 0 }
    }

    /// Returns the next pause.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.base.saturating_mul(2_u32.saturating_pow(self.attempts)).min(self.max);
        self.attempts = self.attempts.saturating_add(1);
        match self.jitter {
            Jitter::Full => pause.mul_f64(random_fraction()),
            Jitter::Half => pause.mul_f64(0.5 + random_fraction() / 2.0),
        }
    }

    /// Waits for the next pause. Cancel-safe, but a cancelled pause counts.
    pub(crate) async fn wait(&mut self) {
        sleep(self.next()).await;
    }

    /// Returns whether there was a pause since the start or the last reset.
    pub(crate) fn running(&self) -> bool {
        self.attempts > 0
    }

    /// Lowers the backoff to the step at which a pause is at most `longest`.
    pub(crate) fn cap(&mut self, longest: Duration) {
        let is_too_long = |attempts| self.base.saturating_mul(2_u32.saturating_pow(attempts)) > longest;
        while self.attempts > 0 && is_too_long(self.attempts) {
            self.attempts -= 1;
        }
    }

    /// Resets the backoff.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }
}

/// Random number in [0, 1); 0.5 if the operating system has no random bytes.
fn random_fraction() -> f64 {
    getrandom::u32().map_or(0.5, |bits| f64::from(bits) / (f64::from(u32::MAX) + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::half_jitter(Duration::from_secs(1), Duration::from_mins(1));
        for longest in [1, 2, 4, 8, 16, 32, 60, 60] {
            let longest = Duration::from_secs(longest);
            let pause = backoff.next();
            assert!(pause <= longest && pause >= longest / 2, "{pause:?} for {longest:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_secs(1));
    }

    #[test]
    fn reduced_pauses_grow_from_there() {
        let mut backoff = Backoff::half_jitter(Duration::from_secs(1), Duration::from_mins(1));
        backoff.cap(Duration::from_secs(8));
        assert!(backoff.next() <= Duration::from_secs(1), "easing does not lengthen a shorter delay");
        for _ in 0..20 {
            backoff.next();
        }
        backoff.cap(Duration::from_secs(9));
        for longest in [8, 16] {
            let (pause, longest) = (backoff.next(), Duration::from_secs(longest));
            assert!(pause <= longest && pause >= longest / 2, "{pause:?} for {longest:?}");
        }
    }

    #[test]
    fn full_jitter_stays_below_the_pause() {
        let mut backoff = Backoff::full_jitter(Duration::from_secs(1), Duration::from_secs(2));
        for _ in 0..100 {
            assert!(backoff.next() <= Duration::from_secs(2));
        }
    }
}
