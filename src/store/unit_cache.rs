//! Cache of many chats in a unit. A part of a history addresses many chats: they are loaded with a few statements, kept
//! in the unit while it works on one after the other, and stored with a few more. The rules of a chat do not depend on
//! it: the methods of [`Unit`] for chats, messages and people read from the cache, and their writes wait there.
//!
//! Complex chats bypass the cache and are read from the database: deleted ones, those about to be merged, and those
//! with many messages. Any other query that the cache cannot answer flushes it first. A method of [`Unit`] that uses
//! chats, their addresses or their messages must query the cache, or start with [`Unit::put_away`].

mod flush;
mod load;
mod messages;

use std::collections::HashMap;

use chatgraph_entity::message;

use crate::domain::chat::Chat;
use crate::domain::id::ChatId;
use crate::domain::id::OrganizationId;
use crate::domain::id::PeerId;
use crate::domain::id::SessionId;
use crate::domain::jid::Jid;
use crate::domain::peer::Peer;
use crate::domain::peer::Period;
use crate::domain::person::Person;
use crate::domain::session::Session;

use super::error::StoreError;
use super::unit_of_work::Unit;

pub(super) use messages::Messages;

/// Cached data of the addresses of a session.
pub(super) struct Shelf {
    session: Session,
    chats: Vec<Kept>,
    places: HashMap<ChatId, usize>,
    /// All periods of the requested addresses, and of the other addresses of their peers.
    periods: HashMap<Jid, Vec<Period>>,
    peers: HashMap<PeerId, KeptPeer>,
    of_chats: HashMap<ChatId, PeerId>,
    /// New periods and messages.
    addresses: Vec<Period>,
    rows: Vec<message::ActiveModel>,
}

/// A peer, and the state of its row.
struct KeptPeer {
    peer: Peer,
    row: Row,
    addresses: Vec<Jid>,
}

/// State of a peer's chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The chat bypasses the cache: it is deleted, or has many messages.
    Apart,
    /// The peer has neither a chat nor a tombstone.
    Nothing,
    /// The cached chat at this index.
    Chat(usize),
}

/// A chat, and the state of its row.
struct Kept {
    chat: Chat,
    row: Row,
    messages: Messages,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    New,
    Changed,
    Same,
}

impl Row {
    fn changed(&mut self) {
        if *self == Self::Same {
            *self = Self::Changed;
        }
    }
}

/// Answer of the cache.
pub(super) enum Answer<T> {
    /// A cached result.
    Known(T),
    /// Ask the database; the cache has no changes that concern it.
    Apart,
    /// Ask the database after a flush.
    Unknown,
}

impl Unit<'_> {
    /// Loads the chats of these people and addresses into the cache; locks the session and the chats. Until
    /// [`Unit::put_away`], reads are answered from the cache, and writes wait there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn shelve(
        &mut self,
        organization: &OrganizationId,
        session: SessionId,
        people: &[Person],
        jids: impl IntoIterator<Item = &Jid>,
    ) -> Result<(), StoreError> {
        self.put_away().await?;
        let Some(session) = self.session_for_update(organization, session).await? else { return Ok(()) };
        self.shelf = Some(Box::new(Shelf::load(self.tx, session, people, jids).await?));
        Ok(())
    }

    /// Flushes the cache: stores all changes and drops it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_away(&mut self) -> Result<(), StoreError> {
        match self.shelf.take() {
            Some(waiting) => waiting.store(self.tx).await,
            None => Ok(()),
        }
    }

    /// Returns the cache's answer; `None` if the database must be asked.
    pub(super) async fn on_shelf<T>(
        &mut self,
        ask: impl FnOnce(&mut Shelf) -> Answer<T>,
    ) -> Result<Option<T>, StoreError> {
        match self.shelf.as_mut().map(|shelf| ask(shelf)) {
            Some(Answer::Known(answer)) => Ok(Some(answer)),
            Some(Answer::Apart) | None => Ok(None),
            Some(Answer::Unknown) => self.put_away().await.map(|()| None),
        }
    }
}

