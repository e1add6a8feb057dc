//! The context of each handler of an inbound event: the unit of work, the session, and the chats in it.

use crate::{
    domain::{
        change::Origin,
        chat::{Chat, ChatPatch},
        id::{ChatId, SessionId},
        jid::Jid,
        peer::{Peer, last_owner},
        tombstone::Tombstone,
    },
    store::{UnitOfWork, error::StoreError},
};

/// The unit of work in which an event is applied, and where the event comes from.
pub(in crate::service) struct InboundContext<'u, 't> {
    pub(in crate::service) unit: &'u mut UnitOfWork<'t>,
    /// The session of the event.
    pub(in crate::service) session: SessionId,
    /// Origin of the changes that the event causes.
    pub(in crate::service) origin: Origin,
}

/// Result of looking up an address in a session.
pub(in crate::service) enum ChatLookup {
    /// A chat.
    Chat(Chat),
    /// The tombstone of a deleted chat.
    Tombstone(Tombstone),
    /// Nothing; this would be the new chat, not stored yet.
    New(Chat),
    /// Nothing, and no chat can be stored: the session was deleted meanwhile.
    SessionGone,
}

/// A locked chat, or one that begins in this unit of work.
pub(in crate::service) struct StoredChat {
    pub(in crate::service) chat: Chat,
    /// True if the chat begins in this unit of work.
    pub(in crate::service) is_new: bool,
}

impl StoredChat {
    /// Wraps a chat that was stored before.
    pub(in crate::service) fn existing(chat: Chat) -> Self {
        Self { chat, is_new: false }
    }
}

