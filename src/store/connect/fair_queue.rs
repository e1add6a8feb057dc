//! Fair queue for a few permits, with round-robin between organizations: the next permit goes to the one that has
//! waited longest since its last permit. A plain semaphore is first come, first served.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::domain::id::OrganizationId;

/// An organization; `None` for the server itself.
pub(in crate::store) type Owner = Option<OrganizationId>;

/// The queue. Cheap to clone.
#[derive(Clone)]
pub(in crate::store) struct FairQueue(Arc<Mutex<State>>);

struct State {
    free: usize,
    /// Permits that are reserved for organizations without one.
    reserved: usize,
    owners: HashMap<Owner, Places>,
    /// Waiting organizations, the next one first.
    order: VecDeque<Owner>,
}

#[derive(Default)]
struct Places {
    held: usize,
    waiting: VecDeque<oneshot::Sender<Place>>,
}

/// A permit; released when dropped.
pub(in crate::store) struct Place {
    owner: Owner,
    queue: FairQueue,
}

impl FairQueue {
    /// Creates a queue with this number of permits, some of which are reserved for organizations without one.
    pub(in crate::store) fn new(places: usize, reserved: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: places, reserved, owners: HashMap::new(), order: VecDeque::new() })))
    }

    /// Waits for a permit. Cancel-safe; a cancelled caller loses its turn.
    pub(in crate::store) async fn place(&self, owner: &Owner) -> Place {
        let waiting = {
            let mut state = self.state();
            let mine = state.owners.entry(owner.clone()).or_default();
            if mine.waiting.is_empty() && state.may_have(owner) {
                return self.take(&mut state, owner.clone());
            }
            let (place, waiting) = oneshot::channel();
            let mine = state.owners.entry(owner.clone()).or_default();
            let is_first = mine.waiting.is_empty();
            mine.waiting.push_back(place);
            if is_first {
                state.order.push_back(owner.clone());
            }
            waiting
        };
        waiting.await.expect("a slot is granted before its sender is dropped")
    }

    fn take(&self, state: &mut State, owner: Owner) -> Place {
        state.free -= 1;
        state.owners.entry(owner.clone()).or_default().held += 1;
        Place { owner, queue: self.clone() }
    }

    /// Hands free permits to waiting callers; returns permits whose caller has gone.
    fn give(&self, state: &mut State) -> Vec<Place> {
        let mut unwanted = Vec::new();
        while let Some(next) = (0..state.order.len()).find(|place| state.may_have(&state.order[*place])) {
            let Some(owner) = state.order.remove(next) else { break };
            let Some(places) = state.owners.get_mut(&owner) else { continue };
            let waiting = places.waiting.pop_front();
            if !places.waiting.is_empty() {
                state.order.push_back(owner.clone());
            }
            if let Some(waiting) = waiting.filter(|waiting| !waiting.is_closed()) {
                let place = self.take(state, owner);
                unwanted.extend(waiting.send(place).err());
            }
        }
        unwanted
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may_have(&self, owner: &Owner) -> bool {
        let held = self.owners.get(owner).map_or(0, |places| places.held);
        self.free > self.reserved || (self.free > 0 && held == 0)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let unwanted = {
            let mut state = self.queue.state();
            state.free += 1;
            if let Some(places) = state.owners.get_mut(&self.owner) {
                places.held -= 1;
            }
            let unwanted = self.queue.give(&mut state);
            if let Entry::Occupied(places) = state.owners.entry(self.owner.clone())
                && places.get().held == 0
                && places.get().waiting.is_empty()
            {
                places.remove();
            }
            unwanted
        };
        // Drop them without the lock, which their own drop acquires.
        drop(unwanted);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn owner(id: &str) -> OrganizationId {
        id.parse().expect("an id")
    }

    #[tokio::test]
    async fn organizations_take_turns_however_much_one_asks_for() {
        let (queue, busy, other) = (FairQueue::new(1, 0), Some(owner("busy")), Some(owner("other")));
        let held = queue.place(&busy).await;
        let order = Mutex::new(Vec::new());
        let wait = async |owner: &Owner| {
            let place = queue.place(owner).await;
            order.lock().expect("whole").push(owner.clone());
            tokio::task::yield_now().await;
            drop(place);
        };
        let all = [&busy, &busy, &busy, &busy, &other, &None].map(wait);
        let all = futures_util::future::join_all(all);
        tokio::join!(all, async { drop(held) });
        let order = order.into_inner().expect("whole");
        assert_eq!(order[..3], [busy.clone(), other, None], "{order:?}");
        assert_eq!(order[3..], [busy.clone(), busy.clone(), busy]);
        assert!(queue.state().owners.is_empty() && queue.state().order.is_empty(), "the queue is empty");
    }

    #[tokio::test]
    async fn a_reserved_place_goes_to_an_organization_without_another() {
        let (queue, busy, other) = (FairQueue::new(3, 1), Some(owner("busy")), Some(owner("other")));
        let [first, _second] = [queue.place(&busy).await, queue.place(&busy).await];
        let mut third = Box::pin(queue.place(&busy));
        assert!(futures_util::poll!(&mut third).is_pending());
        let others = queue.place(&other).now_or_never().expect("the reserved slot");
        assert!(queue.place(&other).now_or_never().is_none(), "the organization has a slot already");
        drop(others);
        assert!(futures_util::poll!(&mut third).is_pending(), "the reserved slot stays free");
        drop(first);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_cancelled_wait_does_not_block_others() {
        let (queue, one, other) = (FairQueue::new(1, 0), Some(owner("one")), Some(owner("other")));
        let held = queue.place(&one).await;
        let mut gone = Box::pin(queue.place(&one));
        let mut stays = Box::pin(queue.place(&other));
        assert!(futures_util::poll!(&mut gone).is_pending() && futures_util::poll!(&mut stays).is_pending());
        drop(gone);
        drop(held);
        let place = stays.now_or_never().expect("its turn");
        // The permit was sent, but not received.
        let mut given = Box::pin(queue.place(&one));
        assert!(futures_util::poll!(&mut given).is_pending());
        drop(place);
        drop(given);
        assert!(queue.place(&other).now_or_never().is_some());
    }
}
