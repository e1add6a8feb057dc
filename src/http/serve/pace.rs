//! How far an HTTP/1 connection is with its requests: between two of them it may be silent for long, but a head that was
//! begun has to be whole soon. The protocol's own timer does not tell the two apart.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::body::Bytes;
use axum::http::Version;
use hyper::body::Frame;
use hyper::body::SizeHint;
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
}

#[derive(Debug, Default)]
struct State {
    /// Requests that are being answered.
    running: usize,
    /// When the first byte of a head came that is not whole.
    head_since: Option<Instant>,
    /// Whether requests come side by side, so that bytes tell nothing.
    side_by_side: bool,
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered.
pub(super) struct Answering(Pace);

impl Answering {
    /// The body of the answer, with which the answering ends.
    pub(super) fn until_the_end_of(self, body: Body) -> Body {
        Body::new(Told { body, _answering: self })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.state().running -= 1;
    }
}

struct Told {
    body: Body,
    _answering: Answering,
}

impl hyper::body::Body for Told {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
