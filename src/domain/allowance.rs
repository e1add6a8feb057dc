//! How much may be taken in a time: an allowance that is refilled steadily, and never holds more than a burst.

use std::collections::HashMap;
use std::hash::Hash;

/// Whose allowances are kept at once. An allowance that is full again is forgotten first.
const KEPT: usize = 100_000;
const MINUTE_MS: u128 = 60_000;

/// So much a minute, and so much at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// What is refilled in a minute; at least 1.
    pub per_minute: u64,
    /// What a full allowance holds.
    pub burst: u64,
}

impl Rate {
    /// So many times as much.
    #[must_use]
    pub fn times(self, factor: u64) -> Self {
        let Self { per_minute, burst } = self;
        Self { per_minute: per_minute.saturating_mul(factor), burst: burst.saturating_mul(factor) }
    }

    fn refills_in_ms(self, parts: u128) -> u64 {
        u64::try_from(parts.div_ceil(u128::from(self.per_minute.max(1)))).unwrap_or(u64::MAX)
    }
}

/// How an allowance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What is left.
    pub left: u64,
    /// When it will be full again, in milliseconds from now.
    pub full_in_ms: u64,
}

/// Nothing is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// When something will be left, in milliseconds from now; at least 1.
    pub retry_after_ms: u64,
}

/// What one took lately. Times are milliseconds of any clock that never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowance {
    /// What is not refilled yet, in parts of which a minute's milliseconds make one.
    owed: u128,
    at_ms: u64,
}

impl Allowance {
    /// Whether anything is left. Who has something left may overdraw it once, so that what is told to wait passes then,
    /// whatever it takes.
    ///
    /// # Errors
    /// [`Exhausted`] when nothing is left.
    pub fn check(&self, rate: Rate, now_ms: u64) -> Result<(), Exhausted> {
        let (owed, most) = (self.owed(rate, now_ms), u128::from(rate.burst) * MINUTE_MS);
        if owed < most {
            return Ok(());
        }
        Err(Exhausted { retry_after_ms: rate.refills_in_ms(owed - most + 1) })
    }

    /// Takes so much.
    pub fn take(&mut self, rate: Rate, amount: u64, now_ms: u64) {
        *self = Self { owed: self.owed(rate, now_ms) + u128::from(amount) * MINUTE_MS, at_ms: now_ms };
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self, rate: Rate, now_ms: u64) -> Standing {
        let parts = self.owed(rate, now_ms);
        let owed = u64::try_from(parts.div_ceil(MINUTE_MS)).unwrap_or(u64::MAX);
        Standing { left: rate.burst.saturating_sub(owed), full_in_ms: rate.refills_in_ms(parts) }
    }

    fn owed(&self, rate: Rate, now_ms: u64) -> u128 {
        let refilled = u128::from(now_ms.saturating_sub(self.at_ms)) * u128::from(rate.per_minute);
        self.owed.saturating_sub(refilled)
    }
}

/// The allowances of many, at one rate.
#[derive(Debug)]
pub struct Allowances<K> {
    rate: Rate,
    taken: HashMap<K, Allowance>,
}

impl<K: Eq + Hash> Allowances<K> {
    /// Full allowances for everybody.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, taken: HashMap::new() }
    }

    /// Whether anything is left of `whose` allowance; see [`Allowance::check`].
    ///
    /// # Errors
    /// [`Exhausted`] when nothing is left.
    pub fn check(&self, whose: &K, now_ms: u64) -> Result<(), Exhausted> {
        self.of(whose).check(self.rate, now_ms)
    }

    /// Takes so much from `whose` allowance.
    pub fn take(&mut self, whose: K, amount: u64, now_ms: u64) {
        self.forget_the_full(now_ms);
        self.taken.entry(whose).or_default().take(self.rate, amount, now_ms);
    }

    /// How `whose` allowance stands.
    pub fn standing(&self, whose: &K, now_ms: u64) -> Standing {
        self.of(whose).standing(self.rate, now_ms)
    }

    fn of(&self, whose: &K) -> Allowance {
        self.taken.get(whose).copied().unwrap_or_default()
    }

    /// Makes room. When everybody owes something, all is forgiven rather than somebody kept for ever.
    fn forget_the_full(&mut self, now_ms: u64) {
        if self.taken.len() < KEPT {
            return;
        }
        let rate = self.rate;
        self.taken.retain(|_, allowance| allowance.owed(rate, now_ms) > 0);
        if self.taken.len() >= KEPT {
            self.taken.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_minute: 60, burst: 10 };

    #[test]
    fn a_burst_may_be_taken_at_once_and_then_what_is_refilled() {
        let mut allowances = Allowances::new(RATE);
        for _ in 0..10 {
            assert_eq!(allowances.check(&"a", 0), Ok(()));
            allowances.take("a", 1, 0);
        }
        assert_eq!(allowances.check(&"a", 0), Err(Exhausted { retry_after_ms: 1 }));
        assert_eq!(allowances.check(&"a", 1), Ok(()));
        assert_eq!(allowances.check(&"b", 0), Ok(()), "another's is full");
    }

    #[test]
    fn what_was_overdrawn_is_waited_for() {
        let mut allowances = Allowances::new(RATE);
        allowances.take("a", 9, 0);
        assert_eq!(allowances.check(&"a", 0), Ok(()));
        allowances.take("a", 5, 0);
        assert_eq!(allowances.standing(&"a", 0), Standing { left: 0, full_in_ms: 14_000 });
        assert_eq!(allowances.check(&"a", 0), Err(Exhausted { retry_after_ms: 4_001 }));
        assert_eq!(allowances.check(&"a", 4_000), Err(Exhausted { retry_after_ms: 1 }));
        assert_eq!(allowances.check(&"a", 4_001), Ok(()));
    }

    #[test]
    fn no_more_than_a_burst_is_ever_left() {
        let mut allowances = Allowances::new(RATE);
        allowances.take("a", 10, 0);
        assert_eq!(allowances.standing(&"a", 0), Standing { left: 0, full_in_ms: 10_000 });
        assert_eq!(allowances.standing(&"a", 2_500), Standing { left: 2, full_in_ms: 7_500 });
        assert_eq!(allowances.standing(&"a", 1_000_000), Standing { left: 10, full_in_ms: 0 });
        allowances.take("a", 10, 1_000_000);
        assert!(allowances.check(&"a", 1_000_000).is_err());
    }

    #[test]
    fn who_owes_nothing_is_forgotten_when_room_is_needed() {
        let mut allowances = Allowances::new(RATE);
        for number in 0..KEPT {
            allowances.take(number, 1, 0);
        }
        allowances.take(0, 20, 500_000);
        allowances.take(KEPT, 1, 500_001);
        assert_eq!(allowances.taken.len(), 2);
        assert!(allowances.check(&0, 500_001).is_err(), "who owes something is remembered");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut allowances = Allowances::new(RATE);
        for number in 0..=KEPT {
            allowances.take(number, 1, 0);
        }
        assert!(allowances.taken.len() <= KEPT);
    }
}
