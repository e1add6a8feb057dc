//! Lists of chats: which chats are in one, in which order, and where each stands.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::chat::Chat;
use super::chat::ChatType;
use super::cursor::Key;
use super::id::SessionId;
use super::search::Search;

/// The activity of a chat that has a name and no message: it stands behind all that have one.
const EMPTY: i64 = -1;
/// The activity of a chat of which nothing but settings is known: no list shows it.
const UNLISTED: i64 = -2;

/// In which order chats are listed. Chats without a message come last in every order, by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ChatOrder {
    /// Latest activity first, then by id.
    #[default]
    Recent,
    /// Pinned first, the one pinned last on top, then as [`ChatOrder::Recent`].
    Inbox,
}

/// Which chats are listed; what is not set does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ChatFilter {
    /// Archived or not.
    pub archived: Option<bool>,
    /// Pinned or not.
    pub pinned: Option<bool>,
    /// Muted at the moment of the listing or not.
    pub muted: Option<bool>,
    /// With unread messages or marked as unread, or neither.
    pub unread: Option<bool>,
    /// Of one of these kinds.
    pub types: Option<BTreeSet<ChatType>>,
    /// With this in the name or phone number.
    pub search: Option<Search>,
    /// With a last message at this time or later, in milliseconds.
    pub active_after: Option<i64>,
    /// With a last message before this time, in milliseconds.
    pub active_before: Option<i64>,
    /// Also those with a name and no message; they have no activity, so none of them is within bounds of it.
    pub include_empty: bool,
}

impl ChatFilter {
    /// The least activity of a listed chat.
    #[must_use]
    pub fn least_activity(&self) -> i64 {
        match self.active_after {
            Some(after) => after.max(0),
            None if self.shows_empty() => EMPTY,
            None => 0,
        }
    }

    /// The least class of a listed chat.
    #[must_use]
    pub fn least_class(&self) -> InboxClass {
        if self.shows_empty() { InboxClass::Empty } else { InboxClass::Active }
    }

    /// Whether the list may have to be walked from end to end for a few chats, or none: no index leads to those.
    #[must_use]
    pub fn may_walk(&self) -> bool {
        self.search.is_some() || self.types.is_some() || self.muted.is_some()
    }

    /// Whether chats without a message may be in the list.
    #[must_use]
    pub fn shows_empty(&self) -> bool {
        self.include_empty && self.active_after.is_none() && self.active_before.is_none()
    }
}

/// A list of chats.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ChatList {
    /// Of one session, or of all.
    pub session: Option<SessionId>,
    /// Which.
    pub filter: ChatFilter,
    /// In which order.
    pub order: ChatOrder,
}

impl ChatList {
    /// What cursors of this list are bound to: the same text for the same list, another for any other.
    #[must_use]
    pub fn scope(&self) -> String {
        let Self { session, filter, order } = self;
        let mut scope = match order {
            ChatOrder::Recent => "RECENT".to_owned(),
            // Says by what pinned chats are ordered: a cursor of another order is invalid.
            ChatOrder::Inbox => "INBOX by pin time".to_owned(),
        };
        if let Some(session) = session {
            let _ = write!(scope, " session={session}");
        }
        let ChatFilter { archived, pinned, muted, unread, types, search, active_after, active_before, .. } = filter;
        let flags = [("archived", archived), ("pinned", pinned), ("muted", muted), ("unread", unread)];
        let bounds = [("activeAfter", active_after), ("activeBefore", active_before)];
        let flags = flags.into_iter().filter_map(|(name, flag)| Some((name, i64::from((*flag)?))));
        let bounds = bounds.into_iter().filter_map(|(name, bound)| Some((name, (*bound)?)));
        for (name, value) in flags.chain(bounds) {
            let _ = write!(scope, " {name}={value}");
        }
        if filter.include_empty {
            scope.push_str(" includeEmpty");
        }
        if let Some(types) = types {
            let _ = write!(scope, " type={types:?}");
        }
        // Last, since it may look like anything.
        if let Some(search) = search {
            let _ = write!(scope, " search={}", search.as_str());
        }
        scope
    }
}

/// Where a chat stands in a list, the greatest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChatKey {
    /// Its class in the order INBOX; 0 in the order RECENT, which has none.
    pub class: i16,
    /// Its place in its class: [`activity`], or [`inbox_rank`] in the order INBOX.
    pub rank: i64,
    /// Its id's 16 bytes.
    pub id: [u8; 16],
}

impl ChatKey {
    /// Where `chat` stands in a list of this order.
    #[must_use]
    pub fn of(chat: &Chat, order: ChatOrder) -> Self {
        let (class, rank) = match order {
            ChatOrder::Recent => (0, activity(chat)),
            ChatOrder::Inbox => (InboxClass::of(chat) as i16, inbox_rank(chat)),
        };
        Self { class, rank, id: chat.id.bytes() }
    }

    /// Before every chat whose key has this class and rank, and behind all greater ones.
    #[must_use]
    pub fn least(class: i16, rank: i64) -> Self {
        Self { class, rank, id: [0; 16] }
    }
}

