//! Subscriptions to changes of chats.

use tracing::instrument;

use super::{Chats, target::existing_session};
use crate::{
    auth::viewer::Viewer,
    domain::{
        capability::Capability,
        cursor::ChangeCursor,
        id::{ChatId, SessionId},
        jid::Jid,
    },
    feed::{FollowedChat, Subscription, SubscriptionFilter},
    service::error::Error,
};

/// Chat of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowTarget {
    /// Any chat that an address identifies, now or later.
    Address(Jid),
    /// The chat with this id, and its successor if it is merged or comes back.
    Id(ChatId),
}

impl Chats {
    /// Subscribes to changes of the organization's chats, of one session, or of one chat, after `after` or from now on.
    /// An address need not identify a chat yet. An id must, unless `after` is given: the chat may have existed then.
    ///
    /// # Errors
    /// `Forbidden` without `events`, `SessionNotFound`, `ChatNotFound`, `Invalid` for a cursor ahead of the log,
    /// `CursorExpired`, `Store`.
    #[instrument(name = "chats.follow", level = "debug", skip_all)]
    pub async fn follow(
        &self,
        viewer: &Viewer,
        session: Option<SessionId>,
        chat: Option<FollowTarget>,
        after: Option<ChangeCursor>,
    ) -> Result<Subscription, Error> {
        let organization = viewer.require(Capability::Events)?;
        if let Some(session) = session {
            existing_session(&self.store, organization, session).await?;
        }
        let chat = match chat {
            Some(FollowTarget::Address(cid)) => {
                let (chats, addresses) = self.store.resolve_address(organization, session, &cid).await?;
                Some(FollowedChat::new(chats, addresses))
            }
            Some(FollowTarget::Id(id)) => {
                let now = self.store.chat_by_id(organization, id).await?.map(|chat| chat.id);
                if now.is_none() && after.is_none() {
                    return Err(Error::ChatNotFound);
                }
                Some(FollowedChat::new(now.into_iter().chain([id]), []))
            }
            None => None,
        };
        Ok(self.feed.subscribe(organization, SubscriptionFilter { session, chat }, after).await?)
    }
}
