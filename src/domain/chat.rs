//! Chats, and the only function that changes one.

mod patch;

use strum::{FromRepr, VariantArray};

use super::{
    change::{Change, ChangeKind, ChatField, ChatFields, ChatState, Origin},
    id::{ChatId, SessionId},
    jid::{Jid, JidKind},
    message::IncomingMessage,
    message_marker::MessageMarker,
    setting::{Setting, SettingValue, Settings, Versioned},
};

pub use super::{chat_name::ChatNames, message::LastMessage};
pub use patch::ChatPatch;

/// A kind of chat. Its numbers are stored, and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, FromRepr, VariantArray)]
#[repr(i16)]
pub enum ChatType {
    /// A chat with one user, or with an assistant.
    Dm = 1,
    /// A group.
    Group = 2,
    /// A newsletter (also called channel).
    Newsletter = 3,
    /// A broadcast list.
    Broadcast = 4,
    /// Status posts.
    Status = 5,
}

impl From<JidKind> for ChatType {
    fn from(kind: JidKind) -> Self {
        match kind {
            JidKind::PhoneNumber | JidKind::Lid | JidKind::Bot | JidKind::Interop | JidKind::Messenger => Self::Dm,
            JidKind::Group => Self::Group,
            JidKind::Newsletter => Self::Newsletter,
            JidKind::Broadcast => Self::Broadcast,
            JidKind::Status => Self::Status,
        }
    }
}

/// A stored chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// The id.
    pub id: ChatId,
    /// The session.
    pub session: SessionId,
    /// The canonical address.
    pub jid: Jid,
    /// The possible names.
    pub names: ChatNames,
    /// The settings.
    pub settings: Settings,
    /// Number of unread incoming messages.
    pub unread_count: u32,
    /// Arrival number of the newest live message (history excluded). Monotonic per session.
    pub arrivals: i64,
    /// The position up to which everything is read, as reported by WhatsApp.
    pub read_to: Option<MessageMarker>,
    /// The address that WhatsApp used last for the chat; `None` if it is unknown.
    pub address: Option<Box<Versioned<Jid>>>,
    /// The latest message; `None` if the chat has no message.
    pub last_message: Option<LastMessage>,
    /// The settings that are pending.
    pub pending: ChatFields,
    /// The settings that WhatsApp rejected and that have not changed since.
    pub refused: ChatFields,
    /// The position up to which messages are known without being stored; `None` if the chat was never deleted.
    pub known_up_to: Option<MessageMarker>,
    /// The position up to which the phone cleared or deleted the chat; `None` if it never did. If a second chat of the
    /// same user appears, it applies to that chat too.
    pub emptied: Option<MessageMarker>,
    /// Creation time of the row in milliseconds.
    pub created_at: i64,
    /// The number of recorded changes. Each change increments it, and it is stored with the chat.
    pub revision: i64,
    /// The deleted chat that this one replaces. Only the unit of work that restores the chat knows it.
    pub replaces: Option<ChatId>,
}

impl Chat {
    /// Creates an empty chat with `jid`, of which nothing else is known.
    #[must_use]
    pub fn new(id: ChatId, session: SessionId, jid: Jid, at: i64) -> Self {
        Self {
            id,
            session,
            jid,
            names: ChatNames::default(),
            settings: Settings::default(),
            unread_count: 0,
            arrivals: 0,
            read_to: None,
            address: None,
            last_message: None,
            pending: ChatFields::default(),
            refused: ChatFields::default(),
            known_up_to: None,
            emptied: None,
            created_at: at,
            revision: 0,
            replaces: None,
        }
    }

    /// The kind of chat, according to its address.
    #[must_use]
    pub fn chat_type(&self) -> ChatType {
        self.jid.kind().into()
    }