impl Key for ChatKey {
    fn to_bytes(self) -> Vec<u8> {
        [&self.class.to_be_bytes()[..], &self.rank.to_be_bytes(), &self.id].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (class, rest) = bytes.split_first_chunk()?;
        let (rank, id) = rest.split_first_chunk()?;
        let (class, rank) = (i16::from_be_bytes(*class), i64::from_be_bytes(*rank));
        Some(Self { class, rank, id: id.try_into().ok()? })
    }
}

/// What is listed first in the order INBOX, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i16)]
pub enum InboxClass {
    /// Nothing but settings is known.
    Unlisted = 0,
    /// A name and no message.
    Empty = 1,
    /// With a message.
    Active = 2,
    /// With a message, and pinned.
    Pinned = 3,
}

impl InboxClass {
    /// The chat's class.
    #[must_use]
    pub fn of(chat: &Chat) -> Self {
        match activity(chat) {
            UNLISTED => Self::Unlisted,
            EMPTY => Self::Empty,
            _ if chat.pinned.value => Self::Pinned,
            _ => Self::Active,
        }
    }
}

/// When there was a message last, in milliseconds. Without one, less than 0: -1 with a name, -2 without.
#[must_use]
pub fn activity(chat: &Chat) -> i64 {
    match chat.last_message {
        Some(message) => message.at.max(0),
        None if chat.names.shown().is_some() => EMPTY,
        None => UNLISTED,
    }
}

/// Where a chat stands in its class in the order INBOX: by the time of pinning if it is pinned, else by its activity.
#[must_use]
pub fn inbox_rank(chat: &Chat) -> i64 {
    if InboxClass::of(chat) == InboxClass::Pinned { chat.pinned.as_of } else { activity(chat) }
}

#[cfg(test)]
mod tests {
    use super::super::chat::LastMessage;
    use super::super::id::ChatId;
    use super::*;

    fn chat(at: Option<i64>, pinned: bool, name: Option<&str>) -> Chat {
        let jid = "15550100@s.whatsapp.net".parse().expect("a JID");
        let mut chat = Chat::new(ChatId::new(1), SessionId::new(1), jid, 1);
        chat.last_message = at.map(|at| LastMessage { id: None, at });
        chat.pinned.value = pinned;
        chat.names.contact = name.map(str::to_owned);
        chat
    }

    #[test]
    fn an_inbox_shows_pinned_chats_first_and_empty_ones_last() {
        let chats = [
            chat(Some(5), true, None),
            chat(Some(9), false, Some("Mei")),
            chat(Some(0), false, None),
            chat(None, true, Some("Olu")),
            chat(None, true, None),
        ];
        let keys = chats.each_ref().map(|chat| ChatKey::of(chat, ChatOrder::Inbox));
        assert!(keys.is_sorted_by(|a, b| a > b), "{keys:?}");
        let keys = chats[1..].iter().map(|chat| ChatKey::of(chat, ChatOrder::Recent)).collect::<Vec<_>>();
        assert!(keys.is_sorted_by(|a, b| a > b), "{keys:?}");
    }

    #[test]
    fn of_pinned_chats_the_one_pinned_last_comes_first_whatever_messages_come() {
        let pinned = |as_of, at| {
            let mut chat = chat(Some(at), true, None);
            chat.pinned.as_of = as_of;
            ChatKey::of(&chat, ChatOrder::Inbox)
        };
        assert!(pinned(20, 1) > pinned(10, 99));
        assert_eq!(pinned(20, 1).rank, pinned(20, 99).rank);
    }

    #[test]
    fn a_key_reads_back() {
        let key = ChatKey::of(&chat(Some(5), true, None), ChatOrder::Inbox);
        assert_eq!(ChatKey::from_bytes(&key.to_bytes()), Some(key));
        assert_eq!(ChatKey::from_bytes(&key.to_bytes()[1..]), None);
    }

    #[test]
    fn every_part_of_a_list_is_part_of_its_scope() {
        let filters = [
            ChatFilter::default(),
            ChatFilter { archived: Some(false), ..ChatFilter::default() },
            ChatFilter { archived: Some(true), ..ChatFilter::default() },
            ChatFilter { pinned: Some(true), ..ChatFilter::default() },
            ChatFilter { muted: Some(true), ..ChatFilter::default() },
            ChatFilter { unread: Some(true), ..ChatFilter::default() },
            ChatFilter { types: Some(BTreeSet::new()), ..ChatFilter::default() },
            ChatFilter { types: Some([ChatType::Dm].into()), ..ChatFilter::default() },
            ChatFilter { search: Search::new("archived=1").ok(), ..ChatFilter::default() },
            ChatFilter { active_after: Some(1), ..ChatFilter::default() },
            ChatFilter { active_before: Some(1), ..ChatFilter::default() },
            ChatFilter { include_empty: true, ..ChatFilter::default() },
        ];
        let mut scopes = BTreeSet::new();
        for session in [None, Some(SessionId::new(1)), Some(SessionId::new(1))] {
            for order in [ChatOrder::Recent, ChatOrder::Inbox] {
                scopes.extend(filters.iter().map(|filter| ChatList { session, filter: filter.clone(), order }.scope()));
            }
        }
        assert_eq!(scopes.len(), 3 * 2 * filters.len());
    }
}
