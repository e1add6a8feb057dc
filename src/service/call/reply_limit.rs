//! Rate limit of auto-replies per caller.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    cache::BoundedMap,
    domain::{id::SessionId, jid::Jid},
};

/// Replies per caller…
const MAX_REPLIES: usize = 3;
/// …within this time, in milliseconds.
const REPLY_WINDOW_MS: i64 = 60 * 60 * 1_000;

/// Maximum number of remembered callers.
const MAX_CALLERS: usize = 100_000;

/// Times of the replies to each caller, oldest first.
type Times = BoundedMap<(SessionId, Jid), VecDeque<i64>>;

/// Replies sent by this process. Clones share them.
#[derive(Clone)]
pub(super) struct ReplyLimiter(Arc<Mutex<Times>>);

impl Default for ReplyLimiter {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(BoundedMap::new(MAX_CALLERS))))
    }
}

impl ReplyLimiter {
    /// Returns whether the caller may be sent a reply at `now`, in milliseconds. If so, counts the reply as sent.
    pub(super) fn may_reply(&self, session: SessionId, caller: &Jid, now: i64) -> bool {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: &i64| *at > now - REPLY_WINDOW_MS;
        let whose = (session, caller.clone());
        let mut times = callers.get(&whose).cloned().unwrap_or_default();
        times.retain(is_recent);
        if times.len() >= MAX_REPLIES {
            return false;
        }
        times.push_back(now);
        callers.insert(whose, times, |times| !times.iter().any(is_recent));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_gets_at_most_three_replies_an_hour() {
        let (replies, session) = (ReplyLimiter::default(), SessionId::new(1));
        let [mei, olu]: [Jid; 2] =
            ["15550111@s.whatsapp.net", "15550113@s.whatsapp.net"].map(|jid| jid.parse().unwrap());
        assert!((0..3).all(|at| replies.may_reply(session, &mei, at)));
        assert!(!replies.may_reply(session, &mei, REPLY_WINDOW_MS - 1), "the fourth in an hour");
        assert!(replies.may_reply(session, &olu, 4), "another caller");
        assert!(replies.may_reply(SessionId::new(2), &mei, 4), "at another session");
        assert!(replies.may_reply(session, &mei, REPLY_WINDOW_MS), "an hour after the first");
        assert!(!replies.may_reply(session, &mei, REPLY_WINDOW_MS));
    }
}
