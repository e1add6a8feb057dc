//! Who was written because of which call: once a call, and a caller who calls again and again is not written each time.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::domain::id::SessionId;
use crate::domain::jid::Jid;

/// So many replies go to one caller…
const MOST: usize = 3;
/// …in this time, in milliseconds.
const WITHIN: i64 = 60 * 60 * 1_000;
/// So many calls are remembered as answered; those before are long over.
const CALLS: usize = 10_000;

/// The replies of this process. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Replies(Arc<Mutex<Sent>>);

#[derive(Default)]
struct Sent {
    calls: VecDeque<(SessionId, String)>,
    callers: HashMap<(SessionId, Jid), VecDeque<i64>>,
}

impl Replies {
    /// Whether the caller may be written because of this call at `now`, in milliseconds; if so, that is remembered.
    pub(super) fn may_reply(&self, session: SessionId, call: &str, from: &Jid, now: i64) -> bool {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = (session, call.to_owned());
        if sent.calls.contains(&answered) {
            return false;
        }
        sent.callers.retain(|_, times| {
            times.retain(|at| *at > now - WITHIN);
            !times.is_empty()
        });
        let times = sent.callers.entry((session, from.clone())).or_default();
        if times.len() >= MOST {
            return false;
        }
        times.push_back(now);
        sent.calls.push_back(answered);
        if sent.calls.len() > CALLS {
            sent.calls.pop_front();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_answered_once_and_a_caller_three_times_an_hour() {
        let (replies, session) = (Replies::default(), SessionId::new(1));
        let [mei, olu]: [Jid; 2] =
            ["15550111@s.whatsapp.net", "15550113@s.whatsapp.net"].map(|jid| jid.parse().unwrap());
        assert!(replies.may_reply(session, "A", &mei, 0));
        assert!(!replies.may_reply(session, "A", &mei, 1), "the same call");
        assert!(replies.may_reply(SessionId::new(2), "A", &mei, 1), "another session's");
        assert!(replies.may_reply(session, "B", &mei, 2));
        assert!(replies.may_reply(session, "C", &mei, 3));
        assert!(!replies.may_reply(session, "D", &mei, WITHIN - 1), "the fourth in an hour");
        assert!(replies.may_reply(session, "E", &olu, 4), "somebody else");
        assert!(replies.may_reply(session, "D", &mei, WITHIN), "an hour after the first");
        assert!(!replies.may_reply(session, "F", &mei, WITHIN));
    }
}
