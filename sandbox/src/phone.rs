//! A phone: the owner's device, which has the account's authoritative state and pairs companions.
//!
//! `actions` has the actions of the owner, and `peer` the phone's answers to its companions. `bootstrap` and `history`
//! are the first data for a new companion.

pub(crate) mod account;
mod actions;
pub(crate) mod address;
pub(crate) mod app_state;
pub(crate) mod bootstrap;
mod calls;
pub(crate) mod competing_patch;
mod device_list;
pub(crate) mod group_node;
mod groups;
mod history;
mod identity_mapping;
mod key_rotation;
mod linked_devices;
pub(crate) mod message;
pub(crate) mod mutation;
mod numbers;
mod pairing_code;
mod peer;
mod people;
mod pictures;
mod privacy;
mod receipt;
mod scan;
mod send;
mod sender_keys;
mod sent_receipts;
pub(crate) mod services;
mod signal_peer;
pub(crate) mod signal_peers;
mod signed_key;
mod snapshot;
pub(crate) mod state;
mod verified_name;
mod view;

use std::{fmt, sync::Arc};

use crate::{Error, lock::locked};
use account::Account;
use services::Services;

pub use receipt::ReceiptForm;
pub use send::Draft;
pub use view::{CallState, CallView, ChatView, MessageView};

/// One account's phone. Clones share it.
#[derive(Clone)]
pub struct Phone {
    pub(crate) services: Arc<Services>,
    pub(crate) account: Arc<Account>,
}

impl fmt::Debug for Phone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Phone").field(&self.account.number).finish()
    }
}

impl Phone {
    pub(crate) fn new(services: Arc<Services>, account: Arc<Account>) -> Self {
        Self { services, account }
    }

    /// Returns the phone number, digits only.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.account.number
    }

    /// Returns the account's JID by number, `…@s.whatsapp.net`.
    #[must_use]
    pub fn jid(&self) -> String {
        self.account.jid()
    }

    /// Returns the account's JID by LID, `…@lid`.
    #[must_use]
    pub fn lid(&self) -> String {
        format!("{}@lid", self.account.lid)
    }

    /// Returns every chat as the phone shows it, in the phone's order. Pinned chats are first, the most recently pinned
    /// on top. The others follow by their latest message, and archived chats are last.
    #[must_use]
    pub fn chats(&self) -> Vec<ChatView> {
        locked(&self.account.state).views()
    }

    /// Returns the messages of a chat, in the order of their delivery to every companion.
    ///
    /// # Errors
    /// [`Error::UnknownChat`] if the phone shows no such chat.
    pub fn messages(&self, chat: &str) -> Result<Vec<MessageView>, Error> {
        locked(&self.account.state).messages(chat).ok_or_else(|| Error::UnknownChat(chat.to_owned()))
    }

    /// Returns the number of paired companions.
    #[must_use]
    pub fn companions(&self) -> usize {
        locked(&self.account.companions).all().count()
    }

    /// Returns the number of stanzas that companions have not confirmed.
    #[must_use]
    pub fn pending(&self) -> usize {
        locked(&self.account.companions).all().map(|(_, companion)| companion.queue.len()).sum()
    }

    /// Returns the version of an app-state collection, which is the number of its patches. 0 if there is no such
    /// collection.
    #[must_use]
    pub fn version(&self, collection: &str) -> u64 {
        locked(&self.account.app_state).version(collection).unwrap_or_default()
    }

    /// Waits until a paired companion is connected and has fetched every app-state collection.
    ///
    /// A client stores a fetched collection a moment later: then its own version is that of [`Phone::version`].
    ///
    /// Cancel-safe. Waits as long as it takes; put a timeout around it.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the sandbox stops first.
    pub async fn connected(&self) -> Result<(), Error> {
        self.until(|phone| locked(&phone.account.companions).all().any(|(_, companion)| companion.is_synced())).await
    }

    /// Waits until no companion is connected.
    ///
    /// Cancel-safe. Waits as long as it takes; put a timeout around it.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the sandbox stops first.
    pub async fn disconnected(&self) -> Result<(), Error> {
        self.until(|phone| locked(&phone.account.companions).all().all(|(_, companion)| companion.outlet.is_none()))
            .await
    }

    /// Waits until every companion has confirmed everything it was sent.
    ///
    /// Cancel-safe. Waits as long as it takes; put a timeout around it.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the sandbox stops first.
    pub async fn settled(&self) -> Result<(), Error> {
        self.until(|phone| phone.pending() == 0).await
    }

    async fn until(&self, reached: impl Fn(&Self) -> bool) -> Result<(), Error> {
        let mut changes = self.account.watch();
        loop {
            changes.mark_unchanged();
            if reached(self) {
                return Ok(());
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = self.services.stop.cancelled() => return Err(Error::Stopped),
            }
        }
    }
}
