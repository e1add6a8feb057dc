//! The life of sessions.

use async_graphql::Context;
use async_graphql::ID;
use async_graphql::Object;

use crate::domain::capability::Capability;
use crate::graphql::capability::requires;
use crate::graphql::context::ContextExt as _;
use crate::graphql::context::session_id;
use crate::graphql::error::ApiError;
use crate::service::session::SessionUpdate;

use super::input::CreateSessionInput;
use super::input::DeleteSessionPayload;
use super::input::RequestPairingCodeInput;
use super::input::SessionInput;
use super::input::SessionPayload;
use super::input::UpdateSessionInput;

#[derive(Default)]
pub(in crate::graphql) struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Makes a session. It is stopped until it is started. An organization that has as many sessions as the operator
    /// allows, 200 by default, gets `conflict`. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn create_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The session to make.")] input: CreateSessionInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session =
            context.sessions().create(context.viewer(), input.label, input.idempotency_key.as_deref()).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }

    /// Connects a session, and keeps it connected. One that was never paired shows a QR code in `Session.pairing`.
    /// Starting a session that runs already is legal; one that is started very often gets `rate_limited`. Requires `manage`.
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

    /// Asks WhatsApp for a code of eight characters, to be typed on the phone instead of scanning the QR code: under
    /// linked devices, "link with phone number instead". It is in `Session.pairing` of the answer. The session is started
    /// if it does not run. Asking again gives another code, and the one before is void. `conflict` for a session that is
    /// paired, and when WhatsApp gives no code for this number now; `rate_limited` beyond a few
    /// in a minute. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn request_pairing_code(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which session, and the number of which phone.")] input: RequestPairingCodeInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        let session = context.sessions().request_code(context.viewer(), session, &input.phone_number).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }

    /// Disconnects a session; it stays down until it is started. Its pairing and its stored copy are kept. Stopping a
    /// session that is down is legal. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn stop_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which session.")] input: SessionInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        let session = context.sessions().stop(context.viewer(), session).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }

    /// Unlinks a session's device on WhatsApp. Its stored copy is kept. Nothing changes for a session that is not
    /// linked; for one that is not connected the answer is `gateway_unavailable`. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn logout_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which session.")] input: SessionInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        let session = context.sessions().log_out(context.viewer(), session).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }

    /// Fetches archive, pin, mute and read state of all chats from WhatsApp afresh. What differs from the stored copy is
    /// stored and told as changes by the time of the answer. `gateway_unavailable` for a session that is not connected,
    /// and when WhatsApp takes longer than some seconds; then it goes on by itself. `rate_limited` beyond a few in a
    /// minute. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn resync_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which session.")] input: SessionInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        let session = context.sessions().resync(context.viewer(), session).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }

    /// Changes a session's label and what it answers to callers. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn update_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which session, and what to change.")] input: UpdateSessionInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        let update = SessionUpdate { label: input.label, call_auto_reply: input.call_auto_reply };
        let session = context.sessions().update(context.viewer(), session, update).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }

    /// Logs a session out and removes it with all that is stored for it. Each of its chats is told as `DELETED`. When
    /// WhatsApp cannot be reached within some seconds, the session goes without being unlinked, and the phone goes on
    /// to list its device. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn delete_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which session.")] input: SessionInput,
    ) -> Result<Option<DeleteSessionPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        context.sessions().delete(context.viewer(), session).await?;
        Ok(Some(DeleteSessionPayload { deleted_session_id: ID::from(session) }))
    }
}