impl Shelf {
    pub(super) fn session(&self, id: SessionId) -> Answer<Option<Session>> {
        if self.session.id == id { Answer::Known(Some(self.session.clone())) } else { Answer::Unknown }
    }

    /// Returns all periods of an address.
    pub(super) fn periods(&self, session: SessionId, jid: &Jid) -> Answer<Vec<Period>> {
        match self.periods.get(jid).filter(|_| session == self.session.id) {
            Some(periods) => Answer::Known(periods.clone()),
            None => Answer::Unknown,
        }
    }

    /// Returns all periods of a peer's addresses.
    pub(super) fn periods_of(&self, peer: PeerId) -> Answer<Vec<Period>> {
        let Some(kept) = self.peers.get(&peer) else { return Answer::Unknown };
        let all = kept.addresses.iter().filter_map(|jid| self.periods.get(jid)).flatten();
        Answer::Known(all.filter(|period| period.peer == peer).cloned().collect())
    }

    pub(super) fn peer(&self, id: PeerId) -> Answer<Option<Peer>> {
        match self.peers.get(&id) {
            Some(kept) => Answer::Known(Some(kept.peer.clone())),
            None => Answer::Unknown,
        }
    }

    /// Returns the peer of this chat; a chat that is not cached belongs to no cached peer.
    pub(super) fn peer_of_chat(&self, chat: ChatId) -> Answer<Peer> {
        match self.of_chats.get(&chat).and_then(|id| self.peers.get(id)) {
            Some(kept) => Answer::Known(kept.peer.clone()),
            None => Answer::Apart,
        }
    }

    /// Returns the people whose addresses are not known to belong to the same peer at present.
    pub(super) fn new_people(&self, session: SessionId, people: &[Person]) -> Answer<Vec<Person>> {
        let mut new = Vec::new();
        for person in people {
            let [Some(phone), Some(lid)] = [&person.phone, &person.lid].map(|jid| self.periods.get(jid)) else {
                return Answer::Unknown;
            };
            let owner = |periods: &[Period]| periods.last().filter(|it| it.until.is_none()).map(|it| it.peer);
            let known = owner(lid).is_some() && owner(lid) == owner(phone);
            if !known {
                new.push(person.clone());
            }
        }
        if session == self.session.id { Answer::Known(new) } else { Answer::Unknown }
    }

    /// Adds a new peer with its address.
    pub(super) fn add_peer(&mut self, session: SessionId, peer: &Peer, period: &Period) -> Answer<()> {
        // As `add_period` requires: a cached peer must not be stored twice.
        let last = self.periods.get(&period.jid).map(|periods| periods.last());
        let is_last = last.is_some_and(|last| last.is_none_or(|last| last.from < period.from));
        if session != self.session.id || !is_last {
            return Answer::Unknown;
        }
        self.peers.insert(peer.id, KeptPeer { peer: peer.clone(), row: Row::New, addresses: Vec::new() });
        self.add_period(session, period)
    }

    /// Adds another address of a peer.
    pub(super) fn add_period(&mut self, session: SessionId, period: &Period) -> Answer<()> {
        let (Some(kept), Some(periods)) = (self.peers.get_mut(&period.peer), self.periods.get_mut(&period.jid)) else {
            return Answer::Unknown;
        };
        if session != self.session.id || periods.last().is_some_and(|last| last.from >= period.from) {
            return Answer::Unknown;
        }
        kept.addresses.push(period.jid.clone());
        periods.push(period.clone());
        self.addresses.push(period.clone());
        Answer::Known(())
    }

    /// Updates a peer.
    pub(super) fn save_peer(&mut self, peer: &Peer) -> Answer<()> {
        let Some(kept) = self.peers.get_mut(&peer.id) else { return Answer::Unknown };
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
        Answer::Known(())
    }

