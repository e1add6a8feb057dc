//! A chat and the one function that changes it.

mod patch;

use super::action::Desired;
use super::action::Setting;
use super::change::Change;
use super::change::ChangeKind;
use super::change::ChatField;
use super::change::ChatFields;
use super::change::ChatState;
use super::change::Origin;
use super::horizon::Horizon;
use super::id::ChatId;
use super::id::MessageId;
use super::id::SessionId;
use super::jid::Jid;
use super::jid::JidKind;
use super::message::IncomingMessage;

pub use super::names::Names;
pub use patch::ChatPatch;

/// The kind of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChatType {
    /// With one person, or an assistant.
    Dm,
    /// A group.
    Group,
    /// A newsletter, also called channel.
    Newsletter,
    /// A broadcast list.
    Broadcast,
    /// Status posts.
    Status,
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

/// A setting with WhatsApp's time of its value, in milliseconds: an older event does not touch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dated<T> {
    /// The value.
    pub value: T,
    /// When WhatsApp, or the API's caller, set it; 0 when nobody did.
    pub as_of: i64,
}

impl<T> Dated<T> {
    /// Sets the value unless the present one is newer; tells whether the new one counts.
    fn set(&mut self, value: T, as_of: i64, origin: Origin) -> bool {
        *self = match origin {
            // What a caller wants now holds, even where WhatsApp's clock is ahead of ours.
            Origin::Api => Self { value, as_of: as_of.max(self.as_of) },
            // The present value never was WhatsApp's, and so neither was its time.
            Origin::Revert => Self { value, as_of },
            _ if as_of < self.as_of => return false,
            _ => Self { value, as_of },
        };
        true
    }
}

/// A chat's latest message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LastMessage {
    /// Its id; none when only its time is known.
    pub id: Option<MessageId>,
    /// When it was sent, in milliseconds.
    pub at: i64,
}

/// A chat as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// Its id.
    pub id: ChatId,
    /// Its session.
    pub session: SessionId,
    /// Its canonical address.
    pub jid: Jid,
    /// What it may be called.
    pub names: Names,
    /// Archived or not.
    pub archived: Dated<bool>,
    /// Pinned or not.
    pub pinned: Dated<bool>,
    /// When the mute ends, in milliseconds; none when not muted.
    pub muted_until: Dated<Option<i64>>,
    /// Marked as unread by hand.
    pub marked_unread: Dated<bool>,
    /// Unread messages: the last so many that others wrote.
    pub unread_count: u32,
    /// The number of the message that arrived last, a history's aside; later ones have higher numbers, in whatever chat
    /// of the session.
    pub arrivals: i64,
    /// Up to where all is read, as far as WhatsApp said.
    pub read_to: Option<Horizon>,
    /// The address under which WhatsApp spoke of the chat last; none when that is not known.
    pub address: Option<Box<Dated<Jid>>>,
    /// The latest message; none when the chat has none.
    pub last_message: Option<LastMessage>,
    /// The settings on their way to WhatsApp.
    pub pending: ChatFields,
    /// The settings that WhatsApp refused and that were not changed since.
    pub refused: ChatFields,
    /// Up to where its messages are known without being stored; none when it never was deleted.
    pub horizon: Option<Horizon>,
    /// Up to where the phone cleared or deleted it; none if it never did. Its other half goes as far, if one turns up.
    pub emptied: Option<Horizon>,
    /// When it was stored first, in milliseconds.
    pub created_at: i64,
    /// How many changes of it were recorded: each change raises it, and it is stored with the chat.
    pub revision: i64,
    /// The chat in whose place this one comes back; known only to the unit of work that brings it back.
    pub replaces: Option<ChatId>,
}

impl Chat {
    /// Makes an empty chat with `jid`; nothing is known of it yet.
    #[must_use]
    pub fn new(id: ChatId, session: SessionId, jid: Jid, at: i64) -> Self {
        Self {
            id,
            session,
            jid,
            names: Names::default(),
            archived: Dated::default(),
            pinned: Dated::default(),
            muted_until: Dated::default(),
            marked_unread: Dated::default(),
            unread_count: 0,
            arrivals: 0,
            read_to: None,
            address: None,
            last_message: None,
            pending: ChatFields::default(),
            refused: ChatFields::default(),
            horizon: None,
            emptied: None,
            created_at: at,
            revision: 0,
            replaces: None,
        }
    }

    /// The kind of chat, by its address.
    #[must_use]
    pub fn chat_type(&self) -> ChatType {
        self.jid.kind().into()
    }

