//! Backpressure: a response begins only when the client can receive it. If the client stops reading, a limited number
//! of responses is begun. For each event, a busy subscription waits for the client's other operations.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::cost_limit::Account;

/// The turns of one connection, granted in the order of requests.
#[derive(Debug, Clone)]
pub struct AnswerSlots(Arc<Semaphore>);

impl AnswerSlots {
    /// Allows `count` responses at the same time.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }
}

/// The turn of one response. It ends when this is dropped, after the response is sent.
#[derive(Debug)]
pub struct AnswerPermit {
    /// The cursor after the response, from which `chatChanges` can resume.
    pub cursor: Option<String>,
    _permit: OwnedSemaphorePermit,
}

/// The turns of an operation's resolvers. A subscription takes one for each event, before it reads anything for the
/// event.
#[derive(Clone)]
pub(super) struct AnswerPacer {
    turns: AnswerSlots,
    /// The account that events are charged to, and the cost of an event.
    price: Option<(Account, u64)>,
    /// The last turn taken, until the engine returns its response.
    taken: Arc<Mutex<Option<AnswerPermit>>>,
}

impl AnswerPacer {
    pub(super) fn new(turns: AnswerSlots) -> Self {
        Self { turns, price: None, taken: Arc::default() }
    }

    /// The same for a subscription whose events cost `cost` each.
    pub(super) fn paid(self, account: Account, cost: u64) -> Self {
        Self { price: Some((account, cost)), ..self }
    }

    /// Waits until an event is paid for, then for its turn. An event that is not paid yet holds no turn.
    pub(super) async fn begin_event(&self, cursor: Option<String>) {
        if let Some((account, cost)) = &self.price {
            account.pay(*cost).await;
        }
        self.begin(cursor).await;
    }

    /// The same for an event with only a cursor, which costs 1.
    pub(super) async fn begin_checkpoint(&self, cursor: String) {
        if let Some((account, _)) = &self.price {
            account.pay(1).await;
        }
        self.begin(Some(cursor)).await;
    }

    /// Waits for the turn of a response that ends at this cursor.
    pub(super) async fn begin(&self, cursor: Option<String>) {
        let permit = Arc::clone(&self.turns.0).acquire_owned().await.expect("the semaphore is never closed");
        self.taken().replace(AnswerPermit { cursor, _permit: permit });
    }

    /// The turn of the latest response; `None` if it needed none.
    pub(super) fn take(&self) -> Option<AnswerPermit> {
        self.taken().take()
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Option<AnswerPermit>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn an_answer_waits_until_another_is_on_its_way() {
        let turns = AnswerSlots::new(2);
        let [one, other] = [(); 2].map(|()| AnswerPacer::new(turns.clone()));
        assert!(one.begin(Some("1".into())).now_or_never().is_some());
        assert!(other.begin(None).now_or_never().is_some());
        let turn = one.take().expect("taken");
        assert_eq!(turn.cursor.as_deref(), Some("1"));
        assert!(one.take().is_none());
        assert!(one.begin(None).now_or_never().is_none(), "both turns are taken");
        drop(turn);
        assert!(one.begin(None).now_or_never().is_some());
        drop(other);
        assert!(one.begin(None).now_or_never().is_some(), "a finished operation has released its turn");
    }
}
