//! Waits for results.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// Default time limit of a wait.
pub(crate) const EVENT_TIMEOUT: Duration = Duration::from_secs(20);
/// Time limit of a request or statement that a busy machine can slow down, but that must not wait for anything else. A
/// test that hangs then reports where.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// Polls until there is a result.
pub(crate) async fn wait_for<T, F: Future<Output = Option<T>>>(what: &str, ask: impl Fn() -> F) -> T {
    wait_for_within(EVENT_TIMEOUT, what, ask).await
}

/// The same with another time limit.
pub(crate) async fn wait_for_within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    what: &str,
    ask: impl Fn() -> F,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "timeout while waiting for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
