//! Lists of chats: filters, orders, and the position of each chat.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{
    chat::{Chat, ChatType},
    cursor::CursorKey,
    id::SessionId,
    search::SearchTerm,
};

/// The activity of a named chat without messages: it follows every chat that has a message.
const EMPTY_ACTIVITY: i64 = -1;
/// The activity of a chat of which only settings are known; it is in no list.
const UNLISTED_ACTIVITY: i64 = -2;

/// The order of chats. In every order, chats without a message come last, by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ChatOrder {
    /// Latest activity first, then by id.
    #[default]
    Recent,
    /// Pinned chats first, the most recently pinned one on top, then as in [`ChatOrder::Recent`].
    Inbox,
}

/// A filter of chats; `None` matches every chat.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ChatFilter {
    /// The archived state.
    pub archived: Option<bool>,
    /// The pinned state.
    pub pinned: Option<bool>,
    /// Muted at the time of the request, or not muted.
    pub muted: Option<bool>,
    /// Unread, or read. A chat is unread if it has unread messages or is marked as unread.
    pub unread: Option<bool>,
    /// One of these kinds.
    pub types: Option<BTreeSet<ChatType>>,
    /// The name or phone number contains this text.
    pub search: Option<SearchTerm>,
    /// The last message was sent at this time or later, in milliseconds.
    pub active_after: Option<i64>,
    /// The last message was sent before this time, in milliseconds.
    pub active_before: Option<i64>,
    /// Include chats with a name and no message. They have no activity, so they match no bound on it.
    pub include_empty: bool,
}

impl ChatFilter {
    /// The lowest activity of a listed chat.
    #[must_use]
    pub fn least_activity(&self) -> i64 {
        match self.active_after {
            Some(after) => after.max(0),
            None if self.shows_empty() => EMPTY_ACTIVITY,
            None => 0,
        }
    }

    /// The lowest class of a listed chat.
    #[must_use]
    pub fn least_class(&self) -> InboxClass {
        if self.shows_empty() { InboxClass::Empty } else { InboxClass::Active }
    }

    /// Returns whether the whole list may have to be scanned for few or no chats, because no index covers the filter.
    #[must_use]
    pub fn may_scan(&self) -> bool {
        self.search.is_some() || self.types.is_some() || self.muted.is_some()
    }

    /// Returns whether the list can contain chats without a message.
    #[must_use]
    pub fn shows_empty(&self) -> bool {
        self.include_empty && self.active_after.is_none() && self.active_before.is_none()
    }
}

/// A list of chats.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ChatList {
    /// One session, or all.
    pub session: Option<SessionId>,
    /// The filter.
    pub filter: ChatFilter,
    /// The order.
    pub order: ChatOrder,
}

impl ChatList {
    /// The identity of this list, to which its cursors are bound. Different lists have different texts.
    #[must_use]
    pub fn scope(&self) -> String {
        let Self { session, filter, order } = self;
        let mut scope = match order {
            ChatOrder::Recent => "RECENT".to_owned(),
            // The sort key of pinned chats: a cursor of another sort key is invalid.
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
        // Last, since it is arbitrary text.
        if let Some(search) = search {
            let _ = write!(scope, " search={}", search.as_str());
        }
        scope
    }
}

/// A chat's position in a list, the greatest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChatKey {
    /// The class in the order INBOX; 0 in the order RECENT, which has no classes.
    pub class: i16,
    /// The rank in the class: [`activity`], or [`inbox_rank`] in the order INBOX.
    pub rank: i64,
    /// The 16 bytes of the id.
    pub id: [u8; 16],
}

impl ChatKey {
    /// The position of `chat` in a list of this order.
    #[must_use]
    pub fn new(chat: &Chat, order: ChatOrder) -> Self {
        let (class, rank) = match order {
            ChatOrder::Recent => (0, activity(chat)),
            ChatOrder::Inbox => (InboxClass::new(chat) as i16, inbox_rank(chat)),
        };
        Self { class, rank, id: chat.id.bytes() }
    }

    /// The position before every chat with this class and rank, and behind all greater ones.
    #[must_use]
    pub fn least(class: i16, rank: i64) -> Self {
        Self { class, rank, id: [0; 16] }
    }
}

impl CursorKey for ChatKey {
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

/// The classes of the order INBOX, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i16)]
pub enum InboxClass {
    /// Only settings are known.
    Unlisted = 0,
    /// A name, and no message.
    Empty = 1,
    /// A message.
    Active = 2,
    /// A message, and pinned.
    Pinned = 3,
}

impl InboxClass {
    /// The chat's class.
    #[must_use]
    pub fn new(chat: &Chat) -> Self {
        match activity(chat) {
            UNLISTED_ACTIVITY => Self::Unlisted,
            EMPTY_ACTIVITY => Self::Empty,
            _ if chat.settings.pinned.value => Self::Pinned,
            _ => Self::Active,
        }
    }
}

/// The time of the last message in milliseconds. Without a message it is negative: -1 with a name, -2 without.
#[must_use]
pub fn activity(chat: &Chat) -> i64 {
    match chat.last_message {
        Some(message) => message.at.max(0),
        None if chat.names.display_name().is_some() => EMPTY_ACTIVITY,
        None => UNLISTED_ACTIVITY,
    }
}

/// The rank of a chat in its class in the order INBOX: the pin time if it is pinned, else its activity.
#[must_use]
pub fn inbox_rank(chat: &Chat) -> i64 {
    if InboxClass::new(chat) == InboxClass::Pinned { chat.settings.pinned.as_of } else { activity(chat) }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{chat::LastMessage, id::ChatId},
        *,
    };

    fn chat(at: Option<i64>, pinned: bool, name: Option<&str>) -> Chat {
        let jid = "15550100@s.whatsapp.net".parse().expect("a JID");
        let mut chat = Chat::new(ChatId::new(1), SessionId::new(1), jid, 1);
        chat.last_message = at.map(|at| LastMessage { id: None, at });
        chat.settings.pinned.value = pinned;
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
        let keys = chats.each_ref().map(|chat| ChatKey::new(chat, ChatOrder::Inbox));
        assert!(keys.is_sorted_by(|a, b| a > b), "{keys:?}");
        let keys = chats[1..].iter().map(|chat| ChatKey::new(chat, ChatOrder::Recent)).collect::<Vec<_>>();
        assert!(keys.is_sorted_by(|a, b| a > b), "{keys:?}");
    }

    #[test]
    fn chats_pinned_later_come_first_whatever_messages_arrive() {
        let pinned = |as_of, at| {
            let mut chat = chat(Some(at), true, None);
            chat.settings.pinned.as_of = as_of;
            ChatKey::new(&chat, ChatOrder::Inbox)
        };
        assert!(pinned(20, 1) > pinned(10, 99));
        assert_eq!(pinned(20, 1).rank, pinned(20, 99).rank);
    }

    #[test]
    fn a_key_reads_back() {
        let key = ChatKey::new(&chat(Some(5), true, None), ChatOrder::Inbox);
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
            ChatFilter { search: SearchTerm::new("archived=1").ok(), ..ChatFilter::default() },
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
