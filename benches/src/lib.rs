//! What chatgraph costs, measured on the real programs: `program` starts them, `client` talks to them.
//!
//! ```sh
//! cargo build --release --workspace && cargo run --release -p chatgraph-benches --bin live
//! ```

pub mod client;
pub mod program;

use std::time::Duration;

/// Median and 99th percentile of several times, in milliseconds: `p50 1.2 ms, p99 3.4 ms`.
///
/// # Panics
/// When there is no time.
#[must_use]
pub fn percentiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1_000.0;
    format!("p50 {:.1} ms, p99 {:.1} ms", at(50), at(99))
}
