//! Cache of many chats in a unit. A part of a history addresses many chats: they are loaded with a few statements, kept
//! in the unit while it works on one after the other, and stored with a few more. The rules of a chat do not depend on
//! it: the methods of `UnitOfWork` for chats, messages and people read from the cache, and their writes wait there.
//!
//! Complex chats bypass the cache and are read from the database: deleted ones, those about to be merged, and those
//! with many messages. Any other query that the cache cannot answer flushes it first. A method of `UnitOfWork` that
//! uses chats, their addresses or their messages must query the cache, or start with `UnitOfWork::flush`.

mod flush;
mod load;
mod messages;

use std::collections::HashMap;

use chatgraph_entity::message;

use crate::domain::{
    chat::Chat,
    id::{ChatId, PeerId, SessionId},
    jid::Jid,
    peer::{Peer, Period},
    person::Person,
    session::Session,
};

pub(super) use messages::Messages;

/// Cached data of the addresses of a session.
pub(super) struct UnitCache {
    session: Session,
    chats: Vec<CachedChat>,
    places: HashMap<ChatId, usize>,
    /// All periods of the requested addresses, and of the other addresses of their peers.
    periods: HashMap<Jid, Vec<Period>>,
    peers: HashMap<PeerId, CachedPeer>,
    of_chats: HashMap<ChatId, PeerId>,
    /// New periods and messages.
    addresses: Vec<Period>,
    rows: Vec<message::ActiveModel>,
}

/// A peer, and the state of its row.
struct CachedPeer {
    peer: Peer,
    row: RowState,
    addresses: Vec<Jid>,
}

/// State of a peer's chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// The chat bypasses the cache: it is deleted, or has many messages.
    NotCached,
    /// The peer has neither a chat nor a tombstone.
    Empty,
    /// The cached chat at this index.
    Chat(usize),
}

/// A chat, and the state of its row.
struct CachedChat {
    chat: Chat,
    row: RowState,
    messages: Messages,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowState {
    New,
    Changed,
    Same,
}

impl RowState {
    fn changed(&mut self) {
        if *self == Self::Same {
            *self = Self::Changed;
        }
    }
}

/// Answer of the cache.
pub(super) enum Lookup<T> {
    /// A cached result.
    Hit(T),
    /// Ask the database; the cache has no changes that concern it.
    NotCached,
    /// Ask the database after a flush.
    FlushFirst,
}

impl UnitCache {
    pub(super) fn session(&self, id: SessionId) -> Lookup<Option<Session>> {
        if self.session.id == id { Lookup::Hit(Some(self.session.clone())) } else { Lookup::FlushFirst }
    }

    /// Returns all periods of an address.
    pub(super) fn periods(&self, session: SessionId, jid: &Jid) -> Lookup<Vec<Period>> {
        match self.periods.get(jid).filter(|_| session == self.session.id) {
            Some(periods) => Lookup::Hit(periods.clone()),
            None => Lookup::FlushFirst,
        }
    }

    /// Returns all periods of a peer's addresses.
    pub(super) fn periods_of(&self, peer: PeerId) -> Lookup<Vec<Period>> {
        let Some(kept) = self.peers.get(&peer) else { return Lookup::FlushFirst };
        let all = kept.addresses.iter().filter_map(|jid| self.periods.get(jid)).flatten();
        Lookup::Hit(all.filter(|period| period.peer == peer).cloned().collect())
    }

    pub(super) fn peer(&self, id: PeerId) -> Lookup<Option<Peer>> {
        match self.peers.get(&id) {
            Some(kept) => Lookup::Hit(Some(kept.peer.clone())),
            None => Lookup::FlushFirst,
        }
    }

    /// Returns the peer of this chat; a chat that is not cached belongs to no cached peer.
    pub(super) fn peer_of_chat(&self, chat: ChatId) -> Lookup<Peer> {
        match self.of_chats.get(&chat).and_then(|id| self.peers.get(id)) {
            Some(kept) => Lookup::Hit(kept.peer.clone()),
            None => Lookup::NotCached,
        }
    }

    /// Returns the people whose addresses are not known to belong to the same peer at present.
    pub(super) fn new_people(&self, session: SessionId, people: &[Person]) -> Lookup<Vec<Person>> {
        let mut new = Vec::new();
        for person in people {
            let [Some(phone), Some(lid)] = [&person.phone, &person.lid].map(|jid| self.periods.get(jid)) else {
                return Lookup::FlushFirst;
            };
            let owner = |periods: &[Period]| periods.last().filter(|it| it.until.is_none()).map(|it| it.peer);
            let known = owner(lid).is_some() && owner(lid) == owner(phone);
            if !known {
                new.push(person.clone());
            }
        }
        if session == self.session.id { Lookup::Hit(new) } else { Lookup::FlushFirst }
    }

    /// Adds a new peer with its address.
    pub(super) fn add_peer(&mut self, session: SessionId, peer: &Peer, period: &Period) -> Lookup<()> {
        // As `add_period` requires: a cached peer must not be stored twice.
        let last = self.periods.get(&period.jid).map(|periods| periods.last());
        let is_last = last.is_some_and(|last| last.is_none_or(|last| last.from < period.from));
        if session != self.session.id || !is_last {
            return Lookup::FlushFirst;
        }
        self.peers.insert(peer.id, CachedPeer { peer: peer.clone(), row: RowState::New, addresses: Vec::new() });
        self.add_period(session, period)
    }

