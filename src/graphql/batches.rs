//! What the loaders of a request read, carried out beside the request, in its own task: whenever the request can do no
//! more without an answer, everything it has asked for until then is read, each kind in one go. A task or a timer of
//! their own would read what the first fields asked for while others had not been reached yet.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::task::Wake;
use std::task::Waker;

use futures_util::Stream;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

type Batch = BoxFuture<'static, ()>;

/// The batches that wait to be read.
#[derive(Clone, Default)]
pub(super) struct Batches(Arc<Mutex<Vec<Batch>>>);

impl Batches {
    /// Adds a batch.
    pub(super) fn add(&self, batch: Batch) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(batch);
    }

    /// The request's answers, with its batches read in between.
    pub(super) fn beside<S: Stream>(self, answers: S) -> Beside<S> {
        Beside { answers: Box::pin(answers), waiting: self, running: FuturesUnordered::new() }
    }

    fn take(&self) -> Vec<Batch> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// See [`Batches::beside`].
pub(super) struct Beside<S> {
    answers: Pin<Box<S>>,
    waiting: Batches,
    running: FuturesUnordered<Batch>,
}

impl<S: Stream> Stream for Beside<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let heard = Arc::new(Wakes { waker: context.waker().clone(), woken: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&heard));
        if let Poll::Ready(answer) = self.answers.as_mut().poll_next(&mut Context::from_waker(&waker)) {
            return Poll::Ready(answer);
        }
        // A request with many fields pauses in between, and has more to ask for when it goes on.
        if !heard.woken.load(Ordering::Acquire) {
            let waiting = self.waiting.take();
            self.running.extend(waiting);
        }
        // A batch that is done wakes the fields that asked for it.
        while let Poll::Ready(Some(())) = self.running.poll_next_unpin(context) {}
        Poll::Pending
    }
}

/// Wakes the request's task, and knows whether it did.
struct Wakes {
    waker: Waker,
    woken: AtomicBool,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.waker.wake_by_ref();
    }
}