    /// Returns the current chat of an address.
    pub(super) fn chat(&self, session: SessionId, jid: &Jid) -> Answer<Option<Chat>> {
        match self.periods.get(jid).filter(|_| session == self.session.id) {
            Some(periods) => match periods.last() {
                Some(last) => self.chat_with(last.peer),
                None => Answer::Known(None),
            },
            None => Answer::Unknown,
        }
    }

    /// Returns the chat of a peer.
    pub(super) fn chat_with(&self, peer: PeerId) -> Answer<Option<Chat>> {
        match self.place(peer) {
            Some(Place::Chat(place)) => Answer::Known(Some(self.chats[place].chat.clone())),
            Some(Place::Nothing) => Answer::Known(None),
            Some(Place::Apart) => Answer::Apart,
            None => Answer::Unknown,
        }
    }

    /// Returns whether a peer has no deleted chat; those bypass the cache.
    pub(super) fn is_not_deleted(&self, peer: PeerId) -> Answer<()> {
        match self.place(peer) {
            Some(Place::Chat(_) | Place::Nothing) => Answer::Known(()),
            Some(Place::Apart) => Answer::Apart,
            None => Answer::Unknown,
        }
    }

    /// Adds a new chat of a peer, which is saved with it.
    pub(super) fn add_chat(&mut self, chat: &Chat, peer: PeerId) -> Answer<()> {
        match self.place(peer) {
            Some(Place::Nothing) if chat.session == self.session.id => {}
            Some(Place::Apart) => return Answer::Apart,
            _ => return Answer::Unknown,
        }
        self.places.insert(chat.id, self.chats.len());
        self.chats.push(Kept { chat: chat.clone(), row: Row::New, messages: Messages::default() });
        Answer::Known(())
    }

    /// Updates a chat.
    pub(super) fn save(&mut self, chat: &Chat) -> Answer<()> {
        let Some(place) = self.places.get(&chat.id) else { return Answer::Apart };
        let kept = &mut self.chats[*place];
        kept.chat = chat.clone();
        kept.row.changed();
        Answer::Known(())
    }

    /// Queries the messages of a cached chat.
    pub(super) fn messages<T>(&self, chat: ChatId, ask: impl FnOnce(&Messages) -> T) -> Answer<T> {
        match self.places.get(&chat) {
            Some(place) => Answer::Known(ask(&self.chats[*place].messages)),
            None => Answer::Apart,
        }
    }

    /// Queries the messages of several chats; only a single one can be answered from the cache.
    pub(super) fn messages_of<T>(&self, chats: &[ChatId], ask: impl FnOnce(&Messages) -> T) -> Answer<T> {
        match chats {
            [chat] => self.messages(*chat, ask),
            chats if chats.iter().any(|chat| self.places.contains_key(chat)) => Answer::Unknown,
            _ => Answer::Apart,
        }
    }

    /// Adds new messages, and returns their number.
    pub(super) fn add_messages(&mut self, chat: ChatId, rows: &[message::Model]) -> Answer<u64> {
        let Some(place) = self.places.get(&chat) else {
            // A stored message is read with its sender, which must be stored, too.
            let is_new = |row: &message::Model| {
                let author = PeerId::from_bytes(&row.sender_id).ok().and_then(|id| self.peers.get(&id));
                author.is_some_and(|author| author.row == Row::New)
            };
            return if rows.iter().any(is_new) { Answer::Unknown } else { Answer::Apart };
        };
        let known = &mut self.chats[*place].messages;
        let before = self.rows.len();
        self.rows.extend(rows.iter().filter(|row| known.take(row)).cloned().map(message::ActiveModel::from));
        Answer::Known((self.rows.len() - before) as u64)
    }

    fn place(&self, peer: PeerId) -> Option<Place> {
        let Peer { chat, .. } = self.peers.get(&peer)?.peer;
        Some(match chat.map(|chat| self.places.get(&chat)) {
            Some(Some(place)) => Place::Chat(*place),
            Some(None) => Place::Apart,
            None => Place::Nothing,
        })
    }
}
