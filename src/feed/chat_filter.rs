//! Subscription to one chat by any of its addresses, including after a merge.

use std::collections::BTreeSet;

use crate::domain::{
    change::{Change, ChangeKind, ChatField},
    id::ChatId,
    jid::{Jid, JidKind},
};

/// The chat that a subscriber follows: all chats that its addresses identify, now or later.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FollowedChat {
    /// Addresses known to identify it.
    addresses: BTreeSet<Jid>,
    /// Chats found by these addresses; there can be one in each session.
    chats: BTreeSet<ChatId>,
}

impl FollowedChat {
    /// Follows the chats of these addresses.
    #[must_use]
    pub fn new(chats: impl IntoIterator<Item = ChatId>, addresses: impl IntoIterator<Item = Jid>) -> Self {
        Self { addresses: addresses.into_iter().collect(), chats: chats.into_iter().collect() }
    }

    /// Returns whether the change concerns the chat.
    pub(super) fn matches(&mut self, change: &Change) -> bool {
        let replaced = change.replaces.is_some_and(|replaced| self.chats.contains(&replaced));
        let is_it = replaced || self.chats.contains(&change.chat) || self.addresses.contains(&change.cid);
        if is_it {
            self.chats.insert(change.chat);
            self.chats.extend(change.merged_into);
        }
        is_it
    }

    /// Returns whether the changed chat may have gained one of the addresses as an alias. A person's chat is stored
    /// under the phone number, so only subscribers to a LID need to look the aliases up.
    pub(super) fn may_match(&self, change: &Change) -> bool {
        let found_anew = change.kind == ChangeKind::Created || change.changed.contains(ChatField::Aliases);
        found_anew
            && change.cid.kind() == JidKind::PhoneNumber
            && self.addresses.iter().any(|jid| jid.kind() == JidKind::Lid)
    }

    /// Follows the chat with these addresses from now on if one of them is followed; returns whether it is.
    pub(super) fn resolve(&mut self, chat: ChatId, addresses: &[Jid]) -> bool {
        let is_it = addresses.iter().any(|jid| self.addresses.contains(jid));
        if is_it {
            self.chats.insert(chat);
            self.addresses.extend(addresses.iter().cloned());
        }
        is_it
    }
}