    /// The display name: the first known of group subject, saved contact name, push name, business name and phone
    /// number. `None` if none of them is known.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.names.display_name().cloned().or_else(|| self.jid.phone_number())
    }

    /// The settings and counters, as a change records them.
    #[must_use]
    pub fn state(&self) -> ChatState {
        ChatState {
            settings: self.settings.without_times(),
            unread_count: self.unread_count,
            last_message: self.last_message,
            pending: self.pending,
            refused: self.refused,
        }
    }

    /// Changes the chat, and returns the difference, or `None` if nothing changed. Replayed events, echoes of our own
    /// actions and repeated requests all end here without a change.
    #[must_use]
    pub fn apply(&mut self, patch: &ChatPatch, at: i64, origin: Origin) -> Option<Change> {
        let before = self.clone();
        let mut is_read = false;
        for (value, as_of) in patch.settings.iter() {
            let was_set = self.set(value, as_of.unwrap_or(patch.as_of), origin);
            is_read |= was_set && value == SettingValue::Read(true);
        }
        if let Some(count) = patch.unread_count {
            self.unread_count = count;
        }
        if let Some(place) = patch.read_to.clone() {
            self.read_to = Some(place.max_with(self.read_to.take()));
        }
        if let Some((address, as_of)) = &patch.address {
            self.note_address(address, *as_of);
        }
        if patch.clears_unread && is_read {
            self.unread_count = 0;
        }
        if patch.contact_removed {
            self.names.contact = None;
        }
        self.names.learn(&patch.names);
        if let Some(place) = patch.emptied_to.clone() {
            self.known_up_to = Some(place.clone().max_with(self.known_up_to.take()));
            self.emptied = Some(place.max_with(self.emptied.take()));
            self.last_message = patch.last_message;
        } else if patch.removed.is_some() {
            if self.last_message.and_then(|last| last.id) == patch.removed {
                self.last_message = patch.last_message;
            }
        } else if let Some(message) = patch.last_message
            && self.last_message.is_none_or(|known| message.at >= known.at)
        {
            self.last_message = Some(message);
        }
        self.pending = patch.pending.unwrap_or(self.pending);
        self.refused = patch.refused.unwrap_or(self.refused);
        let mut changed = self.differs_from(&before);
        if let Some(jid) = patch.moved_to.clone().filter(|jid| *jid != before.jid) {
            // Settings must no longer be sent under the old address.
            if let Some(address) = self.address.as_mut().filter(|address| address.value == before.jid) {
                address.value = jid.clone();
            }
            self.jid = jid;
            changed = self.differs_from(&before) | ChatField::Aliases;
        }
        if patch.rewritten.is_some() && self.last_message.and_then(|last| last.id) == patch.rewritten {
            changed.insert(ChatField::LastMessage);
        }
        (!changed.is_empty()).then(|| self.change(ChangeKind::Updated, changed, at, origin))
    }

    /// Sets a setting unless its current value is newer, and returns whether it did.
    fn set(&mut self, value: SettingValue, as_of: i64, origin: Origin) -> bool {
        let known = self.settings.get(value.setting()).as_of;
        match origin {
            // A client's value is always set, even if WhatsApp's clock is ahead of ours.
            Origin::Api => self.settings.put(value, as_of.max(known)),
            // The reverted value was never on WhatsApp, and neither was its timestamp.
            Origin::Revert => self.settings.put(value, as_of),
            _ if as_of < known => return false,
            _ => self.settings.put(value, as_of),
        }
        true
    }

    /// Creates the change that announces this chat as new. The chat must be stored afterwards.
    #[must_use]
    pub fn created(&mut self, at: i64, origin: Origin) -> Change {
        let replaces = self.replaces;
        Change { replaces, ..self.change(ChangeKind::Created, ChatFields::default(), at, origin) }
    }

    /// Creates the change that announces the deletion of this chat.
    #[must_use]
    pub fn deleted(&self, at: i64, origin: Origin) -> Change {
        self.clone().change(ChangeKind::Deleted, ChatFields::default(), at, origin)
    }

    /// Creates a change and increments the revision; no other function does either.
    fn change(&mut self, kind: ChangeKind, changed: ChatFields, at: i64, origin: Origin) -> Change {
        self.revision += 1;
        Change {
            number: 0,
            at,
            kind,
            origin,
            session: self.session,
            chat: self.id,
            cid: self.jid.clone(),
            changed,
            state: self.state(),
            revision: self.revision,
            merged_into: None,
            replaces: None,
        }
    }

    /// Creates the change that announces a new alias of this chat, which was `before`, or a chat merged into it. The
    /// chat must be stored afterwards.
    #[must_use]
    pub fn merged_change(&mut self, before: &Self, at: i64, origin: Origin) -> Change {
        let changed = self.differs_from(before) | ChatField::Aliases;
        self.change(ChangeKind::Updated, changed, at, origin)
    }

    fn differs_from(&self, before: &Self) -> ChatFields {
        let differs = [
            (ChatField::Jid, self.jid != before.jid),
            (ChatField::Name, self.name() != before.name()),
            (ChatField::UnreadCount, self.unread_count != before.unread_count),
            (ChatField::LastMessage, self.last_message != before.last_message),
            (ChatField::Sync, (self.pending, self.refused) != (before.pending, before.refused)),
        ];
        let fields = differs.into_iter().filter_map(|(field, differs)| differs.then_some(field));
        fields.chain(self.settings.differ_from(&before.settings).map(Setting::field)).collect()
    }

    /// The current value of a setting, as a pending action stores it.
    #[must_use]
    pub fn setting(&self, setting: Setting) -> SettingValue {
        match self.settings.get(setting).value {
            SettingValue::Read(read) => SettingValue::Read(read && self.unread_count == 0),
            value => value,
        }
    }

    /// Returns whether the setting already has this value. A chat with unread messages is neither read nor marked as
    /// unread.
    #[must_use]
    pub fn has(&self, desired: SettingValue) -> bool {
        match desired {
            SettingValue::Read(false) => self.settings.marked_unread.value,
            desired => self.setting(desired.setting()) == desired,
        }
    }

    /// The value on WhatsApp of a setting without a pending action, and WhatsApp's timestamp of it. For the read state
    /// it is only the mark; the count is reverted with [`PendingAction::unread`].
    ///
    /// [`PendingAction::unread`]: super::pending_action::PendingAction::unread
    #[must_use]
    pub fn base(&self, setting: Setting) -> (SettingValue, i64) {
        let Versioned { value, as_of } = self.settings.get(setting);
        (value, as_of)
    }

    /// Records the address that WhatsApp used for the chat. On a timestamp tie the LID wins, since accounts migrate
    /// towards LIDs.
    pub(super) fn note_address(&mut self, address: &Jid, as_of: i64) {
        let rank = |jid: &Jid| jid.kind() == JidKind::Lid;
        let newer =
            self.address.as_ref().is_none_or(|known| (as_of, rank(address)) > (known.as_of, rank(&known.value)));
        if newer {
            self.address = Some(Box::new(Versioned { value: address.clone(), as_of }));
        }
    }

    /// The address under which settings are sent: the one that WhatsApp used last.
    #[must_use]
    pub fn sending_address(&self) -> &Jid {
        self.address.as_ref().map_or(&self.jid, |address| &address.value)
    }

    /// The number of unread messages after everything up to a new position is read. Of the stored messages, `before`
    /// were after the old position, and `after` are after the new one. `all` is true if the new position covers
    /// everything that is known of the chat. Some unread messages may not be stored; they are older than the stored
    /// ones, and are read with the first of those.
    #[must_use]
    pub fn unread_after(&self, before: u32, after: u32, all: bool) -> u32 {
        if after < before || all { self.unread_count.min(after) } else { self.unread_count }
    }

    /// Returns whether the message was read before it arrived.
    #[must_use]
    pub fn has_read(&self, message: &IncomingMessage) -> bool {
        self.read_to.as_ref().is_some_and(|place| place.covers(message))
    }

    /// Returns whether the message was known when the chat was deleted.
    #[must_use]
    pub fn is_known_deleted(&self, message: &IncomingMessage) -> bool {
        self.known_up_to.as_ref().is_some_and(|known_up_to| known_up_to.covers(message))
    }
}

#[cfg(test)]
mod tests;