    /// Adds another address of a peer.
    pub(super) fn add_period(&mut self, session: SessionId, period: &Period) -> Lookup<()> {
        let (Some(kept), Some(periods)) = (self.peers.get_mut(&period.peer), self.periods.get_mut(&period.jid)) else {
            return Lookup::FlushFirst;
        };
        if session != self.session.id || periods.last().is_some_and(|last| last.from >= period.from) {
            return Lookup::FlushFirst;
        }
        kept.addresses.push(period.jid.clone());
        periods.push(period.clone());
        self.addresses.push(period.clone());
        Lookup::Hit(())
    }

    /// Updates a peer.
    pub(super) fn save_peer(&mut self, peer: &Peer) -> Lookup<()> {
        let Some(kept) = self.peers.get_mut(&peer.id) else { return Lookup::FlushFirst };
        if kept.peer != *peer {
            kept.row.changed();
            if let Some(chat) = kept.peer.chat {
                self.of_chats.remove(&chat);
            }
            if let Some(chat) = peer.chat {
                self.of_chats.insert(chat, peer.id);
            }
            kept.peer = peer.clone();
        }
        Lookup::Hit(())
    }

    /// Returns the current chat of an address.
    pub(super) fn chat(&self, session: SessionId, jid: &Jid) -> Lookup<Option<Chat>> {
        match self.periods.get(jid).filter(|_| session == self.session.id) {
            Some(periods) => match periods.last() {
                Some(last) => self.chat_with(last.peer),
                None => Lookup::Hit(None),
            },
            None => Lookup::FlushFirst,
        }
    }

    /// Returns the chat of a peer.
    pub(super) fn chat_with(&self, peer: PeerId) -> Lookup<Option<Chat>> {
        match self.place(peer) {
            Some(Slot::Chat(place)) => Lookup::Hit(Some(self.chats[place].chat.clone())),
            Some(Slot::Empty) => Lookup::Hit(None),
            Some(Slot::NotCached) => Lookup::NotCached,
            None => Lookup::FlushFirst,
        }
    }

    /// Returns whether a peer has no deleted chat; those bypass the cache.
    pub(super) fn is_not_deleted(&self, peer: PeerId) -> Lookup<()> {
        match self.place(peer) {
            Some(Slot::Chat(_) | Slot::Empty) => Lookup::Hit(()),
            Some(Slot::NotCached) => Lookup::NotCached,
            None => Lookup::FlushFirst,
        }
    }

    /// Adds a new chat of a peer, which is saved with it.
    pub(super) fn add_chat(&mut self, chat: &Chat, peer: PeerId) -> Lookup<()> {
        match self.place(peer) {
            Some(Slot::Empty) if chat.session == self.session.id => {}
            Some(Slot::NotCached) => return Lookup::NotCached,
            _ => return Lookup::FlushFirst,
        }
        self.places.insert(chat.id, self.chats.len());
        self.chats.push(CachedChat { chat: chat.clone(), row: RowState::New, messages: Messages::default() });
        Lookup::Hit(())
    }

    /// Updates a chat.
    pub(super) fn save(&mut self, chat: &Chat) -> Lookup<()> {
        let Some(place) = self.places.get(&chat.id) else { return Lookup::NotCached };
        let kept = &mut self.chats[*place];
        kept.chat = chat.clone();
        kept.row.changed();
        Lookup::Hit(())
    }

    /// Queries the messages of a cached chat.
    pub(super) fn messages<T>(&self, chat: ChatId, ask: impl FnOnce(&Messages) -> T) -> Lookup<T> {
        match self.places.get(&chat) {
            Some(place) => Lookup::Hit(ask(&self.chats[*place].messages)),
            None => Lookup::NotCached,
        }
    }

    /// Queries the messages of several chats; only a single one can be answered from the cache.
    pub(super) fn messages_of<T>(&self, chats: &[ChatId], ask: impl FnOnce(&Messages) -> T) -> Lookup<T> {
        match chats {
            [chat] => self.messages(*chat, ask),
            chats if chats.iter().any(|chat| self.places.contains_key(chat)) => Lookup::FlushFirst,
            _ => Lookup::NotCached,
        }
    }

    /// Adds new messages, and returns their number.
    pub(super) fn add_messages(&mut self, chat: ChatId, rows: &[message::Model]) -> Lookup<u64> {
        let Some(place) = self.places.get(&chat) else {
            // A stored message is read with its sender, which must be stored, too.
            let is_new = |row: &message::Model| {
                let author = PeerId::from_bytes(&row.sender_id).ok().and_then(|id| self.peers.get(&id));
                author.is_some_and(|author| author.row == RowState::New)
            };
            return if rows.iter().any(is_new) { Lookup::FlushFirst } else { Lookup::NotCached };
        };
        let known = &mut self.chats[*place].messages;
        let before = self.rows.len();
        self.rows.extend(rows.iter().filter(|row| known.take(row)).cloned().map(message::ActiveModel::from));
        Lookup::Hit((self.rows.len() - before) as u64)
    }

    fn place(&self, peer: PeerId) -> Option<Slot> {
        let Peer { chat, .. } = self.peers.get(&peer)?.peer;
        Some(match chat.map(|chat| self.places.get(&chat)) {
            Some(Some(place)) => Slot::Chat(*place),
            Some(None) => Slot::NotCached,
            None => Slot::Empty,
        })
    }
}
