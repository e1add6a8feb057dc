//! Measurements of chatgraph with the real programs, compared with a baseline: the same SQL and JSON written by hand.
//!
//! `scripts/bench` builds everything and runs the measurements in `bin`:
//! - `latency`: the delay from the phone to a subscriber and back, and the memory of a first session;
//! - `many_sessions`: the memory of a hundred sessions, and the message rates of one of them and of all, beside those of
//!   the WhatsApp library alone;
//! - `import`: time and memory of a large history, and the API's response times meanwhile;
//! - `api`: a page of chats, one chat and an update, compared with the baseline;
//! - `commit_throughput`: 2,000 changes a second in one organization's log;
//! - `abuse`: the cost of abuse for the server, and the latency of a good client meanwhile;
//! - `subscribers`: thousands of WebSockets, compared with a program that only writes the same messages;
//! - `encryption`: the cost of encryption per device record.

pub mod abuse;
pub mod baseline;
pub mod client;
pub mod data;
pub mod environment;
pub mod library;
pub mod program;

use std::time::Duration;

/// Returns the median and 99th percentile of several times in milliseconds: `p50 1.2 ms, p99 3.4 ms`.
///
/// # Panics
/// If `times` is empty.
#[must_use]
pub fn percentiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1_000.0;
    format!("p50 {:.1} ms, p99 {:.1} ms", at(50), at(99))
}
