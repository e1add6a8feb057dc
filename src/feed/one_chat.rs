//! Following one chat, by whatever address, also when it turns out to be another one.

use std::collections::BTreeSet;

use crate::domain::change::Change;
use crate::domain::change::ChangeKind;
use crate::domain::change::ChatField;
use crate::domain::id::ChatId;
use crate::domain::jid::Jid;
use crate::domain::jid::JidKind;

/// The chat that a subscriber follows: what its addresses find, now and later.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OneChat {
    /// The addresses that are known to find it.
    addresses: BTreeSet<Jid>,
    /// The chats that were found by them, those of several sessions perhaps.
    chats: BTreeSet<ChatId>,
}

impl OneChat {
    /// Follows the chats of these addresses.
    #[must_use]
    pub fn new(chats: impl IntoIterator<Item = ChatId>, addresses: impl IntoIterator<Item = Jid>) -> Self {
        Self { addresses: addresses.into_iter().collect(), chats: chats.into_iter().collect() }
    }

    /// Whether the change is one of the chat.
    pub(super) fn is_changed_by(&mut self, change: &Change) -> bool {
        let replaced = change.replaces.is_some_and(|replaced| self.chats.contains(&replaced));
        let is_it = replaced || self.chats.contains(&change.chat) || self.addresses.contains(&change.cid);
        if is_it {
            self.chats.insert(change.chat);
            self.chats.extend(change.merged_into);
        }
        is_it
    }

    /// Whether the changed chat may go by one of the addresses beside its canonical one since this change. A person's chat
    /// is kept under the number, so it is only who follows a LID that has to look.
    pub(super) fn may_be(&self, change: &Change) -> bool {
        let found_anew = change.kind == ChangeKind::Created || change.changed.contains(ChatField::Aliases);
        found_anew
            && change.cid.kind() == JidKind::PhoneNumber
            && self.addresses.iter().any(|jid| jid.kind() == JidKind::Lid)
    }

    /// Takes the chat with these addresses for the one that is followed, if it goes by one that is.
    pub(super) fn is_found_by(&mut self, chat: ChatId, addresses: &[Jid]) -> bool {
        let is_it = addresses.iter().any(|jid| self.addresses.contains(jid));
        if is_it {
            self.chats.insert(chat);
            self.addresses.extend(addresses.iter().cloned());
        }
        is_it
    }
}
