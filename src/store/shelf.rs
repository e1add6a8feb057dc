//! Many chats at once: what the addresses of a part of a history find is read with a few statements, kept in the unit while
//! it works on one chat after the other, and stored with a few more. The rules of a chat know nothing of it: the methods of
//! [`Unit`] for chats, messages and people answer from the shelf, and what they store waits there.
//!
//! What is not simple stands apart and is asked of the database as ever: deleted chats, two chats that are to become one,
//! chats with many messages. Whatever else the shelf cannot answer, it is put away before: a method of [`Unit`] that reads or
//! writes chats, their addresses or their messages asks the shelf or begins with [`Unit::put_away`].

mod load;
mod messages;
mod store;

use std::collections::HashMap;

use chatgraph_entity::message;

use crate::domain::chat::Chat;
use crate::domain::id::ChatId;
use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;
use crate::domain::jid::Jid;
use crate::domain::jid::JidKind;
use crate::domain::message::IncomingMessage;
use crate::domain::person::Person;
use crate::domain::session::Session;

use super::error::StoreError;
use super::unit::Unit;

pub(super) use messages::Messages;

/// What some addresses of a session find.
pub(super) struct Shelf {
    session: Session,
    chats: Vec<Kept>,
    places: HashMap<ChatId, usize>,
    found: HashMap<Jid, Place>,
    /// The other address of the person with this one, where there is one. All of a person's addresses that are asked for are
    /// in here.
    others: HashMap<Jid, Option<Jid>>,
    /// New people, addresses and messages.
    people: Vec<Person>,
    aliases: Vec<(Jid, ChatId)>,
    rows: Vec<message::ActiveModel>,
}

/// What an address finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It has to be asked of the database.
    Apart,
    /// Neither a chat nor what stays of one.
    Nothing,
    /// The chat in this place.
    Chat(usize),
}

/// A chat, and what the database has of it.
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

/// An answer of the shelf.
pub(super) enum Answer<T> {
    /// This.
    Known(T),
    /// The database knows, and nothing on the shelf differs from that.
    Apart,
    /// The database knows, once the shelf is put away.
    Unknown,
}

