//! The deliveries to the session and their possible orders. Messages of one chat keep their order. So do settings and
//! reports of a number's owner. All other deliveries may overtake each other.

use super::model::{Address, Place, Value};

/// A position among the messages of a chat.
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
    /// The time of the last edit, as a history reports it.
    pub(super) edited: Option<i64>,
    /// True if it was revoked, as a history reports it.
    pub(super) revoked: bool,
}

/// A chat in a history.
#[derive(Debug, Clone)]
pub(super) struct HistoryPart {
    pub(super) chat: Address,
    pub(super) archived: bool,
    /// The time of pinning, in milliseconds.
    pub(super) pinned: Option<i64>,
    pub(super) muted: bool,
    pub(super) marked: bool,
    pub(super) unread: usize,
    pub(super) last_at: Option<i64>,
    /// The newest first.
    pub(super) messages: Vec<Envelope>,
}

/// A delivery by WhatsApp.
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
    /// The time is 0 if unknown.
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

/// Deliveries with the same key keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Chat(Place),
    Settings,
    /// A number, for settings and for its LID: a change of number is delivered before deliveries that follow from it.
    Owner(Address),
}

/// A delivery that is due later.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) delivery: Delivery,
    /// A fact that is delivered just before.
    pub(super) fact: Option<Delivery>,
    /// The people concerned, by the addresses that it names.
    pub(super) about: Vec<(usize, Address)>,
    pub(super) keys: Vec<Key>,
    /// True if it could not be decrypted at first.
    pub(super) retried: bool,
    pub(super) due: usize,
}

impl Pending {
    /// Returns true if it is delivered although the link ends: addresses of a person, and deletions on the phone.
    fn is_settled(&self) -> bool {
        matches!(self.delivery, Delivery::SamePerson { .. } | Delivery::NumberChanged { .. } | Delivery::Emptied { .. })
    }
}

/// Deliveries that are due later, in the order in which WhatsApp accepted them.
#[derive(Debug, Clone, Default)]
pub(super) struct Schedule {
    pending: Vec<Pending>,
}

impl Schedule {
    /// Adds a delivery, which is due no sooner than the earlier ones that share a key.
    pub(super) fn push(&mut self, mut pending: Pending) {
        let before = self.pending.iter().filter(|other| share(&other.keys, &pending.keys)).map(|other| other.due).max();
        pending.due = pending.due.max(before.unwrap_or(0));
        self.pending.push(pending);
    }

    /// Returns true if a delivery with this key is scheduled.
    pub(super) fn has(&self, key: Key) -> bool {
        self.pending.iter().any(|pending| pending.keys.contains(&key))
    }

    /// Removes and returns the deliveries that are due.
    pub(super) fn due(&mut self, tick: usize) -> Vec<Pending> {
        let (mut due, later): (Vec<_>, Vec<_>) = self.pending.drain(..).partition(|pending| pending.due <= tick);
        self.pending = later;
        due.sort_by_key(|pending| pending.due);
        due
    }

    /// Returns true if a change of this number is scheduled.
    pub(super) fn changes(&self, number: Address) -> bool {
        let names = |pending: &Pending| match &pending.delivery {
            Delivery::NumberChanged { old, new, .. } => *new == number || old.contains(&number),
            _ => false,
        };
        self.pending.iter().any(names)
    }

    /// Removes and returns all deliveries of addresses and deletions, retried ones, messages of this chat, and all that
    /// must precede those.
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

    /// Discards all scheduled deliveries.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
    }
}

fn share(one: &[Key], other: &[Key]) -> bool {
    one.iter().any(|key| other.contains(key))
}
