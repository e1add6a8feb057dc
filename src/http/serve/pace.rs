//! How far a connection is with its requests. By HTTP/1 it may be silent for long between two of them, but a head that was
//! begun has to be whole soon; the protocol's own timer does not tell the two apart. By HTTP/2 it has no timer for
//! connections without a request, which answer pings for ever.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use axum::http::Version;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio::time::sleep_until;

/// How far one connection is. Clones are the same connection's.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    begun: Notify,
    idle: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Requests that are being answered.
    running: usize,
    /// When the first byte of a head came that is not whole.
    head_since: Option<Instant>,
    /// Whether requests come side by side, so that bytes tell nothing.
    side_by_side: bool,
    /// Since when no such request has been answered.
    idle_since: Option<Instant>,
}

impl Pace {
    /// Bytes came from the caller.
    pub(super) fn heard(&self) {
        let mut state = self.state();
        if state.running == 0 && !state.side_by_side && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
            self.0.begun.notify_one();
        }
    }

    /// Nothing of a head came yet, whatever was heard before.
    pub(super) fn begins(&self) {
        self.state().head_since = None;
    }

    /// A head is whole: its request is being answered for as long as what this returns is there.
    pub(super) fn asked(&self, version: Version) -> Answering {
        let mut state = self.state();
        state.head_since = None;
        state.idle_since = None;
        state.running += 1;
        state.side_by_side |= version == Version::HTTP_2;
        Answering(self.clone())
    }

    /// Ends when a head was begun and is not whole within `patience`.
    pub(super) async fn head_is_late(&self, patience: Duration) {
        loop {
            let since = self.state().head_since;
            match since {
                None => self.0.begun.notified().await,
                Some(since) => {
                    sleep_until(since + patience).await;
                    if self.state().head_since == Some(since) {
                        return;
                    }
                }
            }
        }
    }

    /// Ends when an HTTP/2 connection has had no request for so long.
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

/// A request that is being answered.
pub(in crate::http) struct Answering(Pace);

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.running -= 1;
        if state.running == 0 && state.side_by_side {
            state.idle_since = Some(Instant::now());
            self.0.0.idle.notify_one();
        }
    }
}
