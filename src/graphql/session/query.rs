//! Session queries.

use async_graphql::Context;
use async_graphql::ID;
use async_graphql::Object;

use crate::domain::capability::Capability;
use crate::domain::session;
use crate::graphql::capability::requires;
use crate::graphql::connection::ConnectionPage;
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
            desc = "The number of items from the start of the list, or following `after`: 1 to 200. The default is 50 \
                    if `last` is missing too."
        )]
        first: Option<i64>,
        #[graphql(desc = "Return the sessions after this cursor. Cannot be combined with `last` or `before`.")]
        after: Option<String>,
        #[graphql(
            desc = "The number of items from the end of the list, or preceding `before`: 1 to 200. Cannot be combined \
                    with `first`."
        )]
        last: Option<i64>,
        #[graphql(desc = "Return the sessions before this cursor. Cannot be combined with `first` or `after`.")]
        before: Option<String>,
    ) -> Result<SessionConnection, ApiError> {
        let scope = ["sessions", context.organization()?.as_str()];
        let page = PageArguments { first, after, last, before }.request(&scope)?;
        let page = context.sessions().list(context.viewer(), page).await?;
        Ok(SessionConnection(ConnectionPage::new(page, &scope, session::Session::key)))
    }

    /// One session. Null, with error `not_found`, if it does not exist or belongs to another organization.
    /// Requires `read`.
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
