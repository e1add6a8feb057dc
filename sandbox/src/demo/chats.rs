//! The chats of the demo account, by topic.
//!
//! A chat is given by its lines. Their times follow from two numbers: the minutes since the last line, and the minutes
//! between the first line and the last. Add a chat to the list of its file.

mod community;
mod customers;
mod family;
mod groups;
mod suppliers;
mod team;

pub(super) use groups::*;

use super::people::Person;

pub(super) const HOUR: i64 = 60;
pub(super) const DAY: i64 = 24 * HOUR;

/// An author and a line.
pub(super) type Line = (Person, &'static str);

/// A group and its members besides the owner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) jid: &'static str,
    pub(super) subject: &'static str,
    pub(super) members: &'static [Person],
}

/// Peer of a chat.
#[derive(Debug, Clone, Copy)]
pub(super) enum With {
    Person(Person),
    Group(Group),
}

/// Mute of a chat.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mute {
    Forever,
    Minutes(i64),
}

/// A chat with its lines, oldest first.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) with: With,
    /// Minutes since the last line.
    pub(super) last: i64,
    /// Minutes between the first line and the last.
    pub(super) span: i64,
    pub(super) archived: bool,
    pub(super) pinned: bool,
    pub(super) mute: Option<Mute>,
    /// Number of unread lines at the end.
    pub(super) unread: u32,
    pub(super) marked_unread: bool,
    pub(super) lines: &'static [Line],
}

impl Chat {
    fn direct(with: Person, last: i64, span: i64, lines: &'static [Line]) -> Self {
        Self::new(With::Person(with), last, span, lines)
    }

    fn group(group: Group, last: i64, span: i64, lines: &'static [Line]) -> Self {
        Self::new(With::Group(group), last, span, lines)
    }

    fn new(with: With, last: i64, span: i64, lines: &'static [Line]) -> Self {
        let (archived, pinned, mute, unread, marked_unread) = (false, false, None, 0, false);
        Self { with, last, span, archived, pinned, mute, unread, marked_unread, lines }
    }

    fn archived(self) -> Self {
        Self { archived: true, ..self }
    }

    fn pinned(self) -> Self {
        Self { pinned: true, ..self }
    }

    fn muted(self, mute: Mute) -> Self {
        Self { mute: Some(mute), ..self }
    }

    fn unread(self, unread: u32) -> Self {
        Self { unread, ..self }
    }

    fn marked_unread(self) -> Self {
        Self { marked_unread: true, ..self }
    }
}

/// Every chat of the demo account.
pub(super) fn all() -> Vec<Chat> {
    [family::chats(), team::chats(), suppliers::chats(), customers::chats(), community::chats()]
        .into_iter()
        .flatten()
        .collect()
}
