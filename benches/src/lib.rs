//! What chatgraph costs, measured on the real programs: `program` starts them, `stage` two of them together, `client` talks
//! to them, `data` fills their database, and `floor` is what they are measured beside: the same SQL and the same JSON by hand.
//!
//! `scripts/bench` builds everything and runs the measurements that stand in `bin`:
//! - `live`: from the phone to a subscriber and back, and the memory of a first session;
//! - `crowd`: the memory of a hundred sessions, and how many messages one of them and all of them take in;
//! - `import`: time and memory of a large history, and whether the API answers meanwhile;
//! - `api`: a page of chats, one chat and an update beside the floor;
//! - `gate`: whether one organization's log takes 2,000 changes a second;
//! - `listeners`: WebSockets by the thousand, and what the guard adds to a page;
//! - `sealing`: what sealing adds to a record of a session's memory.

pub mod client;
pub mod data;
pub mod floor;
pub mod program;
pub mod stage;

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
