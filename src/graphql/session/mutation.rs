//! Making and starting sessions.

use async_graphql::Context;
use async_graphql::Object;

use crate::domain::capability::Capability;
use crate::graphql::capability::requires;
use crate::graphql::context::ContextExt as _;
use crate::graphql::context::session_id;
use crate::graphql::error::ApiError;

use super::input::CreateSessionInput;
use super::input::SessionInput;
use super::input::SessionPayload;

#[derive(Default)]
pub(in crate::graphql) struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Makes a session. It is stopped until it is started. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn create_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The session to make.")] input: CreateSessionInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session = context.sessions().create(context.viewer(), input.label).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }

    /// Connects a session, and keeps it connected. One that was never paired shows a QR code in `Session.pairing`.
    /// Starting a session that runs already is legal. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn start_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which session.")] input: SessionInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        let session = context.sessions().start(context.viewer(), session).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }
}
