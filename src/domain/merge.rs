//! Merges two chats that turn out to be with the same user. The result is the same as if that had been known from the
//! start, whenever it becomes known. Values with a timestamp take the newest one, and positions among the messages the
//! furthest one.

use super::{
    change::ChatFields,
    chat::{Chat, ChatNames},
    pending_action::{PendingAction, Rejection},
    setting::{Setting, SettingValue, Versioned},
};

/// Pending and rejected settings of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenActions {
    /// The pending actions.
    pub waiting: Vec<PendingAction>,
    /// The refusals.
    pub refused: Vec<Rejection>,
}

impl Chat {
    /// Merges the data of `other` except its messages, and returns the pending and rejected settings of both. The
    /// caller counts the unread messages, since it knows them.
    #[must_use]
    pub fn merge(&mut self, mine: &OpenActions, other: &Self, theirs: &OpenActions) -> OpenActions {
        let mut open = OpenActions::default();
        for setting in Setting::ALL {
            open.waiting.extend(self.merge_setting(setting, mine, other, theirs));
        }
        for refusal in mine.refused.iter().chain(&theirs.refused) {
            let newer = |known: &Rejection| known.setting == refusal.setting && known.at >= refusal.at;
            // A new request for the setting clears the rejection.
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
            self.note_address(&address.value, address.as_of);
        }
        let places = [
            (&mut self.known_up_to, &other.known_up_to),
            (&mut self.emptied, &other.emptied),
            (&mut self.read_to, &other.read_to),
        ];
        for (place, theirs) in places {
            if let Some(theirs) = theirs.clone() {
                *place = Some(theirs.max_with(place.take()));
            }
        }
        self.arrivals = self.arrivals.max(other.arrivals);
        self.created_at = self.created_at.min(other.created_at);
        if other.last_message.is_some_and(|theirs| self.last_message.is_none_or(|mine| mine.at < theirs.at)) {
            self.last_message = other.last_message;
        }
        open
    }

    /// Merges one setting. The value on WhatsApp is the newest that it reported for either chat. Of two requests the
    /// newer one stays. A later value that WhatsApp reported for the chat without a request takes precedence.
    fn merge_setting(
        &mut self,
        setting: Setting,
        mine: &OpenActions,
        other: &Self,
        theirs: &OpenActions,
    ) -> Option<PendingAction> {
        let (ours, yours) = (mine.waits_for(setting), theirs.waits_for(setting));
        let known = |chat: &Self, action: Option<&PendingAction>| {
            let waiting = action.map(|action| Versioned { value: action.base, as_of: action.base_as_of });
            waiting.unwrap_or_else(|| chat.settings.get(setting))
        };
        let (here, there) = (known(self, ours), known(other, yours));
        let newest = [here, there].into_iter().max_by_key(|known| (known.as_of, known.value.rank()))?;
        let (request, asked) = match (ours, yours) {
            (Some(ours), Some(yours)) if yours.requested_at > ours.requested_at => (yours, other),
            (Some(ours), None) if there.as_of <= ours.requested_at => (ours, &*self),
            (None, Some(yours)) if here.as_of <= yours.requested_at => (yours, other),
            (Some(ours), Some(_)) => (ours, &*self),
            _ => {
                self.settings.put(newest.value, newest.as_of);
                return None;
            }
        };
        let unread = [ours, yours].into_iter().flatten().fold(0_u32, |sum, action| sum.saturating_add(action.unread));
        let read =
            [ours, yours].into_iter().flatten().filter_map(PendingAction::read_range).max_by_key(|range| range.at);
        let read_before = read.filter(|_| request.desired == SettingValue::Read(false));
        let action = PendingAction {
            chat: self.id,
            // A request of either chat may be in flight, and its acknowledgement must not remove this one.
            version: [ours, yours].into_iter().flatten().map(|action| action.version).max()?,
            base: newest.value,
            base_as_of: newest.as_of,
            unread,
            read_before,
            ..request.clone()
        };
        let as_of = asked.base(setting).1;
        self.settings.put(request.desired, as_of);
        Some(action)
    }
}

impl OpenActions {
    fn waits_for(&self, setting: Setting) -> Option<&PendingAction> {
        self.waiting.iter().find(|action| action.desired.setting() == setting)
    }
}

impl ChatNames {
    /// Adds the names that are unknown here.
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

#[cfg(test)]
mod tests;
