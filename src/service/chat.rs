//! Reading and changing chats.

pub(super) mod delete;
mod follow;
mod read;
mod target;
pub(super) mod update;

use std::sync::Arc;

use tracing::instrument;

use super::{
    audit,
    background::{mute_expiry::MuteExpirer, purge::Purger},
    error::Error,
};
use crate::{
    auth::viewer::Viewer,
    domain::{capability::Capability, chat::Chat, chat_view::ChatView, clock::Clock},
    feed::Feed,
    session::registry::Registry,
    store::Store,
};
use delete::DeleteChat;
use target::{ChatLocation, locate};
use update::UpdateChat;

pub use follow::FollowTarget;
pub use read::ChatPage;
pub use target::ChatRef;
pub use update::ChatUpdate;

/// The use cases around chats.
#[derive(Clone)]
pub struct Chats {
    store: Store,
    feed: Feed,
    sessions: Registry,
    purger: Purger,
    mutes: MuteExpirer,
    clock: Arc<dyn Clock>,
    config: Config,
}

/// Limits for changes of chats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Maximum number of chats pinned through the API; WhatsApp shows three.
    pub max_pinned: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_pinned: 3 }
    }
}

impl Chats {
    /// Creates the use cases. `sessions` is woken if a change must be sent to WhatsApp, `purger` after a deletion, and
    /// `mutes` after a mute.
    #[must_use]
    pub fn new(
        store: Store,
        feed: Feed,
        sessions: Registry,
        purger: Purger,
        mutes: MuteExpirer,
        clock: Arc<dyn Clock>,
        config: Config,
    ) -> Self {
        Self { store, feed, sessions, purger, mutes, clock, config }
    }

    /// Returns the revision of a chat as shown to clients. No other state of the chat ever has the same revision.
    #[must_use]
    pub fn revision(&self, chat: &ChatView) -> i64 {
        self.store.revision_base().saturating_add(chat.revision)
    }

    /// Changes settings of one chat: at once in the stored copy, on WhatsApp as soon as the session is connected.
    ///
    /// # Errors
    /// `Forbidden` without `send`, the errors of [`Chats::chat`], `Invalid`, `Conflict`.
    #[instrument(name = "chats.update", level = "debug", skip_all)]
    pub async fn update(&self, viewer: &Viewer, target: &ChatRef, update: ChatUpdate) -> Result<Chat, Error> {
        let organization = viewer.require(Capability::Send)?.clone();
        let ChatLocation { session, cid, id } = locate(&self.store, &organization, target).await?;
        let settings = update.settings(self.clock.now())?;
        let order = UpdateChat {
            session,
            cid,
            settings,
            range_hint: update.last_message_timestamp,
            max_pinned: self.config.max_pinned,
        };
        let updated = self.store.write_session_with_retry(&organization, session, (id, order), |(id, order), unit| {
            Box::pin(async move { ChatLocation::check(id, order.execute(unit).await?) })
        });
        let chat = updated.await.map_err(|error: Error| error.redacted_for(viewer))?;
        if let Some(end) = chat.settings.muted_until.value {
            self.mutes.schedule(end);
        }
        self.sessions.wake_pending(session);
        audit::record_chat(viewer, "chat.update", chat.id);
        Ok(chat)
    }

    /// Deletes one chat from the stored copy, with its messages and its pending actions; WhatsApp is not changed. The
    /// next message restores the chat under a new id, in the state that WhatsApp has by then. Returns the chat as it
    /// was.
    ///
    /// # Errors
    /// `Forbidden` without `send`, the errors of [`Chats::chat`].
    #[instrument(name = "chats.delete", level = "debug", skip_all)]
    pub async fn delete(&self, viewer: &Viewer, target: &ChatRef) -> Result<Chat, Error> {
        let organization = viewer.require(Capability::Send)?.clone();
        let ChatLocation { session, cid, id } = locate(&self.store, &organization, target).await?;
        let order = DeleteChat { session, cid };
        let deleted = self.store.write_session_with_retry(&organization, session, (id, order), |(id, order), unit| {
            Box::pin(async move { ChatLocation::check(id, order.execute(unit).await?) })
        });
        let chat = deleted.await?;
        audit::record_chat(viewer, "chat.delete", chat.id);
        self.purger.wake();
        Ok(chat)
    }

    /// Current time in milliseconds, for comparison with the end of a mute.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }
}

#[cfg(test)]
mod tests;
