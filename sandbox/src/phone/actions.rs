//! Actions of the owner on the phone, and of the network. Messages are in `send`.

use super::{
    Phone,
    mutation::{Change, Range},
    state::{Chat, PhoneState},
};
use crate::{Error, chat::MAX_PINNED};

impl Phone {
    /// Archives or unarchives the chat. Archiving also unpins, as on a real phone.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    pub async fn archive(&self, chat: &str, archived: bool) -> Result<(), Error> {
        self.set("regular_low", |state| {
            let (jid, chat) = known(state, chat)?;
            let mut changes = vec![Change::archive(&jid, archived, chat)];
            if archived {
                changes.push(Change::pin(&jid, false));
            }
            Ok(changes)
        })
        .await
    }

    /// Pins or unpins the chat.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat, [`Error::TooManyPinned`] if the maximum is
    /// pinned.
    pub async fn pin(&self, chat: &str, pinned: bool) -> Result<(), Error> {
        self.set("regular_low", |state| {
            let (jid, _) = known(state, chat)?;
            if pinned && state.other_pins(&jid) >= MAX_PINNED {
                return Err(Error::TooManyPinned);
            }
            Ok(vec![Change::pin(&jid, pinned)])
        })
        .await
    }

    /// Mutes the chat until a time in milliseconds since the Unix epoch, or [`FOREVER`](crate::FOREVER) without end;
    /// `None` unmutes it.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    pub async fn mute(&self, chat: &str, until: Option<i64>) -> Result<(), Error> {
        self.set("regular_high", |state| Ok(vec![Change::mute(&known(state, chat)?.0, until)])).await
    }

    /// Marks the chat read, which also empties its count, or unread by hand.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    pub async fn mark_read(&self, chat: &str, read: bool) -> Result<(), Error> {
        self.set("regular_low", |state| {
            let (jid, chat) = known(state, chat)?;
            Ok(vec![Change::read(&jid, read, chat)])
        })
        .await
    }

    /// Locks the chat behind a code, or unlocks it. Locking unarchives and unpins it, without a separate patch.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    pub async fn lock(&self, chat: &str, locked: bool) -> Result<(), Error> {
        self.set("regular_low", |state| Ok(vec![Change::lock(&known(state, chat)?.0, locked)])).await
    }

    /// Sets whether a new message unarchives its chat. If so, chats with a message of another person since they were
    /// archived are unarchived at once.
    ///
    /// # Errors
    /// An error if the account cannot be stored.
    pub async fn unarchive_chats(&self, unarchives: bool) -> Result<(), Error> {
        self.set("regular_low", |_| Ok(vec![Change::unarchive_chats(unarchives)])).await
    }

    /// Deletes the chat: the phone does not show it until the next message in it. With `up_to`, the id of a message,
    /// later messages stay, as if they had arrived after the deletion.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat, [`Error::UnknownMessage`] if there is no message with
    /// this id.
    pub async fn delete(&self, chat: &str, up_to: Option<&str>) -> Result<(), Error> {
        self.set("regular_high", |state| {
            let (jid, chat) = known(state, chat)?;
            Ok(vec![Change::delete(&jid, Range::of(chat, up_to)?)])
        })
        .await
    }

    /// Clears the chat: it stays, without its messages up to `up_to` or without any.
    ///
    /// # Errors
    /// As [`Phone::delete`].
    pub async fn clear(&self, chat: &str, up_to: Option<&str>) -> Result<(), Error> {
        self.set("regular_high", |state| {
            let (jid, chat) = known(state, chat)?;
            Ok(vec![Change::clear(&jid, Range::of(chat, up_to)?)])
        })
        .await
    }

    /// Deletes one message of any author for the owner alone.
    ///
    /// # Errors
    /// [`Error::UnknownMessage`] if there is none with this id.
    pub async fn delete_for_me(&self, message: &str) -> Result<(), Error> {
        let (jid, message) = self.find_any_message(message)?;
        self.set("regular_high", |state| {
            let group = state.groups.get(&jid);
            let writer = group.and_then(|group| Some(state.member(group, message.from.as_deref()?)));
            Ok(vec![Change::delete_message(&jid, &message, writer.as_deref())])
        })
        .await
    }

    /// Writes settings as the owner, and stores them.
    pub(super) async fn set(
        &self,
        collection: &str,
        make: impl FnOnce(&PhoneState) -> Result<Vec<Change>, Error>,
    ) -> Result<(), Error> {
        self.account.write(collection, make)?;
        self.account.save().await
    }
}

/// Returns the chat with an alias `jid`, with its own JID.
fn known<'a>(state: &'a PhoneState, jid: &str) -> Result<(String, &'a Chat), Error> {
    let jid = state.resolve(jid);
    match state.chats.get(&jid) {
        Some(chat) => Ok((jid, chat)),
        None => Err(Error::UnknownChat(jid)),
    }
}
