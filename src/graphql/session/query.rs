//! Session queries.

use async_graphql::{Context, ID, Object};

use super::{connection::SessionConnection, object::Session};
use crate::{
    domain::{capability::Capability, session},
    graphql::{
        capability::requires,
        connection::{ConnectionPage, PageArguments},
        context::{ContextExt as _, session_id},
        error::ApiError,
    },
};

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
