//! Ringing calls, kept for as long as they can be rejected. `rejectCall` rejects other call ids, so that a reply can
//! only go to the call's caller.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::domain::{call::Call, id::SessionId, jid::Jid};

/// Time after which a call without a reported end is forgotten, in milliseconds. WhatsApp gives up after about a
/// minute.
const RINGING_MS: i64 = 3 * 60 * 1_000;
/// Calls kept per session; further ones replace the oldest.
const MAX_CALLS: usize = 64;

/// The ringing calls of this process. Clones share them.
#[derive(Debug, Clone, Default)]
pub(in crate::service) struct RingingCalls(Arc<Mutex<HashMap<SessionId, VecDeque<RingingCall>>>>);

#[derive(Debug)]
struct RingingCall {
    id: String,
    caller: Jid,
    since: i64,
    has_ended: bool,
    is_answered: bool,
}

impl RingingCalls {
    /// Adds a call that rings in the session at `now`, in milliseconds. A call that is offered again stays unchanged.
    pub(in crate::service) fn began(&self, session: SessionId, call: &Call, now: i64) {
        let mut sessions = self.sessions();
        sessions.retain(|_, calls| {
            calls.retain(|call| call.is_recent(now));
            !calls.is_empty()
        });
        let calls = sessions.entry(session).or_default();
        if calls.iter().any(|known| known.id == call.id) {
            return;
        }
        if calls.len() >= MAX_CALLS {
            calls.pop_front();
        }
        let (id, caller) = (call.id.clone(), call.from.clone());
        calls.push_back(RingingCall { id, caller, since: now, has_ended: false, is_answered: false });
    }

    /// Marks a call as ended: it can no longer be rejected.
    pub(in crate::service) fn ended(&self, session: SessionId, id: &str) {
        let mut sessions = self.sessions();
        let known = sessions.get_mut(&session).and_then(|calls| calls.iter_mut().find(|call| call.id == id));
        if let Some(call) = known {
            call.has_ended = true;
        }
    }

    /// Returns whether this call of this caller rings in the session at `now`, in milliseconds.
    pub(in crate::service) fn rings(&self, session: SessionId, id: &str, caller: &Jid, now: i64) -> bool {
        let sessions = self.sessions();
        let mut calls = sessions.get(&session).into_iter().flatten();
        calls.any(|call| call.id == id && call.caller == *caller && !call.has_ended && call.is_recent(now))
    }

    /// Takes the only reply of a call; `false` if it was taken before, or the call is unknown.
    pub(in crate::service) fn take_reply(&self, session: SessionId, id: &str) -> bool {
        let mut sessions = self.sessions();
        let known = sessions.get_mut(&session).and_then(|calls| calls.iter_mut().find(|call| call.id == id));
        known.is_some_and(|call| !std::mem::replace(&mut call.is_answered, true))
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionId, VecDeque<RingingCall>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RingingCall {
    /// Returns whether the call began within [`RINGING_MS`]; `false` if the clock was set back before its start.
    fn is_recent(&self, now: i64) -> bool {
        (0..RINGING_MS).contains(&now.saturating_sub(self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str) -> Call {
        Call { id: id.to_owned(), from: mei(), video: false, group: None, at: 0 }
    }

    fn mei() -> Jid {
        "15550111@s.whatsapp.net".parse().expect("a JID")
    }

    #[test]
    fn a_call_rings_for_its_session_and_caller_until_it_ends() {
        let (calls, here, elsewhere) = (RingingCalls::default(), SessionId::new(1), SessionId::new(2));
        let olu = "15550113@s.whatsapp.net".parse().expect("a JID");
        calls.began(here, &call("A"), 1_000);
        assert!(calls.rings(here, "A", &mei(), 1_000));
        assert!(!calls.rings(elsewhere, "A", &mei(), 1_000), "another session");
        assert!(!calls.rings(here, "B", &mei(), 1_000), "another call");
        assert!(!calls.rings(here, "A", &olu, 1_000), "another caller");
        calls.ended(elsewhere, "A");
        assert!(calls.rings(here, "A", &mei(), 1_000), "another session's call of this id ended");
        calls.ended(here, "A");
        assert!(!calls.rings(here, "A", &mei(), 1_000));
        calls.began(here, &call("A"), 1_001);
        assert!(!calls.rings(here, "A", &mei(), 1_001), "a late copy of the offer");
    }

    #[test]
    fn a_call_without_an_end_rings_for_three_minutes() {
        let (calls, here) = (RingingCalls::default(), SessionId::new(1));
        calls.began(here, &call("A"), 1_000);
        assert!(calls.rings(here, "A", &mei(), 1_000 + RINGING_MS - 1));
        assert!(!calls.rings(here, "A", &mei(), 1_000 + RINGING_MS));
        assert!(!calls.rings(here, "A", &mei(), 999), "after the clock was set back");
    }

    #[test]
    fn a_call_has_one_reply() {
        let (calls, here) = (RingingCalls::default(), SessionId::new(1));
        assert!(!calls.take_reply(here, "A"), "it never rang");
        calls.began(here, &call("A"), 1_000);
        assert!(calls.take_reply(here, "A"));
        calls.began(here, &call("A"), 1_001);
        assert!(!calls.take_reply(here, "A"));
    }

    #[test]
    fn remembered_calls_are_bounded_per_session_and_in_time() {
        let (calls, here, elsewhere) = (RingingCalls::default(), SessionId::new(1), SessionId::new(2));
        calls.began(elsewhere, &call("kept"), 1_000);
        for number in 0..2 * MAX_CALLS {
            calls.began(here, &call(&number.to_string()), 1_000);
        }
        assert_eq!(calls.sessions()[&here].len(), MAX_CALLS);
        assert!(calls.rings(here, &(2 * MAX_CALLS - 1).to_string(), &mei(), 1_000));
        assert!(calls.rings(elsewhere, "kept", &mei(), 1_000), "another session's calls are forgotten");
        calls.began(here, &call("later"), 1_000 + RINGING_MS);
        assert_eq!(calls.sessions().values().map(VecDeque::len).sum::<usize>(), 1);
    }
}
