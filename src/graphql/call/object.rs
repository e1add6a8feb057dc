//! A call as callers of the API see it.

use async_graphql::Context;
use async_graphql::Description;
use async_graphql::ID;
use async_graphql::Object;

use crate::graphql::context::ContextExt as _;
use crate::graphql::error::ApiError;
use crate::graphql::scalar::Jid;
use crate::graphql::scalar::Timestamp;
use crate::graphql::session::object::Session;
use crate::service::call;

/// A call that rings now. It is not stored: whoever does not listen misses it.
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

    /// The session that it rings at.
    async fn session(&self, context: &Context<'_>) -> Result<Session, ApiError> {
        let session = context.loader().load_one(self.0.session).await?;
        session.map(Session::from).ok_or_else(ApiError::session_not_found)
    }

    /// Who calls.
    async fn from(&self) -> Jid {
        self.0.call.from.clone().into()
    }

    /// What the chat with the caller is called. Null when it has no name, or there is none.
    #[graphql(name = "fromName")]
    async fn caller_name(&self) -> Option<&str> {
        self.0.from_name.as_deref()
    }

    /// Whether it shows a picture, too.
    async fn video(&self) -> bool {
        self.0.call.video
    }

    /// The group that is called. Null when the account itself is.
    async fn group(&self) -> Option<Jid> {
        self.0.call.group.clone().map(Jid::from)
    }

    /// When it began to ring.
    async fn at(&self) -> Timestamp {
        self.0.call.at.into()
    }
}
