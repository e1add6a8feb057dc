//! Rate limits of clients: token buckets, which are refilled steadily and hold at most a burst; the clock that they are
//! refilled by; and the network that stands for a client's address.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
};

use tokio::time::Instant;

use crate::cache::BoundedMap;

/// Maximum number of buckets kept at once. Full buckets are removed first, then the one that was used longest ago.
const MAX_BUCKETS: usize = 100_000;
const MINUTE_MS: u128 = 60_000;

/// A rate limit: a refill per minute and a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Units refilled per minute; at least 1.
    pub per_minute: u64,
    /// Capacity of a full bucket.
    pub burst: u64,
}

impl Rate {
    /// Multiplies the rate and the burst.
    #[must_use]
    pub fn times(self, factor: u64) -> Self {
        let Self { per_minute, burst } = self;
        Self { per_minute: per_minute.saturating_mul(factor), burst: burst.saturating_mul(factor) }
    }

    fn refills_in_ms(self, parts: u128) -> u64 {
        u64::try_from(parts.div_ceil(u128::from(self.per_minute.max(1)))).unwrap_or(u64::MAX)
    }
}

/// The state of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitStatus {
    /// The remaining units.
    pub left: u64,
    /// The time until the bucket is full again, in milliseconds.
    pub full_in_ms: u64,
}

/// The bucket is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimited {
    /// The time until units are available again, in milliseconds; at least 1.
    pub retry_after_ms: u64,
}

/// A token bucket. Times are milliseconds of any monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenBucket {
    /// The units that are not refilled yet, multiplied by the milliseconds of a minute.
    owed: u128,
    at_ms: u64,
}

impl TokenBucket {
    /// Checks that units are available. A bucket that is not empty may be overdrawn once, so that a client succeeds
    /// after the indicated wait, whatever the cost.
    ///
    /// # Errors
    /// [`RateLimited`] if the bucket is empty.
    pub fn check(&self, rate: Rate, now_ms: u64) -> Result<(), RateLimited> {
        let (owed, most) = (self.debt(rate, now_ms), u128::from(rate.burst) * MINUTE_MS);
        if owed < most {
            return Ok(());
        }
        Err(RateLimited { retry_after_ms: rate.refills_in_ms(owed - most + 1) })
    }

    /// Takes `amount` units.
    pub fn take(&mut self, rate: Rate, amount: u64, now_ms: u64) {
        *self = Self { owed: self.debt(rate, now_ms) + u128::from(amount) * MINUTE_MS, at_ms: now_ms };
    }

    /// The state at `now_ms`.
    #[must_use]
    pub fn status(&self, rate: Rate, now_ms: u64) -> RateLimitStatus {
        let parts = self.debt(rate, now_ms);
        let owed = u64::try_from(parts.div_ceil(MINUTE_MS)).unwrap_or(u64::MAX);
        RateLimitStatus { left: rate.burst.saturating_sub(owed), full_in_ms: rate.refills_in_ms(parts) }
    }

    fn debt(&self, rate: Rate, now_ms: u64) -> u128 {
        let refilled = u128::from(now_ms.saturating_sub(self.at_ms)) * u128::from(rate.per_minute);
        self.owed.saturating_sub(refilled)
    }
}

/// Token buckets with one rate, by key.
#[derive(Debug)]
pub struct RateLimiter<K: Eq + Hash> {
    rate: Rate,
    taken: BoundedMap<K, TokenBucket>,
}

