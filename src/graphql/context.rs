//! Access to the context of a resolver.

use std::sync::Arc;

use async_graphql::{ContextBase, ID, dataloader::DataLoader};

use super::{
    backpressure::AnswerPacer,
    error::ApiError,
    freshness::Freshness,
    loader::{BatchReader, Loaders},
    services::GraphqlServices,
};
use crate::{
    auth::viewer::{Forbidden, Viewer},
    domain::{
        capability::Capability,
        chat_view::ChatView,
        cursor::ChangeCursor,
        id::{OrganizationId, SessionId},
    },
    service::{api_key::ApiKeys, call::Calls, chat::Chats, session::Sessions},
};

/// The values that [`super::GraphqlExecutor`] puts into the context of every request.
pub(super) trait ContextExt {
    /// The authenticated viewer.
    fn viewer(&self) -> &Viewer;
    /// The organization of the viewer, to which cursors are bound. It grants no access: that takes a capability, which
    /// the field's guard and the use case require.
    ///
    /// # Errors
    /// `forbidden` if the viewer has none, and so no capability.
    fn organization(&self) -> Result<&OrganizationId, ApiError>;
    /// The chat service.
    fn chats(&self) -> &Chats;
    /// The session service.
    fn sessions(&self) -> &Sessions;
    /// The call service.
    fn calls(&self) -> &Calls;
    /// The API key service.
    fn keys(&self) -> &ApiKeys;
    /// The data loader, which batches the reads of one response.
    fn loader(&self) -> &DataLoader<BatchReader>;
    /// The turns of a subscription's events.
    fn pacer(&self) -> &AnswerPacer;
    /// The end of a chat's mute at `now`, until which the response can be stored.
    fn muted_until(&self, chat: &ChatView, now: i64) -> Option<i64>;
    /// Prevents the response from being stored, because it can change without a commit.
    fn prevent_storing(&self);
}

impl<T> ContextExt for ContextBase<'_, T> {
    fn viewer(&self) -> &Viewer {
        self.data_unchecked::<Arc<Viewer>>()
    }

    fn organization(&self) -> Result<&OrganizationId, ApiError> {
        self.viewer().organization.as_ref().ok_or_else(|| Forbidden(Capability::Read).into())
    }

    fn chats(&self) -> &Chats {
        &self.data_unchecked::<GraphqlServices>().chats
    }

    fn sessions(&self) -> &Sessions {
        &self.data_unchecked::<GraphqlServices>().sessions
    }

    fn calls(&self) -> &Calls {
        &self.data_unchecked::<GraphqlServices>().calls
    }

    fn keys(&self) -> &ApiKeys {
        &self.data_unchecked::<GraphqlServices>().keys
    }

    fn loader(&self) -> &DataLoader<BatchReader> {
        &self.data_unchecked::<Loaders>().0
    }

    fn pacer(&self) -> &AnswerPacer {
        self.data_unchecked::<AnswerPacer>()
    }

    fn muted_until(&self, chat: &ChatView, now: i64) -> Option<i64> {
        let until = chat.muted_at(now)?;
        if let Some(freshness) = self.data_opt::<Freshness>() {
            freshness.ends_at(until);
        }
        Some(until)
    }

    fn prevent_storing(&self) {
        if let Some(freshness) = self.data_opt::<Freshness>() {
            freshness.ends_at(i64::MIN);
        }
    }
}

/// The cursor at which a client resumes, from outside the document (`Last-Event-ID`). `chatChanges` uses it if the
/// document has no `after`. A transport puts it into the request's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEvent(pub String);

/// The position at which `chatChanges` resumes a subscription of this process, without a checkpoint at the start. It
/// replaces the arguments of the document, which must not select a chat.
pub(super) struct ResumeAfter(pub(super) ChangeCursor);

/// Parses a session id. An invalid id is answered like an unknown session.
pub(super) fn session_id(id: &ID) -> Result<SessionId, ApiError> {
    id.parse().map_err(|_| ApiError::session_not_found())
}
