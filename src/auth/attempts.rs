//! Invalid tokens, counted by address. Beyond a limit in a minute further invalid ones are answered with 429 until
//! another minute is over; valid ones are accepted all the same, so that one client does not shut out all who share its
//! address. Beyond a second, higher limit, which bounds what verifying costs, no token is verified for a minute unless it
//! was valid lately.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::hash::RandomState;
use std::net::IpAddr;
use std::net::Ipv6Addr;

/// How long failures count, and how long a limit is in force once it is reached, in milliseconds.
const MINUTE_MS: u64 = 60_000;
/// How long a valid token is accepted from an address whose tokens are not verified, in milliseconds.
const LATELY_MS: u64 = 10 * MINUTE_MS;
/// How many times the limit an address may fail before its tokens are no longer verified. Verifying takes 50 to 300 µs, or
/// one read of the database: by default an address takes less than 2 % of a core.
const VERIFIED_FACTOR: u32 = 50;
/// Addresses whose failures are counted at once, and good tokens that are remembered.
const KEPT: usize = 10_000;

/// The failures of all addresses. Times are milliseconds of any clock that never goes back.
#[derive(Debug)]
pub(super) struct Attempts {
    /// After so many failures in a minute further ones are answered with 429.
    limit: u32,
    failures: HashMap<IpAddr, Failures>,
    /// Valid tokens by a short digest under a secret of this process. It only decides whether a token is verified.
    good: HashMap<u64, u64>,
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

impl Attempts {
    pub(super) fn new(limit: u32) -> Self {
        Self { limit, failures: HashMap::new(), good: HashMap::new(), digest: RandomState::new() }
    }

    /// For how many milliseconds this token from this address is not verified; `None` if it is verified now.
    pub(super) fn blocked_ms(&self, token: &str, from: IpAddr, now_ms: u64) -> Option<u64> {
        let failures = self.failures.get(&household(from)).filter(|failures| failures.counts(now_ms))?;
        if failures.count < self.most_verified() {
            return None;
        }
        let good_at = self.good.get(&self.digest.hash_one(token));
        if good_at.is_some_and(|at| now_ms.saturating_sub(*at) < LATELY_MS) {
            return None;
        }
        Some(failures.left_ms(now_ms))
    }

    /// Counts an invalid token from this address. Returns for how many milliseconds further ones are too many, if this one
    /// was too many.
    pub(super) fn failed(&mut self, from: IpAddr, now_ms: u64) -> Option<u64> {
        let address = household(from);
        let known = self.failures.get(&address).copied().filter(|failures| failures.counts(now_ms));
        let mut failures = known.unwrap_or(Failures { count: 0, since_ms: now_ms });
        let was_too_many = failures.count >= self.limit;
        failures.count = failures.count.saturating_add(1);
        if [self.limit, self.most_verified()].contains(&failures.count) {
            failures.since_ms = now_ms;
        }
        if self.failures.contains_key(&address) || self.has_room(now_ms) {
            self.failures.insert(address, failures);
        }
        was_too_many.then(|| failures.left_ms(now_ms))
    }

    fn most_verified(&self) -> u32 {
        self.limit.saturating_mul(VERIFIED_FACTOR)
    }

    /// Remembers a valid token.
    pub(super) fn succeeded(&mut self, token: &str, now_ms: u64) {
        let digest = self.digest.hash_one(token);
        if self.good.len() >= KEPT && !self.good.contains_key(&digest) {
            self.good.retain(|_, at| now_ms.saturating_sub(*at) < LATELY_MS);
            if self.good.len() >= KEPT {
                self.good.clear();
            }
        }
        self.good.insert(digest, now_ms);
    }

    /// Makes room for another address: first of those whose minute is over, then of those below the limit. If all are
    /// above it, no other address' failures are counted.
    fn has_room(&mut self, now_ms: u64) -> bool {
        if self.failures.len() < KEPT {
            return true;
        }
        self.failures.retain(|_, failures| failures.counts(now_ms));
        if self.failures.len() >= KEPT {
            let limit = self.limit;
            self.failures.retain(|_, failures| failures.count >= limit);
        }
        self.failures.len() < KEPT
    }
}

/// What one household or server has: an IPv4 address, or 64 bits of an IPv6 address.
fn household(address: IpAddr) -> IpAddr {
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

    const LIMIT: u32 = 3;
    /// So many failures stop an address' tokens from being verified.
    const MANY: u32 = LIMIT * VERIFIED_FACTOR;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn failing(times: u32, from: &str, now_ms: u64) -> Attempts {
        let mut attempts = Attempts::new(LIMIT);
        for _ in 0..times {
            attempts.failed(address(from), now_ms);
        }
        attempts
    }

    #[test]
    fn further_invalid_tokens_are_too_many_for_a_minute() {
        let here = address("192.0.2.1");
        assert_eq!(failing(2, "192.0.2.1", 0).failed(here, 0), None);
        let attempts = || failing(3, "192.0.2.1", 1_000);
        assert_eq!(attempts().failed(here, 1_000), Some(60_000));
        assert_eq!(attempts().failed(here, 60_999), Some(1));
        assert_eq!(attempts().failed(here, 61_000), None);
        assert_eq!(attempts().failed(address("192.0.2.2"), 1_000), None, "another address");
    }

    #[test]
    fn the_minute_begins_with_the_failure_that_reaches_the_limit() {
        let here = address("192.0.2.1");
        let mut attempts = failing(2, "192.0.2.1", 0);
        assert_eq!(attempts.failed(here, 50_000), None);
        assert_eq!(attempts.failed(here, 60_000), Some(50_000));
        let mut attempts = failing(2, "192.0.2.1", 0);
        assert_eq!(attempts.failed(here, 60_000), None, "those of the minute before do not count");
        assert_eq!(attempts.failed(here, 60_000), None);
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
        attempts.succeeded("good", 0);
        assert_eq!(attempts.blocked_ms("good", here, 1_000), None);
        assert!(attempts.blocked_ms("goo", here, 1_000).is_some());
        let mut late = failing(MANY, "192.0.2.1", LATELY_MS);
        late.succeeded("good", 0);
        assert!(late.blocked_ms("good", here, LATELY_MS).is_some(), "that was not lately");
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
    fn what_is_remembered_is_bounded() {
        let mut attempts = Attempts::new(2);
        let from = |number: usize| IpAddr::from(u32::try_from(number).expect("small").to_be_bytes());
        for number in 0..2 * KEPT {
            attempts.failed(from(number), 0);
            attempts.succeeded(&number.to_string(), 0);
            assert!(attempts.failures.len() <= KEPT && attempts.good.len() <= KEPT);
        }
        for _ in 0..2 {
            for number in 0..KEPT {
                attempts.failed(from(number), 1);
            }
        }
        attempts.failed(from(3 * KEPT), 2);
        assert!(attempts.failures.len() <= KEPT);
        assert!(attempts.failed(from(0), 2).is_some(), "an address above the limit was forgotten for another");
        attempts.failed(from(3 * KEPT), MINUTE_MS + 2);
        assert_eq!(attempts.failures.len(), 1);
    }
}