impl<K: Eq + Hash + Clone> RateLimiter<K> {
    /// Creates the buckets, all of them full.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self { rate, taken: BoundedMap::new(MAX_BUCKETS) }
    }

    /// Checks that the bucket of `key` has units available; see [`TokenBucket::check`].
    ///
    /// # Errors
    /// [`RateLimited`] if the bucket is empty.
    pub fn check(&self, key: &K, now_ms: u64) -> Result<(), RateLimited> {
        self.bucket(key).check(self.rate, now_ms)
    }

    /// Takes `amount` units from the bucket of `key`.
    pub fn take(&mut self, key: K, amount: u64, now_ms: u64) {
        let (rate, mut bucket) = (self.rate, self.bucket(&key));
        bucket.take(rate, amount, now_ms);
        self.taken.insert(key, bucket, |bucket| bucket.debt(rate, now_ms) == 0);
    }

    /// The state of the bucket of `key`.
    pub fn status(&self, key: &K, now_ms: u64) -> RateLimitStatus {
        self.bucket(key).status(self.rate, now_ms)
    }

    fn bucket(&self, key: &K) -> TokenBucket {
        self.taken.get(key).copied().unwrap_or_default()
    }
}

/// Milliseconds since a start, on the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MonotonicClock(Instant);

impl MonotonicClock {
    /// Starts at zero.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the milliseconds since the start.
    pub(crate) fn now_ms(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Returns the prefix that limits apply to: an IPv4 address, also if it is mapped to IPv6, or the /64 network of an
/// IPv6 address.
pub(crate) fn address_prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_minute: 60, burst: 10 };

    #[test]
    fn a_burst_may_be_taken_at_once_and_then_what_is_refilled() {
        let mut allowances = RateLimiter::new(RATE);
        for _ in 0..10 {
            assert_eq!(allowances.check(&"a", 0), Ok(()));
            allowances.take("a", 1, 0);
        }
        assert_eq!(allowances.check(&"a", 0), Err(RateLimited { retry_after_ms: 1 }));
        assert_eq!(allowances.check(&"a", 1), Ok(()));
        assert_eq!(allowances.check(&"b", 0), Ok(()), "another's is full");
    }

    #[test]
    fn overdraft_delays_the_next_request() {
        let mut allowances = RateLimiter::new(RATE);
        allowances.take("a", 9, 0);
        assert_eq!(allowances.check(&"a", 0), Ok(()));
        allowances.take("a", 5, 0);
        assert_eq!(allowances.status(&"a", 0), RateLimitStatus { left: 0, full_in_ms: 14_000 });
        assert_eq!(allowances.check(&"a", 0), Err(RateLimited { retry_after_ms: 4_001 }));
        assert_eq!(allowances.check(&"a", 4_000), Err(RateLimited { retry_after_ms: 1 }));
        assert_eq!(allowances.check(&"a", 4_001), Ok(()));
    }

    #[test]
    fn no_more_than_a_burst_is_ever_left() {
        let mut allowances = RateLimiter::new(RATE);
        allowances.take("a", 10, 0);
        assert_eq!(allowances.status(&"a", 0), RateLimitStatus { left: 0, full_in_ms: 10_000 });
        assert_eq!(allowances.status(&"a", 2_500), RateLimitStatus { left: 2, full_in_ms: 7_500 });
        assert_eq!(allowances.status(&"a", 1_000_000), RateLimitStatus { left: 10, full_in_ms: 0 });
        allowances.take("a", 10, 1_000_000);
        assert!(allowances.check(&"a", 1_000_000).is_err());
    }

    #[test]
    fn full_buckets_are_evicted_when_room_is_needed() {
        let mut allowances = RateLimiter::new(RATE);
        for number in 0..MAX_BUCKETS {
            allowances.take(number, 1, 0);
        }
        allowances.take(0, 20, 500_000);
        allowances.take(MAX_BUCKETS, 1, 500_001);
        assert_eq!(allowances.taken.len(), 2);
        assert!(allowances.check(&0, 500_001).is_err(), "a bucket in debt is kept");
    }

    #[test]
    fn tracked_keys_are_bounded() {
        let mut allowances = RateLimiter::new(RATE);
        for number in 0..=MAX_BUCKETS {
            allowances.take(number, 1, 0);
        }
        assert!(allowances.taken.len() <= MAX_BUCKETS);
    }
}
