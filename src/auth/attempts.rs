//! Who tries tokens that are none. An address that failed too often in a minute is not heard for the next one: its tokens
//! are refused before anything is computed or read for them. A token that was good lately is heard all the same, so that
//! who shares an address with a guesser is not shut out with it.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::hash::RandomState;
use std::net::IpAddr;
use std::net::Ipv6Addr;

/// How long failures count, and how long who failed too often is not heard, in milliseconds.
const MINUTE_MS: u64 = 60_000;
/// How long a good token is heard from an address that is not, in milliseconds.
const LATELY_MS: u64 = 10 * MINUTE_MS;
/// Addresses whose failures are counted at once, and good tokens that are remembered.
const KEPT: usize = 10_000;

/// The failures of all addresses. Times are milliseconds of any clock that never goes back.
#[derive(Debug)]
pub(super) struct Attempts {
    /// How many failures a minute are too many.
    limit: u32,
    failures: HashMap<IpAddr, Failures>,
    /// Good tokens by a short digest under a secret of this process. It only decides who is heard, never who comes in.
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
}

impl Attempts {
    pub(super) fn new(limit: u32) -> Self {
        Self { limit, failures: HashMap::new(), good: HashMap::new(), digest: RandomState::new() }
    }

    /// In how many milliseconds this token from this address is heard; none when it is heard now.
    pub(super) fn wait_ms(&self, token: &str, from: IpAddr, now_ms: u64) -> Option<u64> {
        let failures = self.failures.get(&household(from))?;
        if failures.count < self.limit || !failures.counts(now_ms) {
            return None;
        }
        let good_at = self.good.get(&self.digest.hash_one(token));
        if good_at.is_some_and(|at| now_ms.saturating_sub(*at) < LATELY_MS) {
            return None;
        }
        Some((failures.since_ms + MINUTE_MS).saturating_sub(now_ms).max(1))
    }

    /// A token from this address was none.
    pub(super) fn failed(&mut self, from: IpAddr, now_ms: u64) {
        let address = household(from);
        let known = self.failures.get(&address).copied().filter(|failures| failures.counts(now_ms));
        let mut failures = known.unwrap_or(Failures { count: 0, since_ms: now_ms });
        failures.count = failures.count.saturating_add(1);
        if failures.count == self.limit {
            failures.since_ms = now_ms;
        }
        if !self.failures.contains_key(&address) && !self.has_room(now_ms) {
            return;
        }
        self.failures.insert(address, failures);
    }

    /// This token was good.
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

    /// Makes room for another address: first of those whose minute is over, then of those that are still heard. When all
    /// are not, nobody else's failures are counted.
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

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn failing(times: u32, from: &str, now_ms: u64) -> Attempts {
        let mut attempts = Attempts::new(3);
        for _ in 0..times {
            attempts.failed(address(from), now_ms);
        }
        attempts
    }

    #[test]
    fn who_failed_too_often_is_not_heard_for_a_minute() {
        let here = address("192.0.2.1");
        assert_eq!(failing(2, "192.0.2.1", 0).wait_ms("a", here, 0), None);
        let attempts = failing(3, "192.0.2.1", 1_000);
        assert_eq!(attempts.wait_ms("a", here, 1_000), Some(60_000));
        assert_eq!(attempts.wait_ms("a", here, 60_999), Some(1));
        assert_eq!(attempts.wait_ms("a", here, 61_000), None);
        assert_eq!(attempts.wait_ms("a", address("192.0.2.2"), 1_000), None, "another address");
    }

    #[test]
    fn the_minute_begins_with_the_last_failure_that_was_heard() {
        let here = address("192.0.2.1");
        let mut attempts = failing(2, "192.0.2.1", 0);
        attempts.failed(here, 50_000);
        assert_eq!(attempts.wait_ms("a", here, 60_000), Some(50_000));
        let mut attempts = failing(2, "192.0.2.1", 0);
        attempts.failed(here, 60_000);
        assert_eq!(attempts.wait_ms("a", here, 60_000), None, "those of the minute before do not count");
    }

    #[test]
    fn a_token_that_was_good_lately_is_heard() {
        let (mut attempts, here) = (failing(3, "192.0.2.1", 0), address("192.0.2.1"));
        attempts.succeeded("good", 0);
        assert_eq!(attempts.wait_ms("good", here, 1_000), None);
        assert!(attempts.wait_ms("goo", here, 1_000).is_some());
        let mut late = failing(3, "192.0.2.1", LATELY_MS);
        late.succeeded("good", 0);
        assert!(late.wait_ms("good", here, LATELY_MS).is_some(), "that was not lately");
    }

    #[test]
    fn an_ipv6_household_is_one() {
        let attempts = failing(3, "2001:db8:1:2::1", 0);
        assert!(attempts.wait_ms("a", address("2001:db8:1:2:ffff::9"), 0).is_some());
        assert!(attempts.wait_ms("a", address("2001:db8:1:3::1"), 0).is_none());
        let attempts = failing(3, "::ffff:192.0.2.1", 0);
        assert!(attempts.wait_ms("a", address("192.0.2.1"), 0).is_some());
        assert!(attempts.wait_ms("a", address("192.0.2.2"), 0).is_none());
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
        assert!(attempts.wait_ms("a", from(0), 2).is_some(), "who is not heard is not forgotten for another");
        attempts.failed(from(3 * KEPT), MINUTE_MS + 2);
        assert_eq!(attempts.failures.len(), 1);
    }
}
