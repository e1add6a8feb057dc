//! Session mutations.

use async_graphql::{Context, ID, Object};

use super::input::{
    CreateSessionInput, DeleteSessionPayload, RequestPairingCodeInput, SessionInput, SessionPayload, UpdateSessionInput,
};
use crate::{
    domain::capability::Capability,
    graphql::{
        capability::requires,
        context::{ContextExt as _, session_id},
        error::ApiError,
    },
    service::session::SessionUpdate,
};

#[derive(Default)]
pub(in crate::graphql) struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Creates a session, which is stopped until `startSession`. Returns `conflict` if the organization has reached the
    /// operator's limit, 200 by default. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn create_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The session to create.")] input: CreateSessionInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session =
            context.sessions().create(context.viewer(), input.label, input.idempotency_key.as_deref()).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }

    /// Connects a session and keeps it connected. A session that was never paired provides a QR code in
    /// `Session.pairing`. Starting a running session is valid. Starting a session too often returns `rate_limited`.
    /// Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn start_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The session.")] input: SessionInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        let session = context.sessions().start(context.viewer(), session).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }

    /// Requests a pairing code of eight characters from WhatsApp. The user types it on the phone instead of scanning
    /// the QR code: under linked devices, "link with phone number instead". `Session.pairing` of the response contains
    /// the code. Starts the session if it is stopped. A new request returns a new code and invalidates the previous
    /// one. Returns `conflict` if the session is paired, or if WhatsApp does not issue a code for this number now.
    /// Returns `rate_limited` after a few requests in a minute. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn request_pairing_code(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The session, and the phone number to pair it with.")] input: RequestPairingCodeInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        let session = context.sessions().request_code(context.viewer(), session, &input.phone_number).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }

    /// Disconnects a session, which stays stopped until it is started again. The pairing and the stored copy are kept.
    /// Stopping a stopped session is valid. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn stop_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The session.")] input: SessionInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        let session = context.sessions().stop(context.viewer(), session).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }

    /// Unlinks the session's device on WhatsApp. The stored copy is kept. If the session is not linked, nothing
    /// changes. Returns `gateway_unavailable` if the session is not connected. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn logout_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The session.")] input: SessionInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        let session = context.sessions().log_out(context.viewer(), session).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }

    /// Fetches the archived, pinned, muted and read state of all chats from WhatsApp again. Differences are stored and
    /// published as changes before the response. Returns `gateway_unavailable` if the session is not connected, or if
    /// WhatsApp does not answer within a few seconds; the sync then continues in the background. Returns `rate_limited`
    /// after a few requests in a minute. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn resync_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The session.")] input: SessionInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        let session = context.sessions().resync(context.viewer(), session).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }

    /// Changes a session's label and its automatic reply to rejected calls. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn update_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The session, and the changes to make.")] input: UpdateSessionInput,
    ) -> Result<Option<SessionPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        let update = SessionUpdate { label: input.label, call_auto_reply: input.call_auto_reply };
        let session = context.sessions().update(context.viewer(), session, update).await?;
        Ok(Some(SessionPayload { session: session.into() }))
    }

    /// Logs a session out and deletes it with all its stored data. If it has many chats, some are deleted shortly after
    /// the response; each of its chats is published as `DELETED`. If WhatsApp cannot be reached within a few seconds,
    /// the session is deleted without being unlinked, and the phone continues to list its device. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn delete_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The session.")] input: SessionInput,
    ) -> Result<Option<DeleteSessionPayload>, ApiError> {
        let session = session_id(&input.session_id)?;
        context.sessions().delete(context.viewer(), session).await?;
        Ok(Some(DeleteSessionPayload { deleted_session_id: ID::from(session) }))
    }
}
