//! Times of the lines of a chat: bursts with long pauses between them.

pub(super) const SECOND_MS: i64 = 1000;
pub(super) const MINUTE_MS: i64 = 60 * SECOND_MS;

/// Number of lines in a burst.
const BURST: usize = 4;

/// Returns the times of `lines` lines, oldest first, in milliseconds since the Unix epoch. They are on whole seconds,
/// as WhatsApp stores them. The last one is `last` minutes before `now_ms`, the first one `span` minutes earlier.
pub(super) fn times(now_ms: i64, last: i64, span: i64, lines: usize) -> Vec<i64> {
    let gaps: Vec<i64> = (1..lines).map(|line| gap(line, last)).collect();
    let total = gaps.iter().sum::<i64>().max(1);
    let end = now_ms - last * MINUTE_MS;
    let mut left = total;
    let mut times = vec![end - if gaps.is_empty() { 0 } else { span * MINUTE_MS }];
    for gap in gaps {
        left -= gap;
        times.push(end - span * MINUTE_MS / total * left);
    }
    times.into_iter().map(|at| at - at.rem_euclid(1000)).collect()
}

/// Returns the share of the whole time before this line: a few minutes within a burst, hours or days before one.
fn gap(line: usize, last: i64) -> i64 {
    let line = i64::try_from(line).unwrap_or(i64::MAX);
    let uneven = 1 + (line * 7 + last * 13) % 9;
    if line.unsigned_abs() % BURST as u64 == 0 { uneven * 150 } else { uneven }
}
