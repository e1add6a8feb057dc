//! Turns: an answer is begun only when its caller can take it. For a caller that does not read, so many answers are
//! begun and no more; and a subscription with much to tell waits behind the caller's other operations each time.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;

use super::budget::Account;

/// The turns of one caller's connection. Whoever waits longest is next.
#[derive(Debug, Clone)]
pub struct Turns(Arc<Semaphore>);

impl Turns {
    /// So many answers may be under way at once.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }
}

/// The turn of one answer: it is over when this is dropped, which is when the answer is on its way.
#[derive(Debug)]
pub struct Turn {
    /// The place behind the answer, where `chatChanges` can be continued.
    pub cursor: Option<String>,
    _permit: OwnedSemaphorePermit,
}

/// What an operation's resolvers take turns with: a subscription one for each event, before anything is read for it.
#[derive(Clone)]
pub(super) struct Pace {
    turns: Turns,
    /// What events are paid from, and what one costs.
    price: Option<(Account, u64)>,
    /// The turn that was taken last, until its answer comes out of the engine.
    taken: Arc<Mutex<Option<Turn>>>,
}

impl Pace {
    pub(super) fn new(turns: Turns) -> Self {
        Self { turns, price: None, taken: Arc::default() }
    }

    /// The same for a subscription whose events cost so much each.
    pub(super) fn paid(self, account: Account, cost: u64) -> Self {
        Self { price: Some((account, cost)), ..self }
    }

    /// Waits until an event is paid for, then for its turn. A waiting event keeps no turn from others.
    pub(super) async fn begin_event(&self, cursor: Option<String>) {
        if let Some((account, cost)) = &self.price {
            account.pay(*cost).await;
        }
        self.begin(cursor).await;
    }

    /// The same for an event that carries a cursor and nothing else, which costs 1.
    pub(super) async fn begin_checkpoint(&self, cursor: String) {
        if let Some((account, _)) = &self.price {
            account.pay(1).await;
        }
        self.begin(Some(cursor)).await;
    }

    /// Waits for the turn of an answer that ends at this cursor.
    pub(super) async fn begin(&self, cursor: Option<String>) {
        let permit = Arc::clone(&self.turns.0).acquire_owned().await.expect("nobody closes it");
        self.taken().replace(Turn { cursor, _permit: permit });
    }

    /// The turn of the answer that has just come; none when it needed none.
    pub(super) fn take(&self) -> Option<Turn> {
        self.taken().take()
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Option<Turn>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn an_answer_waits_until_another_is_on_its_way() {
        let turns = Turns::new(2);
        let [one, other] = [(); 2].map(|()| Pace::new(turns.clone()));
        assert!(one.begin(Some("1".into())).now_or_never().is_some());
        assert!(other.begin(None).now_or_never().is_some());
        let turn = one.take().expect("taken");
        assert_eq!(turn.cursor.as_deref(), Some("1"));
        assert!(one.take().is_none());
        assert!(one.begin(None).now_or_never().is_none(), "both are under way");
        drop(turn);
        assert!(one.begin(None).now_or_never().is_some());
        drop(other);
        assert!(one.begin(None).now_or_never().is_some(), "an operation that ended has no turn any more");
    }
}