impl Unit<'_> {
    /// Reads all that these people and addresses find in the session, which is locked, and so are its chats. Until
    /// [`Unit::put_away`] what is asked for is answered from there and what is stored waits there.
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

    /// Stores all that waits; from here on the database is asked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_away(&mut self) -> Result<(), StoreError> {
        match self.shelf.take() {
            Some(waiting) => waiting.store(self.tx).await,
            None => Ok(()),
        }
    }

    /// What the shelf answers; none when the database is to be asked.
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

    /// The chat that an address finds.
    pub(super) fn chat(&self, session: SessionId, jid: &Jid) -> Answer<Option<Chat>> {
        match self.place(session, jid) {
            Some(Place::Chat(place)) => Answer::Known(Some(self.chats[place].chat.clone())),
            Some(Place::Nothing) => Answer::Known(None),
            Some(Place::Apart) => Answer::Apart,
            None => Answer::Unknown,
        }
    }

    /// The chat that these addresses find, when it is one at most.
    pub(super) fn chats(&self, session: SessionId, jids: &[Jid]) -> Answer<Vec<Chat>> {
        let mut places = Vec::new();
        let mut apart = 0;
        for jid in jids {
            match self.place(session, jid) {
                Some(Place::Chat(place)) => places.push(place),
                Some(Place::Nothing) => {}
                Some(Place::Apart) => apart += 1,
                None => return Answer::Unknown,
            }
        }
        if apart > 0 {
            return if apart == jids.len() { Answer::Apart } else { Answer::Unknown };
        }
        let mut chats: Vec<_> = places.into_iter().map(|place| self.chats[place].chat.clone()).collect();
        chats.dedup_by_key(|chat| chat.id);
        // Several are asked for to become one, with all that the database has of them.
        if chats.len() > 1 { Answer::Unknown } else { Answer::Known(chats) }
    }

    /// Whether an address finds nothing of a deleted chat: those stand apart.
    pub(super) fn is_not_deleted(&self, session: SessionId, jid: &Jid) -> Answer<()> {
        match self.place(session, jid) {
            Some(Place::Chat(_) | Place::Nothing) => Answer::Known(()),
            Some(Place::Apart) => Answer::Apart,
            None => Answer::Unknown,
        }
    }

    /// The other address of the person with this one.
    pub(super) fn other(&self, session: SessionId, jid: &Jid) -> Answer<Option<Jid>> {
        if !matches!(jid.kind(), JidKind::Lid | JidKind::PhoneNumber) {
            return Answer::Known(None);
        }
        match self.others.get(jid).filter(|_| session == self.session.id) {
            Some(other) => Answer::Known(other.clone()),
            None => Answer::Unknown,
        }
    }

    /// Those of the people of whom nothing is known yet.
    pub(super) fn new_people(&self, session: SessionId, people: &[Person]) -> Answer<Vec<Person>> {
        let mut new = Vec::<Person>::new();
        for person in people {
            let known = [&person.phone, &person.lid].map(|jid| self.others.get(jid));
            match known {
                _ if session != self.session.id => return Answer::Unknown,
                [Some(None), Some(None)] => {}
                [Some(_), Some(_)] => continue,
                _ => return Answer::Unknown,
            }
            if !new.iter().any(|other| other.lid == person.lid || other.phone == person.phone) {
                new.push(person.clone());
            }
        }
        Answer::Known(new)
    }

    /// Notes a person of whom nothing was known.
    pub(super) fn add_person(&mut self, session: SessionId, person: &Person) -> Answer<()> {
        let Person { phone, lid } = person;
        if session != self.session.id || !self.others.contains_key(phone) || !self.others.contains_key(lid) {
            return Answer::Unknown;
        }
        self.others.insert(phone.clone(), Some(lid.clone()));
        self.others.insert(lid.clone(), Some(phone.clone()));
        self.people.push(person.clone());
        Answer::Known(())
    }

    /// Takes a new chat, with the other address of the person.
    pub(super) fn add_chat(&mut self, chat: &Chat) -> Answer<()> {
        match self.place(chat.session, &chat.jid) {
            Some(Place::Nothing) => {}
            Some(Place::Apart) => return Answer::Apart,
            Some(Place::Chat(_)) | None => return Answer::Unknown,
        }
        self.places.insert(chat.id, self.chats.len());
        self.chats.push(Kept { chat: chat.clone(), row: Row::New, messages: Messages::default() });
        let other = self.others.get(&chat.jid).cloned().flatten();
        for jid in std::iter::once(chat.jid.clone()).chain(other) {
            self.add_address(self.chats.len() - 1, jid);
        }
        Answer::Known(())
    }

    /// Takes more addresses of a chat; those that find one already are left out.
    pub(super) fn add_addresses(&mut self, chat: &Chat, jids: &[Jid]) -> Answer<()> {
        let Some(place) = self.places.get(&chat.id).copied() else {
            let apart = |jid| matches!(self.place(chat.session, jid), Some(Place::Apart));
            return if jids.iter().all(apart) { Answer::Apart } else { Answer::Unknown };
        };
        if !jids.iter().all(|jid| matches!(self.place(chat.session, jid), Some(Place::Nothing | Place::Chat(_)))) {
            return Answer::Unknown;
        }
        for jid in jids {
            self.add_address(place, jid.clone());
        }
        Answer::Known(())
    }

    fn add_address(&mut self, place: usize, jid: Jid) {
        if self.found.get(&jid) == Some(&Place::Nothing) {
            self.found.insert(jid.clone(), Place::Chat(place));
            self.aliases.push((jid, self.chats[place].chat.id));
        }
    }

    /// Takes what differs about a chat.
    pub(super) fn save(&mut self, chat: &Chat) -> Answer<()> {
        let Some(place) = self.places.get(&chat.id) else { return Answer::Apart };
        let kept = &mut self.chats[*place];
        kept.chat = chat.clone();
        if kept.row == Row::Same {
            kept.row = Row::Changed;
        }
        Answer::Known(())
    }

    /// The messages of a chat that stands here.
    pub(super) fn messages<T>(&self, chat: ChatId, ask: impl FnOnce(&Messages) -> T) -> Answer<T> {
        match self.places.get(&chat) {
            Some(place) => Answer::Known(ask(&self.chats[*place].messages)),
            None => Answer::Apart,
        }
    }

    /// The same for several chats, of which one at most stands here alone.
    pub(super) fn messages_of<T>(&self, chats: &[ChatId], ask: impl FnOnce(&Messages) -> T) -> Answer<T> {
        match chats {
            [chat] => self.messages(*chat, ask),
            chats if chats.iter().any(|chat| self.places.contains_key(chat)) => Answer::Unknown,
            _ => Answer::Apart,
        }
    }

    /// Takes those of the messages that are new, and tells how many that are.
    pub(super) fn add_messages(
        &mut self,
        organization: &OrganizationId,
        chat: ChatId,
        messages: &[IncomingMessage],
        arrival: i64,
    ) -> Answer<u64> {
        let Some(place) = self.places.get(&chat) else { return Answer::Apart };
        let rows = super::message::to_rows(organization, self.session.id, chat, messages, arrival);
        let known = &mut self.chats[*place].messages;
        let before = self.rows.len();
        self.rows.extend(rows.filter(|row| known.take(row)).map(message::ActiveModel::from));
        Answer::Known((self.rows.len() - before) as u64)
    }

    /// Whether what others wrote in the chat bears its canonical address.
    pub(super) fn names_senders(&self, chat: &Chat) -> Answer<()> {
        match self.messages(chat.id, |messages| messages.are_from(&chat.jid)) {
            Answer::Known(true) => Answer::Known(()),
            Answer::Known(false) | Answer::Unknown => Answer::Unknown,
            Answer::Apart => Answer::Apart,
        }
    }

    fn place(&self, session: SessionId, jid: &Jid) -> Option<Place> {
        self.found.get(jid).copied().filter(|_| session == self.session.id)
    }
}
