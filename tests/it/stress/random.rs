//! Reproducible random numbers.

use std::time::{SystemTime, UNIX_EPOCH};

/// `SplitMix64`.
pub(super) struct Random(u64);

impl Random {
    /// Uses the seed in `CHATGRAPH_TEST_SEED`, or a new one, and prints it.
    #[expect(clippy::disallowed_methods, reason = "the time is as good as any seed")]
    pub(super) fn of_this_run() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").subsec_nanos();
        Self::from_seed_or(u64::from(now))
    }

    /// Uses the seed in `CHATGRAPH_TEST_SEED`, or this one.
    #[expect(clippy::disallowed_methods, reason = "only tests read it")]
    pub(super) fn from_seed_or(seed: u64) -> Self {
        let given = std::env::var("CHATGRAPH_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or(seed);
        println!("CHATGRAPH_TEST_SEED={seed}");
        Self(seed)
    }

    /// Returns an independent generator, whose numbers do not depend on the order of calls to this one.
    pub(super) fn branch(&mut self) -> Self {
        Self(self.below(u64::MAX))
    }

    /// Returns a number from 0 up to, but not including, `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
