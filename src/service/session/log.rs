//! The newest state of each session of an organization, ordered by number. A subscriber only stores the number of the
//! last state that it was sent.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use crate::domain::{
    id::SessionId,
    session::{Pairing, Session},
};

/// Deleted sessions that are remembered for slow subscribers.
const MAX_DELETED: usize = 1_000;

/// The parts of a session whose changes are published.
pub(in crate::service) type State = (Arc<Session>, Option<Pairing>);

/// A session's number and newest state; `None` if it was deleted.
pub(in crate::service) type Numbered = (u64, Option<Arc<Session>>);

/// The states of an organization's sessions.
#[derive(Default)]
pub(in crate::service) struct SessionLog {
    last: u64,
    order: BTreeMap<u64, SessionId>,
    states: HashMap<SessionId, (u64, Option<State>)>,
    deleted: VecDeque<SessionId>,
    /// Deletions up to this number are forgotten.
    forgotten: u64,
}

impl SessionLog {
    /// Stores the state of a session, unless it is unchanged.
    pub(in crate::service) fn put(&mut self, id: SessionId, state: Option<State>) {
        let before = self.states.get(&id);
        if before.map_or(state.is_none(), |(_, before)| *before == state) {
            return;
        }
        if let Some((number, _)) = before {
            self.order.remove(number);
        }
        self.last += 1;
        self.order.insert(self.last, id);
        if state.is_none() {
            self.deleted.push_back(id);
        }
        self.states.insert(id, (self.last, state));
        while self.deleted.len() > MAX_DELETED {
            let oldest = self.deleted.pop_front().and_then(|id| self.states.remove(&id));
            if let Some((number, _)) = oldest {
                self.order.remove(&number);
                self.forgotten = number;
            }
        }
    }

    /// Existing sessions with their pairing codes.
    pub(in crate::service) fn live(&self) -> impl Iterator<Item = (SessionId, &State)> {
        self.states.iter().filter_map(|(id, (_, state))| Some((*id, state.as_ref()?)))
    }

    /// Returns the first state after this number, and its session.
    pub(in crate::service) fn after(&self, number: u64) -> Option<(SessionId, Numbered)> {
        let (_, id) = self.order.range(number + 1..).next()?;
        Some((*id, self.of(*id)?))
    }

    /// Returns the state of one session.
    pub(in crate::service) fn of(&self, id: SessionId) -> Option<Numbered> {
        let (number, state) = self.states.get(&id)?;
        Some((*number, state.as_ref().map(|(session, _)| Arc::clone(session))))
    }

    /// Returns the number of the newest state.
    pub(in crate::service) fn last(&self) -> u64 {
        self.last
    }

    /// Returns whether deletions after this number are forgotten.
    pub(in crate::service) fn is_forgotten(&self, number: u64) -> bool {
        number < self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(label: &str) -> (SessionId, State) {
        let id = SessionId::new(1);
        let organization = "org_1".parse().expect("an id");
        (id, (Arc::new(Session::new(id, organization, Some(label.to_owned()), 1)), None))
    }

    fn all(log: &SessionLog, mut number: u64) -> Vec<(SessionId, bool)> {
        std::iter::from_fn(|| {
            let (id, (next, session)) = log.after(number)?;
            number = next;
            Some((id, session.is_some()))
        })
        .collect()
    }

    #[test]
    fn a_slow_subscriber_gets_the_newest_state_of_each_session_once() {
        let mut log = SessionLog::default();
        let [(one, first), (two, second), (three, third)] = ["1", "2", "3"].map(state);
        log.put(one, Some(first.clone()));
        log.put(two, Some(second));
        let place = log.last();
        log.put(one, Some(first.clone()));
        assert!(all(&log, place).is_empty(), "it is the same");
        let renamed = Session { label: Some("4".into()), ..(*first.0).clone() };
        log.put(one, Some((Arc::new(renamed), None)));
        log.put(three, Some(third));
        log.put(two, None);
        log.put(SessionId::new(1), None);
        assert_eq!(all(&log, place), [(one, true), (three, true), (two, false)]);
        assert_eq!(log.live().count(), 2);
    }

    #[test]
    fn deleted_sessions_are_remembered_for_a_while() {
        let mut log = SessionLog::default();
        for _ in 0..=MAX_DELETED {
            let (id, made) = state("x");
            log.put(id, Some(made));
            log.put(id, None);
        }
        assert_eq!((log.states.len(), log.order.len()), (MAX_DELETED, MAX_DELETED));
        assert!(log.is_forgotten(1) && !log.is_forgotten(2), "the first was deleted as number 2");
    }
}
