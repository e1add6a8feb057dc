//! The `IncomingCall` object.

use async_graphql::{Context, Description, ID, Object};

use crate::{
    graphql::{
        context::ContextExt as _,
        error::ApiError,
        scalar::{Jid, Timestamp},
        session::object::Session,
    },
    service::call,
};

/// A call that is ringing. It is not stored: a client without an open subscription misses it.
#[derive(Description)]
pub(in crate::graphql) struct IncomingCall(call::IncomingCall);

impl From<call::IncomingCall> for IncomingCall {
    fn from(call: call::IncomingCall) -> Self {
        Self(call)
    }
}

#[Object(use_type_description)]
impl IncomingCall {
    /// The call's id: the `callId` of `rejectCall`.
    async fn id(&self) -> ID {
        ID::from(&self.0.call.id)
    }

    /// The session that receives the call.
    async fn session(&self, context: &Context<'_>) -> Result<Session, ApiError> {
        let session = context.loader().load_one(self.0.session).await?;
        session.map(Session::from).ok_or_else(ApiError::session_not_found)
    }

    /// The address of the caller.
    async fn from(&self) -> Jid {
        self.0.call.from.clone().into()
    }

    /// The display name of the chat with the caller. Null if there is no such chat, or if it has no name.
    #[graphql(name = "fromName")]
    async fn caller_name(&self) -> Option<&str> {
        self.0.from_name.as_deref()
    }

    /// True for a video call.
    async fn video(&self) -> bool {
        self.0.call.video
    }

    /// The group that is called. Null for a call to the account itself.
    async fn group(&self) -> Option<Jid> {
        self.0.call.group.clone().map(Jid::from)
    }

    /// The time at which the call started to ring.
    async fn at(&self) -> Timestamp {
        self.0.call.at.into()
    }
}
