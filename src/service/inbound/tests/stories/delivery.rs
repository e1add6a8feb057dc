//! What WhatsApp delivers to the session, and in which order it may: the messages of one chat keep their order, and so do
//! settings and what is told of the owner of a number; all else may overtake.

use super::truth::Address;
use super::truth::Place;
use super::truth::Value;

/// A place among the messages of a chat.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) at: i64,
    pub(super) ids: Vec<String>,
}

/// A message as it is delivered.
#[derive(Debug, Clone)]
pub(super) struct Envelope {
    /// The index of the message in the truth.
    pub(super) index: usize,
    pub(super) id: String,
    pub(super) chat: Address,
    pub(super) sender: Address,
    pub(super) from_me: bool,
    pub(super) text: String,
    pub(super) at: i64,
    /// When it was edited last, as a history tells it.
    pub(super) edited: Option<i64>,
    /// Whether it was revoked, as a history tells it.
    pub(super) revoked: bool,
}

/// A chat in a history.
#[derive(Debug, Clone)]
pub(super) struct HistoryPart {
    pub(super) chat: Address,
    pub(super) archived: bool,
    /// When it was pinned, in milliseconds.
    pub(super) pinned: Option<i64>,
    pub(super) muted: bool,
    pub(super) marked: bool,
    pub(super) unread: usize,
    pub(super) last_at: Option<i64>,
    /// The newest first.
    pub(super) messages: Vec<Envelope>,
}

/// Something that WhatsApp delivers.
#[derive(Debug, Clone)]
pub(super) enum Delivery {
    Paired,
    LoggedOut,
    Message(Envelope),
    Edit {
        envelope: Envelope,
        text: String,
        as_of: i64,
    },
    Revocation {
        envelope: Envelope,
    },
    Receipt {
        chat: Option<Address>,
        id: String,
        at: i64,
    },
    Setting {
        chat: Address,
        value: Value,
        as_of: i64,
        up_to: Option<Point>,
        replayed: bool,
    },
    Read {
        chat: Address,
        as_of: i64,
        up_to: Point,
    },
    Emptied {
        chat: Address,
        up_to: Point,
        as_of: i64,
        deleted: bool,
    },
    /// The time is 0 if it is not known.
    SamePerson {
        number: Address,
        lid: Address,
        at: i64,
    },
    NumberChanged {
        old: Vec<Address>,
        new: Address,
        at: i64,
    },
    History {
        people: Vec<(Address, Address)>,
        chats: Vec<HistoryPart>,
    },
}

/// What has to keep its order with others of the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Chat(Place),
    Settings,
    /// A number, for settings and for who has which LID: a change of number is told before what follows from it.
    Owner(Address),
}

/// A delivery on its way.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) delivery: Delivery,
    /// What it says besides, just before.
    pub(super) fact: Option<Delivery>,
    /// The people whom it concerns, by the addresses that it names.
    pub(super) about: Vec<(usize, Address)>,
    pub(super) keys: Vec<Key>,
    /// Whether it could not be decrypted at first.
    pub(super) retried: bool,
    pub(super) due: usize,
}

impl Pending {
    /// Whether it is told although the link ends: who is who, and what the phone deleted.
    fn is_settled(&self) -> bool {
        matches!(self.delivery, Delivery::SamePerson { .. } | Delivery::NumberChanged { .. } | Delivery::Emptied { .. })
    }
}

/// Deliveries on their way, in the order in which WhatsApp took them.
#[derive(Debug, Clone, Default)]
pub(super) struct Schedule {
    pending: Vec<Pending>,
}

impl Schedule {
    /// Takes a delivery, which comes no sooner than those before it that share a key.
    pub(super) fn push(&mut self, mut pending: Pending) {
        let before = self.pending.iter().filter(|other| share(&other.keys, &pending.keys)).map(|other| other.due).max();
        pending.due = pending.due.max(before.unwrap_or(0));
        self.pending.push(pending);
    }

    /// Whether something with this key is on its way.
    pub(super) fn has(&self, key: Key) -> bool {
        self.pending.iter().any(|pending| pending.keys.contains(&key))
    }

    /// Takes out what is due.
    pub(super) fn due(&mut self, tick: usize) -> Vec<Pending> {
        let (mut due, later): (Vec<_>, Vec<_>) = self.pending.drain(..).partition(|pending| pending.due <= tick);
        self.pending = later;
        due.sort_by_key(|pending| pending.due);
        due
    }

    /// Whether a change of this number is on its way.
    pub(super) fn changes(&self, number: Address) -> bool {
        let names = |pending: &Pending| match &pending.delivery {
            Delivery::NumberChanged { old, new, .. } => *new == number || old.contains(&number),
            _ => false,
        };
        self.pending.iter().any(names)
    }

    /// Takes out all that tells who is who or what was deleted, what is retried, messages of this chat, and all that has to
    /// come before those.
    pub(super) fn facts(&mut self, chat: Option<Place>) -> Vec<Pending> {
        let of_chat = |pending: &Pending| chat.is_some_and(|place| pending.keys.contains(&Key::Chat(place)));
        let wanted = |pending: &Pending| pending.is_settled() || pending.retried || of_chat(pending);
        let mut wanted: Vec<_> = self.pending.iter().map(wanted).collect();
        for later in (0..self.pending.len()).rev() {
            if wanted[later] {
                let (earlier, _) = wanted.split_at_mut(later);
                for (wanted, pending) in earlier.iter_mut().zip(&self.pending) {
                    *wanted |= share(&pending.keys, &self.pending[later].keys);
                }
            }
        }
        let mut taken = Vec::new();
        let mut rest = Vec::new();
        for (pending, wanted) in self.pending.drain(..).zip(wanted) {
            if wanted { taken.push(pending) } else { rest.push(pending) }
        }
        self.pending = rest;
        taken.sort_by_key(|pending| pending.due);
        taken
    }

    /// Forgets what was not delivered.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
    }
}

fn share(one: &[Key], other: &[Key]) -> bool {
    one.iter().any(|key| other.contains(key))
}