impl<'t> InboundContext<'_, 't> {
    /// Returns the time of the unit of work, in milliseconds.
    pub(in crate::service) fn now(&self) -> i64 {
        self.unit.now()
    }

    /// Returns the same context for changes of another origin.
    pub(in crate::service) fn with_origin(&mut self, origin: Origin) -> InboundContext<'_, 't> {
        InboundContext { unit: self.unit, session: self.session, origin }
    }

    /// Looks up the present chat of `jid`. Most events concern an existing chat, which proves that its session exists.
    pub(in crate::service) async fn lookup_chat(&mut self, jid: &Jid) -> Result<ChatLookup, StoreError> {
        if let Some(chat) = self.unit.chat_for_update(self.session, jid).await? {
            return Ok(ChatLookup::Chat(chat));
        }
        if self.unit.session_for_update(self.session).await?.is_none() {
            return Ok(ChatLookup::SessionGone);
        }
        let owner = last_owner(&self.unit.periods(self.session, jid).await?);
        let peer = match owner {
            Some(owner) => self.unit.peer(owner.peer).await?,
            None => None,
        };
        match peer {
            Some(peer) => self.lookup_chat_with(&peer).await,
            None => Ok(ChatLookup::New(self.new_chat(jid.clone()))),
        }
    }

    /// Looks up the chat of `jid` at a time by WhatsApp's clock.
    pub(in crate::service) async fn lookup_chat_when(&mut self, jid: &Jid, at: i64) -> Result<ChatLookup, StoreError> {
        let Some((peer, _)) = self.unit.owner(self.session, jid, at).await? else {
            return self.lookup_chat(jid).await;
        };
        if let Some(chat) = self.unit.chat_with_for_update(&peer).await? {
            return Ok(ChatLookup::Chat(chat));
        }
        if self.unit.session_for_update(self.session).await?.is_none() {
            return Ok(ChatLookup::SessionGone);
        }
        self.lookup_chat_with(&peer).await
    }

    /// Looks up the chat and the peer for a message of time `at` by `jid`. A number without a known owner at that time
    /// belongs to a new peer.
    pub(in crate::service) async fn lookup_chat_at(
        &mut self,
        jid: &Jid,
        at: i64,
    ) -> Result<Option<(Peer, ChatLookup)>, StoreError> {
        if let Some((peer, false)) = self.unit.owner(self.session, jid, at).await? {
            if let Some(chat) = self.unit.chat_with_for_update(&peer).await? {
                return Ok(Some((peer, ChatLookup::Chat(chat))));
            }
            if self.unit.session_for_update(self.session).await?.is_none() {
                return Ok(None);
            }
            let found = self.lookup_chat_with(&peer).await?;
            return Ok(Some((peer, found)));
        }
        if self.unit.session_for_update(self.session).await?.is_none() {
            return Ok(None);
        }
        let peer = self.unit.new_peer(self.session, jid, at).await?;
        let chat = self.new_chat(peer.jid.clone());
        Ok(Some((peer, ChatLookup::New(chat))))
    }

    /// Looks up the chat of a peer; the session must be locked.
    pub(in crate::service) async fn lookup_chat_with(&mut self, peer: &Peer) -> Result<ChatLookup, StoreError> {
        if let Some(chat) = self.unit.chat_with_for_update(peer).await? {
            return Ok(ChatLookup::Chat(chat));
        }
        if let Some(deleted) = self.unit.tombstone_for_update(peer).await? {
            return Ok(ChatLookup::Tombstone(deleted));
        }
        Ok(ChatLookup::New(self.new_chat(peer.jid.clone())))
    }

    fn new_chat(&self, jid: Jid) -> Chat {
        Chat::new(ChatId::new(self.now()), self.session, jid, self.now())
    }

    /// Returns the chat of a peer for its messages: a new chat is inserted, and a deleted one restored. `None` if the
    /// session was deleted.
    pub(in crate::service) async fn open_chat(
        &mut self,
        found: ChatLookup,
        peer: &mut Peer,
    ) -> Result<Option<StoredChat>, StoreError> {
        Ok(match found {
            ChatLookup::Chat(chat) => Some(StoredChat::existing(chat)),
            ChatLookup::New(chat) => {
                self.unit.insert_chat_with(&chat, peer).await?;
                Some(StoredChat { chat, is_new: true })
            }
            ChatLookup::Tombstone(tombstone) => {
                Some(StoredChat { chat: self.restore(tombstone, peer).await?, is_new: true })
            }
            ChatLookup::SessionGone => None,
        })
    }

    /// Restores a deleted chat under a new id; its peer has all the addresses.
    async fn restore(&mut self, tombstone: Tombstone, peer: &mut Peer) -> Result<Chat, StoreError> {
        let before = tombstone.chat.id;
        self.unit.remove_tombstone(before).await?;
        let chat = Chat { jid: peer.jid.clone(), ..tombstone.revive(ChatId::new(self.now()), self.now()) };
        self.unit.insert_chat_with(&chat, peer).await?;
        self.unit.move_deleted_unread(before, chat.id).await?;
        Ok(chat)
    }

    /// Stores the state with which a deleted chat will come back, without publishing a change.
    pub(in crate::service) async fn update_tombstone(
        &mut self,
        mut tombstone: Tombstone,
        patch: &ChatPatch,
    ) -> Result<(), StoreError> {
        let _unpublished = tombstone.chat.apply(patch, self.now(), self.origin);
        self.unit.save_tombstone(&tombstone).await
    }

    /// Applies `patch`, stores the chat and records the change. A new chat is inserted.
    pub(in crate::service) async fn apply(
        &mut self,
        StoredChat { mut chat, is_new }: StoredChat,
        patch: &ChatPatch,
    ) -> Result<(), StoreError> {
        let before = chat.clone();
        let change = chat.apply(patch, self.now(), self.origin);
        if is_new {
            let created = chat.created(self.now(), self.origin);
            self.unit.insert_chat(&chat).await?;
            self.unit.record(created);
            return Ok(());
        }
        // The time of a setting may change without its value.
        if chat != before {
            self.unit.save_chat(&chat).await?;
        }
        if let Some(change) = change {
            self.unit.record(change);
        }
        Ok(())
    }

    /// Applies `patch` to a chat from [`Self::open_chat`], saves it and records the change. Returns the chat.
    pub(in crate::service) async fn apply_opened(
        &mut self,
        StoredChat { mut chat, is_new }: StoredChat,
        patch: &ChatPatch,
    ) -> Result<Chat, StoreError> {
        let updated = chat.apply(patch, self.now(), self.origin);
        let change = if is_new { Some(chat.created(self.now(), self.origin)) } else { updated };
        self.unit.save_chat(&chat).await?;
        if let Some(change) = change {
            self.unit.record(change);
        }
        Ok(chat)
    }
}
