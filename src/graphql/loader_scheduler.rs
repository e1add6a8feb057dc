//! Reads the batches of a request's data loaders in the request's own task. Whenever the request can make no progress,
//! all keys requested so far are read, one query for each kind. Separate tasks or timers would start to read while
//! other fields have not been reached yet.

use std::{
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::{Stream, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};

type Batch = BoxFuture<'static, ()>;

/// The batches that are waiting to be read.
#[derive(Clone, Default)]
pub(super) struct PendingBatches(Arc<Mutex<Vec<Batch>>>);

impl PendingBatches {
    /// Adds a batch.
    pub(super) fn add(&self, batch: Batch) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
    }

    /// Polls the responses, and reads the waiting batches in between.
    pub(super) fn drive_while_polling<S: Stream>(self, answers: S) -> WithBatches<S> {
        WithBatches { answers: Box::pin(answers), waiting: self, running: FuturesUnordered::new() }
    }

    fn take(&self) -> Vec<Batch> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The stream that [`PendingBatches::drive_while_polling`] returns.
pub(super) struct WithBatches<S> {
    answers: Pin<Box<S>>,
    waiting: PendingBatches,
    running: FuturesUnordered<Batch>,
}

impl<S: Stream> Stream for WithBatches<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let heard = Arc::new(WakeFlag { waker: context.waker().clone(), woken: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&heard));
        if let Poll::Ready(answer) = self.answers.as_mut().poll_next(&mut Context::from_waker(&waker)) {
            return Poll::Ready(answer);
        }
        // A request with many fields yields in between; it then has more keys to request.
        if !heard.woken.load(Ordering::Acquire) {
            let waiting = self.waiting.take();
            self.running.extend(waiting);
        }
        // A finished batch wakes the fields that requested it.
        while let Poll::Ready(Some(())) = self.running.poll_next_unpin(context) {}
        Poll::Pending
    }
}

/// Wakes the request's task, and records that it did.
struct WakeFlag {
    waker: Waker,
    woken: AtomicBool,
}

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.waker.wake_by_ref();
    }
}
