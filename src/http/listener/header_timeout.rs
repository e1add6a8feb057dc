//! Timeouts for reading a request head and for idle connections. Unlike hyper's `header_read_timeout`, the first does
//! not include the keep-alive time before the head. For HTTP/2, hyper has no idle timeout: a client that responds to
//! pings would stay connected permanently.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::Version;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// State of one connection's requests. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct HeaderTimer(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    begun: Notify,
    idle: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Requests in progress.
    running: usize,
    /// Arrival of the first byte of an incomplete head.
    head_since: Option<Instant>,
    /// True if requests are multiplexed (HTTP/2), so that received bytes do not mean the start of a head.
    side_by_side: bool,
    /// Start of the time without a multiplexed request.
    idle_since: Option<Instant>,
}

impl HeaderTimer {
    /// Records that bytes were received.
    pub(super) fn bytes_received(&self) {
        let mut state = self.state();
        if state.running == 0 && !state.side_by_side && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
            self.0.begun.notify_one();
        }
    }

    /// Discards earlier bytes: no head has started yet.
    pub(super) fn reset(&self) {
        self.state().head_since = None;
    }

    /// Records that a head is complete. The request is in progress until the returned guard is dropped.
    pub(super) fn request_started(&self, version: Version) -> InFlight {
        let mut state = self.state();
        state.head_since = None;
        state.idle_since = None;
        state.running += 1;
        state.side_by_side |= version == Version::HTTP_2;
        InFlight(self.clone())
    }

    /// Resolves when a head is incomplete `time_limit` after its first byte.
    pub(super) async fn timeout(&self, time_limit: Duration) {
        loop {
            let since = self.state().head_since;
            match since {
                None => self.0.begun.notified().await,
                Some(since) => {
                    sleep_until(since + time_limit).await;
                    if self.state().head_since == Some(since) {
                        return;
                    }
                }
            }
        }
    }

    /// Resolves when an HTTP/2 connection has had no request for `timeout`.
    pub(super) async fn is_idle(&self, timeout: Duration) {
        loop {
            let since = self.state().idle_since;
            match since {
                None => self.0.idle.notified().await,
                Some(since) => {
                    sleep_until(since + timeout).await;
                    if self.state().idle_since == Some(since) {
                        return;
                    }
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in progress.
pub(in crate::http) struct InFlight(HeaderTimer);

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.running -= 1;
        if state.running == 0 && state.side_by_side {
            state.idle_since = Some(Instant::now());
            self.0.0.idle.notify_one();
        }
    }
}
