//! The runner of property tests whose cases can be repeated and extended.

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// The cases of a run, unless the environment sets others: the same each time.
const SEED: u64 = 202;

/// Returns a runner with the cases that `CHATGRAPH_TEST_SEED` selects. `CHATGRAPH_TEST_STORIES` replaces their number.
/// The seed is printed with a failure.
pub(super) fn runner(cases: u32, max_shrink_iters: u32) -> TestRunner {
    let seed = variable("CHATGRAPH_TEST_SEED").unwrap_or(SEED);
    let cases = variable("CHATGRAPH_TEST_STORIES").map_or(cases, |cases| u32::try_from(cases).expect("few cases"));
    println!("CHATGRAPH_TEST_SEED={seed} CHATGRAPH_TEST_STORIES={cases}");
    let config = Config { cases, failure_persistence: None, max_shrink_iters, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

#[expect(clippy::disallowed_methods, reason = "only tests read these variables")]
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}
