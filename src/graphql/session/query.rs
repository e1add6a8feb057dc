//! Reading sessions.

use async_graphql::Context;
use async_graphql::ID;
use async_graphql::Object;

use crate::domain::capability::Capability;
use crate::graphql::capability::requires;
use crate::graphql::connection::Listing;
use crate::graphql::connection::page_request;
use crate::graphql::context::ContextExt as _;
use crate::graphql::context::session_id;
use crate::graphql::error::ApiError;

use super::connection::SessionConnection;
use super::connection::session_key;
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
        #[graphql(desc = "How many, 1 to 200; 50 when left out.")] first: Option<i64>,
        #[graphql(desc = "The cursor of the session to go on behind.")] after: Option<String>,
    ) -> Result<SessionConnection, ApiError> {
        let viewer = context.viewer();
        let scope = ["sessions", viewer.organization.as_str()];
        let page = page_request(first, after.as_deref(), &scope)?;
        let page = context.sessions().list(viewer, page).await?;
        Ok(SessionConnection(Listing::of(page, &scope, session_key)))
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
