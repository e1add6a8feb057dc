//! Types of the demo's chats.

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
    pub(super) fn direct(with: Person, last: i64, span: i64, lines: &'static [Line]) -> Self {
        Self::new(With::Person(with), last, span, lines)
    }

    pub(super) fn group(group: Group, last: i64, span: i64, lines: &'static [Line]) -> Self {
        Self::new(With::Group(group), last, span, lines)
    }

    fn new(with: With, last: i64, span: i64, lines: &'static [Line]) -> Self {
        let (archived, pinned, mute, unread, marked_unread) = (false, false, None, 0, false);
        Self { with, last, span, archived, pinned, mute, unread, marked_unread, lines }
    }

    pub(super) fn archived(self) -> Self {
        Self { archived: true, ..self }
    }

    pub(super) fn pinned(self) -> Self {
        Self { pinned: true, ..self }
    }

    pub(super) fn muted(self, mute: Mute) -> Self {
        Self { mute: Some(mute), ..self }
    }

    pub(super) fn unread(self, unread: u32) -> Self {
        Self { unread, ..self }
    }

    pub(super) fn marked_unread(self) -> Self {
        Self { marked_unread: true, ..self }
    }
}
