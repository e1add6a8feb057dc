//! Two chats that turn out to be one person's. The end is the same as if that had been known from the start, whenever one
//! learns of it: what has a time goes by the newest, what is a place among the messages by the furthest.

use super::action::Desired;
use super::action::PendingAction;
use super::action::Refusal;
use super::action::Setting;
use super::change::ChatFields;
use super::chat::Chat;
use super::chat::Dated;
use super::chat::Names;

/// What still has to be told to WhatsApp of a chat, and what it refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Open {
    /// The actions that wait.
    pub waiting: Vec<PendingAction>,
    /// The refusals.
    pub refused: Vec<Refusal>,
}

impl Chat {
    /// Takes over what is known of `other` but for its messages; tells what is open about the two from now on. Counting
    /// what is unread is left to whoever knows the messages.
    #[must_use]
    pub fn join(&mut self, mine: &Open, other: &Self, theirs: &Open) -> Open {
        let mut open = Open::default();
        for setting in Setting::ALL {
            open.waiting.extend(self.join_setting(setting, mine, other, theirs));
        }
        for refusal in mine.refused.iter().chain(&theirs.refused) {
            let newer = |known: &Refusal| known.setting == refusal.setting && known.at >= refusal.at;
            // Who asked again has heard of it.
            let waits = open.waiting.iter().any(|action| action.desired.setting() == refusal.setting);
            if !waits && !open.refused.iter().any(newer) {
                open.refused.retain(|known| known.setting != refusal.setting);
                open.refused.push(refusal.clone());
            }
        }
        self.pending = open.waiting.iter().map(|action| action.desired.setting().field()).collect::<ChatFields>();
        self.refused = open.refused.iter().map(|refusal| refusal.setting.field()).collect::<ChatFields>();
        self.names.fill(&other.names);
        if let Some(address) = &other.address {
            self.spoken_of(&address.value, address.as_of);
        }
        let places = [
            (&mut self.horizon, &other.horizon),
            (&mut self.emptied, &other.emptied),
            (&mut self.read_to, &other.read_to),
        ];
        for (place, theirs) in places {
            if let Some(theirs) = theirs.clone() {
                *place = Some(theirs.or_further(place.take()));
            }
        }
        self.arrivals = self.arrivals.max(other.arrivals);
        self.created_at = self.created_at.min(other.created_at);
        if other.last_message.is_some_and(|theirs| self.last_message.is_none_or(|mine| mine.at < theirs.at)) {
            self.last_message = other.last_message;
        }
        open
    }

    /// One setting: what WhatsApp has is the newest that it said of either chat. Of two requests the newer one stays, and
    /// what WhatsApp said later about the chat that nothing was asked of wins over it.
    fn join_setting(&mut self, setting: Setting, mine: &Open, other: &Self, theirs: &Open) -> Option<PendingAction> {
        let (ours, yours) = (mine.waits_for(setting), theirs.waits_for(setting));
        let known = |chat: &Self, action: Option<&PendingAction>| {
            let (value, as_of) = action.map_or(chat.base(setting), |action| (action.base, action.base_as_of));
            Dated { value, as_of }
        };
        let (here, there) = (known(self, ours), known(other, yours));
        let newest = [here, there].into_iter().max_by_key(|known| (known.as_of, weight(known.value)))?;
        let (request, asked) = match (ours, yours) {
            (Some(ours), Some(yours)) if yours.requested_at > ours.requested_at => (yours, other),
            (Some(ours), None) if there.as_of <= ours.requested_at => (ours, &*self),
            (None, Some(yours)) if here.as_of <= yours.requested_at => (yours, other),
            (Some(ours), Some(_)) => (ours, &*self),
            _ => {
                self.put(newest.value, newest.as_of);
                return None;
            }
        };
        let unread = [ours, yours].into_iter().flatten().fold(0_u32, |sum, action| sum.saturating_add(action.unread));
        let read =
            [ours, yours].into_iter().flatten().filter_map(PendingAction::read_so_far).max_by_key(|range| range.at);
        let read_before = read.filter(|_| request.desired == Desired::Read(false));
        let action = PendingAction {
            chat: self.id,
            // One of either chat may be under way, and the word that it arrived must not take this one.
            version: [ours, yours].into_iter().flatten().map(|action| action.version).max()?,
            base: newest.value,
            base_as_of: newest.as_of,
            unread,
            read_before,
            ..request.clone()
        };
        let as_of = asked.base(setting).1;
        self.put(request.desired, as_of);
        Some(action)
    }

    fn put(&mut self, value: Desired, as_of: i64) {
        match value {
            Desired::Archived(value) => self.archived = Dated { value, as_of },
            Desired::Pinned(value) => self.pinned = Dated { value, as_of },
            Desired::MutedUntil(value) => self.muted_until = Dated { value, as_of },
            Desired::Read(read) => self.marked_unread = Dated { value: !read, as_of },
        }
    }
}

impl Open {
    fn waits_for(&self, setting: Setting) -> Option<&PendingAction> {
        self.waiting.iter().find(|action| action.desired.setting() == setting)
    }
}

impl Names {
    /// Takes over the names that are not known here.
    fn fill(&mut self, other: &Self) {
        let Self { subject, contact, push, business } = self;
        let theirs = [&other.subject, &other.contact, &other.push, &other.business];
        for (mine, theirs) in [subject, contact, push, business].into_iter().zip(theirs) {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
    }
}

/// Which of two values of the same time counts: the one that somebody must have set.
fn weight(value: Desired) -> i64 {
    match value {
        Desired::Archived(set) | Desired::Pinned(set) => set.into(),
        Desired::Read(read) => (!read).into(),
        Desired::MutedUntil(until) => until.unwrap_or(0),
    }
}

#[cfg(test)]
mod tests;
