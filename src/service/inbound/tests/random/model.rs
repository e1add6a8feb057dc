//! The true state of a story: people and their numbers, messages, and the state of the phone. It is independent of
//! chatgraph's code.

use std::collections::BTreeMap;

/// People in a story. Those beyond [`NUMBERED`] have no number until they take another person's former number.
pub(super) const PEOPLE: usize = 4;
/// People who have a number from the start.
pub(super) const NUMBERED: usize = 3;
/// Phone numbers that exist.
pub(super) const NUMBERS: usize = 5;
/// A second, in milliseconds.
pub(super) const SECOND: i64 = 1_000;
/// The time at which a story begins, in milliseconds.
pub(super) const BEGIN: i64 = 1_700_000_000_000;

/// The author of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Author {
    Account,
    Person(usize),
}

/// A chat as people see it: a person has one chat, whatever the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    With(usize),
    Group(usize),
}

/// An address, as WhatsApp spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Address {
    Number(usize),
    Lid(usize),
    Group(usize),
    OwnNumber,
    OwnLid,
}

impl Address {
    pub(super) fn text(self) -> String {
        match self {
            Self::Number(number) => format!("1556000000{number}@s.whatsapp.net"),
            Self::Lid(person) => format!("20000000000000{person}@lid"),
            Self::Group(group) => format!("12036300000000000{group}@g.us"),
            Self::OwnNumber => "15550100@s.whatsapp.net".to_owned(),
            Self::OwnLid => "900000000000001@lid".to_owned(),
        }
    }
}

/// A value of a setting on the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Archived(bool),
    Pinned(bool),
    Muted(bool),
    MarkedUnread(bool),
}

/// The end of a mute, in milliseconds.
pub(super) const MUTE_END: i64 = 4_000_000_000_000;

/// A message that was written.
#[expect(clippy::struct_excessive_bools, reason = "independent facts of a message")]
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) id: String,
    pub(super) place: Place,
    pub(super) author: Author,
    pub(super) at: i64,
    pub(super) text: String,
    /// All texts that it has had.
    pub(super) texts: Vec<String>,
    pub(super) edited: Option<i64>,
    pub(super) revoked: bool,
    /// True while the phone has it.
    pub(super) on_phone: bool,
    /// True if it was delivered to the session before it was revoked.
    pub(super) delivered: bool,
    /// True if a client deleted it.
    pub(super) deleted_here: bool,
    /// True if its author was named by LID when it was sent.
    pub(super) by_lid: bool,
    /// True if a receipt named it.
    pub(super) receipt: bool,
}

/// A value and its time in milliseconds; 0 if it was never set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Since<T> {
    pub(super) value: T,
    pub(super) at: i64,
}

/// A chat on the phone.
#[derive(Debug, Clone, Default)]
pub(super) struct PhoneChat {
    pub(super) archived: Since<bool>,
    pub(super) pinned: Since<bool>,
    pub(super) muted: Since<bool>,
    pub(super) marked: Since<bool>,
    /// All messages before this index are read.
    pub(super) read: usize,
    /// The time of the last clearing or deletion, the index of its last message, and true for a deletion.
    pub(super) emptied: Option<(i64, usize, bool)>,
}

/// The true state.
#[derive(Debug, Clone)]
pub(super) struct Truth {
    pub(super) now: i64,
    /// The number of each person.
    pub(super) numbers: Vec<Option<usize>>,
    /// The time at which each person took their number, in milliseconds.
    pub(super) took: Vec<i64>,
    /// All people who have had each number.
    pub(super) owners: Vec<Vec<usize>>,
    pub(super) messages: Vec<Written>,
    pub(super) chats: BTreeMap<Place, PhoneChat>,
}

impl Truth {
    pub(super) fn new() -> Self {
        Self {
            now: BEGIN,
            numbers: (0..PEOPLE).map(|person| (person < NUMBERED).then_some(person)).collect(),
            took: vec![BEGIN; PEOPLE],
            owners: (0..NUMBERS).map(|number| if number < NUMBERED { vec![number] } else { Vec::new() }).collect(),
            messages: Vec::new(),
            chats: BTreeMap::new(),
        }
    }

