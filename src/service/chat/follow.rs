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
    feed::{FollowedChat, ReportedPosition, Subscription, SubscriptionFilter},
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

    /// Continues a subscription to all chats, or to those of one session, after the last event that it received. It
    /// lasts even if the session has been deleted.
    ///
    /// # Errors
    /// `Forbidden` without `events`, `CursorExpired`, `Store`.
    #[instrument(name = "chats.resume", level = "debug", skip_all)]
    pub async fn resume(
        &self,
        viewer: &Viewer,
        session: Option<SessionId>,
        after: ChangeCursor,
    ) -> Result<Subscription, Error> {
        let organization = viewer.require(Capability::Events)?;
        let filter = SubscriptionFilter { session, chat: None };
        Ok(self.feed.subscribe(organization, filter, Some(after)).await?.without_start())
    }

    /// Registers the position of a subscriber that receives the events of another one.
    ///
    /// # Errors
    /// `Forbidden` without `events`.
    pub fn report_position(&self, viewer: &Viewer, after: ChangeCursor) -> Result<ReportedPosition, Error> {
        Ok(self.feed.report_position(viewer.require(Capability::Events)?, after))
    }

    /// Returns the number of the organization's changes after a position, as far as they have been read.
    ///
    /// # Errors
    /// `Forbidden` without `events`.
    pub fn changes_after(&self, viewer: &Viewer, after: ChangeCursor) -> Result<i64, Error> {
        Ok(self.feed.changes_after(viewer.require(Capability::Events)?, after))
    }
}
