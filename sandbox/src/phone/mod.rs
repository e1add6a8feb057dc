//! A phone: the owner's device, which holds the truth about the account and pairs companions.
//!
//! `view` is what the phone shows.

mod view;

use std::sync::Arc;

pub use view::{ChatKind, ChatView, FOREVER};

use crate::{Error, spec::AccountSpec};

/// One account's phone. Clones are the same phone.
#[derive(Debug, Clone)]
pub struct Phone {
    spec: Arc<AccountSpec>,
}

impl Phone {
    pub(crate) fn new(spec: AccountSpec) -> Self {
        Self {
            spec: Arc::new(spec),
        }
    }

    /// The phone number, digits only.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.spec.phone
    }

    /// The account's JID by number, `…@s.whatsapp.net`.
    #[must_use]
    pub fn jid(&self) -> String {
        format!("{}@s.whatsapp.net", self.spec.phone)
    }

    /// The account's JID by hidden identity, `…@lid`.
    #[must_use]
    pub fn lid(&self) -> String {
        format!("{}@lid", self.spec.phone)
    }

    /// What the phone shows: every chat, as an owner looking at the screen would read it.
    #[must_use]
    pub fn chats(&self) -> Vec<ChatView> {
        Vec::new()
    }

    /// Scans a QR code: pairs the companion that shows it, and waits until both sides agree.
    ///
    /// # Errors
    /// [`Error::InvalidQr`], [`Error::UnknownQr`], [`Error::PairingFailed`] or [`Error::Timeout`].
    #[expect(clippy::unused_async, reason = "being built")]
    pub async fn scan(&self, qr: &str) -> Result<(), Error> {
        let _ = qr;
        Err(Error::Unsupported("scan"))
    }

    /// Puts the chat into the archive or takes it out. Archiving also unpins, as on a real phone.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    #[expect(clippy::unused_async, reason = "being built")]
    pub async fn archive(&self, chat: &str, archived: bool) -> Result<(), Error> {
        let _ = (chat, archived);
        Err(Error::Unsupported("archive"))
    }

    /// Pins the chat to the top or lets it go.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    #[expect(clippy::unused_async, reason = "being built")]
    pub async fn pin(&self, chat: &str, pinned: bool) -> Result<(), Error> {
        let _ = (chat, pinned);
        Err(Error::Unsupported("pin"))
    }

    /// Mutes the chat until an instant in milliseconds since the Unix epoch, [`FOREVER`] for good; `None` ends the mute.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    #[expect(clippy::unused_async, reason = "being built")]
    pub async fn mute(&self, chat: &str, until: Option<i64>) -> Result<(), Error> {
        let _ = (chat, until);
        Err(Error::Unsupported("mute"))
    }

    /// Marks the chat read, which also empties its count, or unread by hand.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    #[expect(clippy::unused_async, reason = "being built")]
    pub async fn mark_read(&self, chat: &str, read: bool) -> Result<(), Error> {
        let _ = (chat, read);
        Err(Error::Unsupported("mark_read"))
    }

    /// Lets a contact write a text into a chat, and gives the message's id.
    ///
    /// `from` is the contact's number or JID, `chat` the JID of the direct chat.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if nobody with that number is known.
    #[expect(clippy::unused_async, reason = "being built")]
    pub async fn receive(&self, from: &str, chat: &str, text: &str) -> Result<String, Error> {
        let _ = (from, chat, text);
        Err(Error::Unsupported("receive"))
    }

    /// How many companions are paired.
    #[must_use]
    pub fn companions(&self) -> usize {
        0
    }

    /// How many messages and notices wait for companions that have not confirmed them.
    #[must_use]
    pub fn pending(&self) -> usize {
        0
    }

    /// Waits until a paired companion is logged in and has fetched every app-state collection.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the sandbox stops first.
    #[expect(clippy::unused_async, reason = "being built")]
    pub async fn connected(&self) -> Result<(), Error> {
        Err(Error::Unsupported("connected"))
    }
}