    /// Writes a message and returns its index.
    pub(super) fn write(&mut self, place: Place, author: Author) -> usize {
        let index = self.messages.len();
        let text = format!("text {index}");
        self.messages.push(Written {
            id: format!("M{index}"),
            place,
            author,
            at: self.now,
            texts: vec![text.clone()],
            text,
            edited: None,
            revoked: false,
            on_phone: true,
            delivered: false,
            deleted_here: false,
            by_lid: false,
            receipt: false,
        });
        let now = self.now;
        let chat = self.chats.entry(place).or_default();
        if author == Author::Account {
            chat.read = index + 1;
            chat.marked = Since { value: false, at: now };
        }
        index
    }

    pub(super) fn edit(&mut self, index: usize) {
        let now = self.now;
        let message = &mut self.messages[index];
        message.text = format!("{} edited {now}", message.texts[0]);
        message.texts.push(message.text.clone());
        message.edited = Some(now);
    }

    /// Reads a chat up to the message with this index, which also removes the mark as unread.
    pub(super) fn read(&mut self, place: Place, index: usize) {
        let at = self.now;
        let chat = self.chats.entry(place).or_default();
        chat.read = chat.read.max(index + 1);
        chat.marked = Since { value: false, at };
    }

    pub(super) fn set(&mut self, place: Place, value: Value) {
        let at = self.now;
        let chat = self.chats.entry(place).or_default();
        match value {
            Value::Archived(value) => chat.archived = Since { value, at },
            Value::Pinned(value) => {
                chat.pinned = Since { value, at };
                // Pinning unarchives the chat.
                if value {
                    chat.archived = Since { value: false, at };
                }
            }
            Value::Muted(value) => chat.muted = Since { value, at },
            Value::MarkedUnread(value) => chat.marked = Since { value, at },
        }
    }

    /// Clears or deletes a chat on the phone, up to its last message.
    pub(super) fn empty(&mut self, place: Place, last: usize, deleted: bool) {
        let at = self.now;
        for message in self.messages.iter_mut().filter(|message| message.place == place) {
            message.on_phone = false;
        }
        let chat = self.chats.entry(place).or_default();
        chat.read = last + 1;
        chat.marked = Since { value: false, at };
        chat.emptied = Some((at, last, deleted));
        if deleted {
            let none = Since { value: false, at };
            (chat.archived, chat.pinned, chat.muted) = (none, none, none);
        }
    }

    /// Gives a number to a person, who gives up the previous one.
    pub(super) fn take_number(&mut self, person: usize, number: usize) {
        self.numbers[person] = Some(number);
        self.took[person] = self.now;
        if !self.owners[number].contains(&person) {
            self.owners[number].push(person);
        }
    }

    pub(super) fn has_owner(&self, number: usize) -> bool {
        self.numbers.contains(&Some(number))
    }

    /// Returns true if the person has had several numbers, or a number that has had several owners.
    pub(super) fn has_moved(&self, person: usize) -> bool {
        let had = |number: &Vec<usize>| number.contains(&person);
        let numbers = self.owners.iter().filter(|owners| had(owners)).count();
        numbers > 1 || self.owners.iter().any(|owners| had(owners) && owners.len() > 1)
    }

    /// Returns true if a conversation under a person's number may be one with the former owner: its messages are no
    /// newer than the change.
    pub(super) fn may_be_of_former_owner(&self, person: usize) -> bool {
        let Some(number) = self.numbers[person] else { return false };
        let last = self.on_phone(Place::With(person)).next_back().map(|index| self.messages[index].at);
        self.owners[number].len() > 1 && last.is_none_or(|last| last <= self.took[person])
    }

    /// The indices of the messages of a chat that the phone has.
    pub(super) fn on_phone(&self, place: Place) -> impl DoubleEndedIterator<Item = usize> + '_ {
        let here = self.messages.iter().enumerate();
        here.filter(move |(_, message)| message.place == place && message.on_phone).map(|(index, _)| index)
    }

    /// The number of unread messages that the phone shows.
    pub(super) fn unread(&self, place: Place) -> usize {
        let read = self.chats.get(&place).map_or(0, |chat| chat.read);
        let counts = |index: &usize| {
            let message = &self.messages[*index];
            *index >= read && message.author != Author::Account && !message.revoked
        };
        self.on_phone(place).filter(counts).count()
    }

    /// The messages of a chat that a client must see.
    pub(super) fn visible(&self, place: Place) -> Vec<&Written> {
        let seen = self.on_phone(place).map(|index| &self.messages[index]);
        seen.filter(|message| !message.deleted_here).collect()
    }
}