    /// What the chat is called: group subject, saved contact name, push name, business name, phone number, in that
    /// order; none when nothing is known.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.names.shown().cloned().or_else(|| self.jid.phone_number())
    }

    /// Whether the chat is muted at `now`, in milliseconds.
    #[must_use]
    pub fn muted(&self, now: i64) -> bool {
        self.muted_until.value.is_some_and(|until| until > now)
    }

    /// The settings and counters, as a change records them.
    #[must_use]
    pub fn state(&self) -> ChatState {
        ChatState {
            archived: self.archived.value,
            pinned: self.pinned.value,
            muted_until: self.muted_until.value,
            marked_unread: self.marked_unread.value,
            unread_count: self.unread_count,
            last_message: self.last_message,
            pending: self.pending,
            refused: self.refused,
        }
    }

    /// Puts a change's settings and counters in the place of the present ones.
    pub fn restore(&mut self, state: &ChatState) {
        self.archived.value = state.archived;
        self.pinned.value = state.pinned;
        self.muted_until.value = state.muted_until;
        self.marked_unread.value = state.marked_unread;
        self.unread_count = state.unread_count;
        self.last_message = state.last_message;
        self.pending = state.pending;
        self.refused = state.refused;
    }

    /// Puts the chat into the state that a change left it in.
    pub fn restore_to(&mut self, change: &Change) {
        self.restore(&change.state);
        self.revision = change.revision;
    }

    /// Changes the chat and tells what differs, or nothing when all is as before. An event's replay, the echo of our
    /// own action and a caller repeating a request all end here without a change.
    #[must_use]
    pub fn apply(&mut self, patch: &ChatPatch, at: i64, origin: Origin) -> Option<Change> {
        let before = self.clone();
        if let Some(archived) = patch.archived {
            self.archived.set(archived, patch.archived_as_of.unwrap_or(patch.as_of), origin);
        }
        if let Some(pinned) = patch.pinned {
            self.pinned.set(pinned, patch.pinned_as_of.unwrap_or(patch.as_of), origin);
        }
        if let Some(until) = patch.muted_until {
            self.muted_until.set(until, patch.as_of, origin);
        }
        if let Some(marked) = patch.marked_unread {
            self.marked_unread.set(marked, patch.as_of, origin);
        }
        if let Some(count) = patch.unread_count {
            self.unread_count = count;
        }
        if let Some(place) = patch.read_to.clone() {
            self.read_to = Some(place.or_further(self.read_to.take()));
        }
        if let Some((address, as_of)) = &patch.address {
            self.spoken_of(address, *as_of);
        }
        if let Some(read) = patch.read
            && self.marked_unread.set(!read, patch.as_of, origin)
            && read
        {
            self.unread_count = 0;
        }
        if patch.contact_removed {
            self.names.contact = None;
        }
        self.names.learn(&patch.names);
        if let Some(place) = patch.emptied_to.clone() {
            self.horizon = Some(place.clone().or_further(self.horizon.take()));
            self.emptied = Some(place.or_further(self.emptied.take()));
            self.last_message = patch.last_message;
        } else if let Some(message) = patch.last_message
            && self.last_message.is_none_or(|known| message.at >= known.at)
        {
            self.last_message = Some(message);
        }
        self.pending = patch.pending.unwrap_or(self.pending);
        self.refused = patch.refused.unwrap_or(self.refused);
        let mut changed = self.differs_from(&before);
        if let Some(jid) = patch.moved_to.clone().filter(|jid| *jid != before.jid) {
            // Nobody is to be told anything under the old one any more.
            if let Some(address) = self.address.as_mut().filter(|address| address.value == before.jid) {
                address.value = jid.clone();
            }
            self.jid = jid;
            changed = self.differs_from(&before).with(ChatField::Aliases);
        }
        if patch.rewritten.is_some() && self.last_message.and_then(|last| last.id) == patch.rewritten {
            changed.insert(ChatField::LastMessage);
        }
        (!changed.is_empty()).then(|| self.change(ChangeKind::Updated, changed, at, origin))
    }

    /// The change that announces this chat as new. The chat has to be stored after this.
    #[must_use]
    pub fn created(&mut self, at: i64, origin: Origin) -> Change {
        let replaces = self.replaces;
        Change { replaces, ..self.change(ChangeKind::Created, ChatFields::default(), at, origin) }
    }

    /// The change that tells that this chat is gone.
    #[must_use]
    pub fn deleted(&self, at: i64, origin: Origin) -> Change {
        self.clone().change(ChangeKind::Deleted, ChatFields::default(), at, origin)
    }

    /// Makes a change, and raises the revision: the one place that does either.
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

    /// The change that tells that an address more finds this chat, which was `before`, or that it took over another one.
    /// The chat has to be stored after this.
    #[must_use]
    pub fn joined(&mut self, before: &Self, at: i64, origin: Origin) -> Change {
        let changed = self.differs_from(before).with(ChatField::Aliases);
        self.change(ChangeKind::Updated, changed, at, origin)
    }

    fn differs_from(&self, before: &Self) -> ChatFields {
        let differs = [
            (ChatField::Jid, self.jid != before.jid),
            (ChatField::Name, self.name() != before.name()),
            (ChatField::Archived, self.archived.value != before.archived.value),
            (ChatField::Pinned, self.pinned.value != before.pinned.value),
            (ChatField::MutedUntil, self.muted_until.value != before.muted_until.value),
            (ChatField::UnreadCount, self.unread_count != before.unread_count),
            (ChatField::MarkedUnread, self.marked_unread.value != before.marked_unread.value),
            (ChatField::LastMessage, self.last_message != before.last_message),
            (ChatField::Sync, (self.pending, self.refused) != (before.pending, before.refused)),
        ];
        differs.into_iter().filter_map(|(field, differs)| differs.then_some(field)).collect()
    }

    /// The value a setting has now, as a pending action keeps it.
    #[must_use]
    pub fn setting(&self, setting: Setting) -> Desired {
        match setting {
            Setting::Archived => Desired::Archived(self.archived.value),
            Setting::Pinned => Desired::Pinned(self.pinned.value),
            Setting::MutedUntil => Desired::MutedUntil(self.muted_until.value),
            Setting::Read => Desired::Read(self.unread_count == 0 && !self.marked_unread.value),
        }
    }

    /// Whether the setting is so already. A chat with unread messages is neither read nor marked as unread.
    #[must_use]
    pub fn has(&self, desired: Desired) -> bool {
        match desired {
            Desired::Read(false) => self.marked_unread.value,
            desired => self.setting(desired.setting()) == desired,
        }
    }

    /// What WhatsApp has of a setting for which nothing waits, and WhatsApp's time of it. Whether the chat is read is
    /// the mark alone here; the count goes back by itself ([`PendingAction::unread`]).
    ///
    /// [`PendingAction::unread`]: super::action::PendingAction::unread
    #[must_use]
    pub fn base(&self, setting: Setting) -> (Desired, i64) {
        match setting {
            Setting::Archived => (Desired::Archived(self.archived.value), self.archived.as_of),
            Setting::Pinned => (Desired::Pinned(self.pinned.value), self.pinned.as_of),
            Setting::MutedUntil => (Desired::MutedUntil(self.muted_until.value), self.muted_until.as_of),
            Setting::Read => (Desired::Read(!self.marked_unread.value), self.marked_unread.as_of),
        }
    }

    /// Notes the address under which WhatsApp spoke of the chat. Of two of the same time the LID counts, whichever came
    /// first: who has one is on the way to it.
    pub(super) fn spoken_of(&mut self, address: &Jid, as_of: i64) {
        let rank = |jid: &Jid| jid.kind() == JidKind::Lid;
        let newer =
            self.address.as_ref().is_none_or(|known| (as_of, rank(address)) > (known.as_of, rank(&known.value)));
        if newer {
            self.address = Some(Box::new(Dated { value: address.clone(), as_of }));
        }
    }

    /// The address to tell WhatsApp settings under: the one that it used last.
    #[must_use]
    pub fn sending_address(&self) -> &Jid {
        self.address.as_ref().map_or(&self.jid, |address| &address.value)
    }

    /// How many are unread once all up to a further place is read: of the stored messages `before` lay behind the old
    /// place, and `after` lie behind the new one, which covers `all` that is known of the chat or not. Some of the unread
    /// ones may not be stored; those are older than the stored ones, and read with the first of them.
    #[must_use]
    pub fn unread_after(&self, before: u32, after: u32, all: bool) -> u32 {
        if after < before || all { self.unread_count.min(after) } else { self.unread_count }
    }

    /// Whether the message was read before it arrived.
    #[must_use]
    pub fn has_read(&self, message: &IncomingMessage) -> bool {
        self.read_to.as_ref().is_some_and(|place| place.covers(message))
    }

    /// Whether the message is one that was known when the chat was deleted.
    #[must_use]
    pub fn knows(&self, message: &IncomingMessage) -> bool {
        self.horizon.as_ref().is_some_and(|horizon| horizon.covers(message))
    }
}

#[cfg(test)]
mod tests;
