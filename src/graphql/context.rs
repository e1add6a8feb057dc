//! What a resolver finds in its context.

use std::sync::Arc;

use async_graphql::Context;
use async_graphql::ID;
use async_graphql::dataloader::DataLoader;

use crate::auth::viewer::Viewer;
use crate::domain::id::SessionId;
use crate::service::call::Calls;
use crate::service::chat::Chats;
use crate::service::key::Keys;
use crate::service::session::Sessions;

use super::api::Parts;
use super::error::ApiError;
use super::loader::Loaders;
use super::loader::Rows;
use super::turns::Pace;

/// What [`super::Api`] put into the context of every request.
pub(super) trait ContextExt {
    /// Who asks.
    fn viewer(&self) -> &Viewer;
    /// The use cases around chats.
    fn chats(&self) -> &Chats;
    /// The use cases around sessions.
    fn sessions(&self) -> &Sessions;
    /// The use cases around calls.
    fn calls(&self) -> &Calls;
    /// The use cases around api-keys.
    fn keys(&self) -> &Keys;
    /// Loads what many items of one answer need, together.
    fn loader(&self) -> &DataLoader<Rows>;
    /// What a subscription takes turns with.
    fn pace(&self) -> &Pace;
}

impl ContextExt for Context<'_> {
    fn viewer(&self) -> &Viewer {
        self.data_unchecked::<Arc<Viewer>>()
    }

    fn chats(&self) -> &Chats {
        &self.data_unchecked::<Parts>().chats
    }

    fn sessions(&self) -> &Sessions {
        &self.data_unchecked::<Parts>().sessions
    }

    fn calls(&self) -> &Calls {
        &self.data_unchecked::<Parts>().calls
    }

    fn keys(&self) -> &Keys {
        &self.data_unchecked::<Parts>().keys
    }

    fn loader(&self) -> &DataLoader<Rows> {
        &self.data_unchecked::<Loaders>().0
    }

    fn pace(&self) -> &Pace {
        self.data_unchecked::<Pace>()
    }
}

/// Reads a session's id. Text that is none is a session that does not exist, as for any other caller.
pub(super) fn session_id(id: &ID) -> Result<SessionId, ApiError> {
    id.parse().map_err(|_| ApiError::session_not_found())
}
