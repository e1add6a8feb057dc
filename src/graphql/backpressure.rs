//! Backpressure: a response begins only when the client can receive it. If the client stops reading, a limited number
//! of responses is begun. For each event, a busy subscription waits for the client's other operations.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::cost_limit::Account;
use crate::domain::{cursor::ChangeCursor, id::OrganizationId};

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
    /// The position after the response, if it is an event of `chatChanges`.
    pub position: Option<EventPosition>,
    _permit: OwnedSemaphorePermit,
}

/// The position in the change log after an event of `chatChanges`.
#[derive(Debug, Clone)]
pub struct EventPosition {
    /// The position.
    pub cursor: ChangeCursor,
    /// The position as clients receive it.
    pub text: Arc<str>,
    /// False for an event with only a cursor.
    pub(super) has_change: bool,
}

impl EventPosition {
    pub(super) fn new(cursor: ChangeCursor, organization: &OrganizationId, has_change: bool) -> Self {
        Self { cursor, text: cursor.encode(organization).into(), has_change }
    }

    /// Returns the charge for the event if one with a change costs `cost`.
    pub(super) fn cost(&self, cost: u64) -> u64 {
        if self.has_change { cost } else { 1 }
    }
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

    /// Waits until an event is paid for, then for its turn. An event that is not paid yet holds no turn. An event with
    /// only a cursor costs 1.
    pub(super) async fn begin_event(&self, position: Option<EventPosition>) {
        if let Some((account, cost)) = &self.price {
            account.pay(position.as_ref().map_or(*cost, |position| position.cost(*cost))).await;
        }
        self.begin(position).await;
    }

    /// Waits for the turn of a response that ends at this position.
    pub(super) async fn begin(&self, position: Option<EventPosition>) {
        let permit = Arc::clone(&self.turns.0).acquire_owned().await.expect("the semaphore is never closed");
        self.taken().replace(AnswerPermit { position, _permit: permit });
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
        let cursor = ChangeCursor { incarnation: 1, number: 1 };
        let position = EventPosition::new(cursor, &"org_1".parse().expect("an id"), true);
        assert!(one.begin(Some(position)).now_or_never().is_some());
        assert!(other.begin(None).now_or_never().is_some());
        let turn = one.take().expect("taken");
        assert_eq!(turn.position.as_ref().map(|position| position.cursor), Some(cursor));
        assert!(one.take().is_none());
        assert!(one.begin(None).now_or_never().is_none(), "both turns are taken");
        drop(turn);
        assert!(one.begin(None).now_or_never().is_some());
        drop(other);
        assert!(one.begin(None).now_or_never().is_some(), "a finished operation has released its turn");
    }
}
