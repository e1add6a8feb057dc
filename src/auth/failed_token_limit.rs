//! Rate limit of invalid tokens per address. Above a limit per minute, further invalid tokens get 429 for a minute.
//! Valid tokens are still accepted, so that one client does not lock out others with its address. Above a second,
//! higher limit, which bounds the cost of verification, tokens are only verified if they were recently valid.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
};

use crate::{cache::BoundedMap, rate_limit::address_prefix};

/// Period of counting, and duration of a block, in milliseconds.
const MINUTE_MS: u64 = 60_000;
/// Time after a success during which a token is still verified although its address is blocked, in milliseconds.
const RECENT_SUCCESS_MS: u64 = 10 * MINUTE_MS;
/// Factor between the two limits. Verification takes 50 to 300 µs, or one read of the database: by default an address
/// causes less than 2 % load of a core.
const VERIFIED_FACTOR: u32 = 50;
/// Maximum number of counted addresses, and of remembered valid tokens.
const MAX_ADDRESSES: usize = 10_000;

/// The failures of all addresses. Times are milliseconds of a monotonic clock.
#[derive(Debug)]
pub(super) struct FailedTokenLimiter {
    /// Failures per minute before further ones get 429.
    limit: u32,
    failures: BoundedMap<IpAddr, Failures>,
    /// Last success by a keyed 64-bit digest of the token. It only decides whether a token is verified.
    good: BoundedMap<u64, u64>,
    digest: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    since_ms: u64,
}

impl Failures {
    fn counts(self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.since_ms) < MINUTE_MS
    }

    fn left_ms(self, now_ms: u64) -> u64 {
        (self.since_ms + MINUTE_MS).saturating_sub(now_ms).max(1)
    }
}

impl FailedTokenLimiter {
    pub(super) fn new(limit: u32) -> Self {
        let (failures, good) = (BoundedMap::new(MAX_ADDRESSES), BoundedMap::new(MAX_ADDRESSES));
        Self { limit, failures, good, digest: RandomState::new() }
    }

    /// Returns the remaining milliseconds for which this token from this address is not verified; `None` if it must be
    /// verified now.
    pub(super) fn blocked_ms(&self, token: &str, from: IpAddr, now_ms: u64) -> Option<u64> {
        let failures = self.failures.get(&address_prefix(from)).filter(|failures| failures.counts(now_ms))?;
        if failures.count < self.max_verified() {
            return None;
        }
        let good_at = self.good.get(&self.digest.hash_one(token));
        if good_at.is_some_and(|at| now_ms.saturating_sub(*at) < RECENT_SUCCESS_MS) {
            return None;
        }
        Some(failures.left_ms(now_ms))
    }

    /// Counts an invalid token from this address. If it exceeds the limit, returns the remaining milliseconds of the
    /// block.
    pub(super) fn record_failure(&mut self, from: IpAddr, now_ms: u64) -> Option<u64> {
        let address = address_prefix(from);
        let known = self.failures.get(&address).copied().filter(|failures| failures.counts(now_ms));
        let mut failures = known.unwrap_or(Failures { count: 0, since_ms: now_ms });
        let was_too_many = failures.count >= self.limit;
        failures.count = failures.count.saturating_add(1);
        if [self.limit, self.max_verified()].contains(&failures.count) {
            failures.since_ms = now_ms;
        }
        if self.failures.contains(&address) || self.has_room(now_ms) {
            self.failures.insert(address, failures, |_| false);
        }
        was_too_many.then(|| failures.left_ms(now_ms))
    }

    fn max_verified(&self) -> u32 {
        self.limit.saturating_mul(VERIFIED_FACTOR)
    }

    /// Remembers a valid token.
    pub(super) fn record_success(&mut self, token: &str, now_ms: u64) {
        let digest = self.digest.hash_one(token);
        self.good.insert(digest, now_ms, |at| now_ms.saturating_sub(*at) >= RECENT_SUCCESS_MS);
    }

