//! Reading sessions.

use async_graphql::Context;
use async_graphql::ID;
use async_graphql::Object;

use crate::domain::capability::Capability;
use crate::domain::session;
use crate::graphql::capability::requires;
use crate::graphql::connection::Listing;
use crate::graphql::connection::PageArguments;
use crate::graphql::context::ContextExt as _;
use crate::graphql::context::session_id;
use crate::graphql::error::ApiError;

use super::connection::SessionConnection;
use super::object::Session;

#[derive(Default)]
pub(in crate::graphql) struct SessionQuery;

#[Object]
impl SessionQuery {
    /// The organization's sessions, newest first. Requires `read`.
    #[graphql(guard = "requires(Capability::Read)")]
    async fn sessions(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many from the beginning or behind `after`, 1 to 200; 50 when neither this nor `last` is given."
        )]
        first: Option<i64>,
        #[graphql(desc = "The cursor of the session to go on behind; not together with `last` or `before`.")]
        after: Option<String>,
        #[graphql(desc = "How many from the end or before `before`, 1 to 200; not together with `first`.")]
        last: Option<i64>,
        #[graphql(desc = "The cursor of the session to go back from; not together with `first` or `after`.")]
        before: Option<String>,
    ) -> Result<SessionConnection, ApiError> {
        let viewer = context.viewer();
        let scope = ["sessions", viewer.require(Capability::Read)?.as_str()];
        let page = PageArguments { first, after, last, before }.request(&scope)?;
        let page = context.sessions().list(viewer, page).await?;
        Ok(SessionConnection(Listing::of(page, &scope, session::Session::key)))
    }

    /// One session. Null, with error `not_found`, when it does not exist or is another organization's. Requires `read`.
    #[graphql(guard = "requires(Capability::Read)")]
    async fn session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The session's id.")] id: ID,
    ) -> Result<Option<Session>, ApiError> {
        let session = context.sessions().session(context.viewer(), session_id(&id)?).await?;
        Ok(Some(session.into()))
    }
}
