//! What the owner does on the phone, and what others do to it.

use whatsapp_rust::waproto::whatsapp as wa;

use super::{
    Phone,
    book::{Book, Chat, Message},
    change::Change,
    message::{Alternate, Letter},
    view::ChatKind,
};
use crate::{Error, clock, key, locked, wire::node::SERVER};

impl Phone {
    /// Puts the chat into the archive or takes it out. Archiving also unpins, as on a real phone.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    pub async fn archive(&self, chat: &str, archived: bool) -> Result<(), Error> {
        self.set("regular_low", |book| {
            let (jid, chat) = known(book, chat)?;
            let mut changes = vec![Change::archive(&jid, archived, chat)];
            if archived {
                changes.push(Change::pin(&jid, false));
            }
            Ok(changes)
        })
        .await
    }

    /// Pins the chat to the top or lets it go.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    pub async fn pin(&self, chat: &str, pinned: bool) -> Result<(), Error> {
        self.set("regular_low", |book| Ok(vec![Change::pin(&known(book, chat)?.0, pinned)])).await
    }

    /// Mutes the chat until an instant in milliseconds since the Unix epoch, [`FOREVER`](crate::FOREVER)
    /// for good; `None` ends the mute.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    pub async fn mute(&self, chat: &str, until: Option<i64>) -> Result<(), Error> {
        self.set("regular_high", |book| Ok(vec![Change::mute(&known(book, chat)?.0, until)])).await
    }

    /// Marks the chat read, which also empties its count, or unread by hand.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    pub async fn mark_read(&self, chat: &str, read: bool) -> Result<(), Error> {
        self.set("regular_low", |book| {
            let (jid, chat) = known(book, chat)?;
            Ok(vec![Change::read(&jid, read, chat)])
        })
        .await
    }

    /// Deletes the chat: the phone shows it no more, until somebody writes in it again.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    pub async fn delete(&self, chat: &str) -> Result<(), Error> {
        self.set("regular_high", |book| {
            let (jid, chat) = known(book, chat)?;
            Ok(vec![Change::delete(&jid, chat)])
        })
        .await
    }

    /// Clears the chat: it stays, without its messages.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    pub async fn clear(&self, chat: &str) -> Result<(), Error> {
        self.set("regular_high", |book| {
            let (jid, chat) = known(book, chat)?;
            Ok(vec![Change::clear(&jid, chat)])
        })
        .await
    }

    /// Writes settings as the owner, and keeps them.
    async fn set(&self, collection: &str, make: impl FnOnce(&Book) -> Result<Vec<Change>, Error>) -> Result<(), Error> {
        self.account.write(collection, make)?;
        self.account.save().await
    }

    /// Lets somebody write a text into the direct chat with them, and gives the message's id.
    ///
    /// `from` is the writer's number or JID, `chat` a JID of the direct chat. Nobody needs to be in the
    /// address book to write. The message raises the chat's unread count by one and is its latest.
    /// It takes an archived chat out of the archive, unless the chat is muted; the phone then
    /// tells its companions so, as if the owner had done it.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if `from` is not a person's number or JID, [`Error::UnknownChat`] if
    /// `chat` is not the direct chat with them.
    pub async fn receive(&self, from: &str, chat: &str, text: &str) -> Result<String, Error> {
        let from = if from.contains('@') { from.to_owned() } else { format!("{from}@{SERVER}") };
        if ChatKind::of(&from) != ChatKind::Dm || from == self.jid() || from == self.lid() {
            return Err(Error::UnknownContact(from));
        }
        if ChatKind::of(chat) != ChatKind::Dm {
            return Err(Error::Unsupported("messages in groups"));
        }
        let (id, at) = (key::random_hex::<10>()?, clock::whole_second(clock::now_ms()));
        let mut parties = self.account.parties.lock().await;
        let (letter, unarchive) = {
            let mut book = locked(&self.account.book);
            let letter = letter(&mut book, &from, chat, text, (&id, at))?;
            let chat = book.chat_mut(chat);
            chat.messages.push(Message { id: id.clone(), from: Some(letter.from.clone()), text: text.to_owned(), at });
            chat.unread += 1;
            (letter, chat.archived && chat.muted_until.is_none_or(|until| until <= at))
        };
        self.account.deliver(&mut parties, &letter).await?;
        drop(parties);
        if unarchive {
            self.archive(chat, false).await?;
        } else {
            self.account.save().await?;
        }
        Ok(id)
    }
}

/// The chat that somebody calls `jid`, under its own JID.
fn known<'a>(book: &'a Book, jid: &str) -> Result<(String, &'a Chat), Error> {
    let jid = book.resolve(jid);
    match book.chats.get(&jid) {
        Some(chat) => Ok((jid, chat)),
        None => Err(Error::UnknownChat(jid)),
    }
}

/// A text from a person into the direct chat with them.
fn letter(book: &mut Book, from: &str, chat: &str, text: &str, (id, at): (&str, i64)) -> Result<Letter, Error> {
    book.meet(from);
    let person = book.person(from).ok_or_else(|| Error::UnknownContact(from.to_owned()))?;
    let (jid, lid) = (person.jid(), person.lid_jid());
    // The address is the one the chat is called by; the other one goes along.
    let alternate = if jid == chat {
        lid.map(Alternate::Lid)
    } else if lid.as_deref() == Some(chat) {
        person.phone.is_some().then(|| Alternate::Number(jid.clone()))
    } else {
        return Err(Error::UnknownChat(chat.to_owned()));
    };
    Ok(Letter {
        id: id.to_owned(),
        sender: jid,
        from: chat.to_owned(),
        alternate,
        at,
        peer: false,
        notify: person.shown_name().map(ToOwned::to_owned),
        body: wa::Message { conversation: Some(text.to_owned()), ..Default::default() },
    })
}