    /// Makes room for another address: evicts addresses whose minute is over, then those below the limit. Returns false
    /// if all are above it; failures of further addresses are then not counted.
    fn has_room(&mut self, now_ms: u64) -> bool {
        if self.failures.is_full() {
            self.failures.retain(|_, failures| failures.counts(now_ms));
        }
        if self.failures.is_full() {
            let limit = self.limit;
            self.failures.retain(|_, failures| failures.count >= limit);
        }
        !self.failures.is_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u32 = 3;
    /// Failures after which tokens of an address are no longer verified.
    const MANY: u32 = LIMIT * VERIFIED_FACTOR;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn failing(times: u32, from: &str, now_ms: u64) -> FailedTokenLimiter {
        let mut attempts = FailedTokenLimiter::new(LIMIT);
        for _ in 0..times {
            attempts.record_failure(address(from), now_ms);
        }
        attempts
    }

    #[test]
    fn further_invalid_tokens_are_too_many_for_a_minute() {
        let here = address("192.0.2.1");
        assert_eq!(failing(2, "192.0.2.1", 0).record_failure(here, 0), None);
        let attempts = || failing(3, "192.0.2.1", 1_000);
        assert_eq!(attempts().record_failure(here, 1_000), Some(60_000));
        assert_eq!(attempts().record_failure(here, 60_999), Some(1));
        assert_eq!(attempts().record_failure(here, 61_000), None);
        assert_eq!(attempts().record_failure(address("192.0.2.2"), 1_000), None, "another address");
    }

    #[test]
    fn the_minute_begins_with_the_failure_that_reaches_the_limit() {
        let here = address("192.0.2.1");
        let mut attempts = failing(2, "192.0.2.1", 0);
        assert_eq!(attempts.record_failure(here, 50_000), None);
        assert_eq!(attempts.record_failure(here, 60_000), Some(50_000));
        let mut attempts = failing(2, "192.0.2.1", 0);
        assert_eq!(attempts.record_failure(here, 60_000), None, "those of the minute before do not count");
        assert_eq!(attempts.record_failure(here, 60_000), None);
    }

    #[test]
    fn tokens_are_verified_up_to_a_second_limit() {
        let here = address("192.0.2.1");
        assert_eq!(failing(MANY - 1, "192.0.2.1", 0).blocked_ms("new", here, 0), None);
        let attempts = failing(MANY, "192.0.2.1", 1_000);
        assert_eq!(attempts.blocked_ms("new", here, 1_000), Some(60_000));
        assert_eq!(attempts.blocked_ms("new", here, 60_999), Some(1));
        assert_eq!(attempts.blocked_ms("new", here, 61_000), None);
        assert_eq!(attempts.blocked_ms("new", address("192.0.2.2"), 1_000), None, "another address");
    }

    #[test]
    fn a_token_that_was_valid_lately_is_verified_beyond_it() {
        let (mut attempts, here) = (failing(MANY, "192.0.2.1", 0), address("192.0.2.1"));
        attempts.record_success("good", 0);
        assert_eq!(attempts.blocked_ms("good", here, 1_000), None);
        assert!(attempts.blocked_ms("goo", here, 1_000).is_some());
        let mut late = failing(MANY, "192.0.2.1", RECENT_SUCCESS_MS);
        late.record_success("good", 0);
        assert!(late.blocked_ms("good", here, RECENT_SUCCESS_MS).is_some(), "the success is too long ago");
    }

    #[test]
    fn an_ipv6_household_is_one() {
        let attempts = failing(MANY, "2001:db8:1:2::1", 0);
        assert!(attempts.blocked_ms("a", address("2001:db8:1:2:ffff::9"), 0).is_some());
        assert!(attempts.blocked_ms("a", address("2001:db8:1:3::1"), 0).is_none());
        let attempts = failing(MANY, "::ffff:192.0.2.1", 0);
        assert!(attempts.blocked_ms("a", address("192.0.2.1"), 0).is_some());
        assert!(attempts.blocked_ms("a", address("192.0.2.2"), 0).is_none());
    }

    #[test]
    fn remembered_entries_are_bounded() {
        let mut attempts = FailedTokenLimiter::new(2);
        let from = |number: usize| IpAddr::from(u32::try_from(number).expect("small").to_be_bytes());
        for number in 0..2 * MAX_ADDRESSES {
            attempts.record_failure(from(number), 0);
            attempts.record_success(&number.to_string(), 0);
            assert!(attempts.failures.len() <= MAX_ADDRESSES && attempts.good.len() <= MAX_ADDRESSES);
        }
        for _ in 0..2 {
            for number in 0..MAX_ADDRESSES {
                attempts.record_failure(from(number), 1);
            }
        }
        attempts.record_failure(from(3 * MAX_ADDRESSES), 2);
        assert!(attempts.failures.len() <= MAX_ADDRESSES);
        assert!(attempts.record_failure(from(0), 2).is_some(), "an address above the limit was forgotten for another");
        attempts.record_failure(from(3 * MAX_ADDRESSES), MINUTE_MS + 2);
        assert_eq!(attempts.failures.len(), 1);
    }
}
