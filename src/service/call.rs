//! Call use cases: subscribing to ringing calls, and rejecting one with an optional auto-reply.

pub mod broadcast;
mod reply_limit;
pub(super) mod ringing;

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use tracing::{instrument, warn};

use super::{
    error::Error,
    inbound::{context::InboundContext, message},
};
use crate::{
    auth::viewer::Viewer,
    domain::{
        call::Call,
        capability::Capability,
        change::Origin,
        clock::Clock,
        id::{OrganizationId, SessionId},
        jid::Jid,
        message::{IncomingMessage, MessageKind},
        peer::is_person,
        session::Session,
    },
    session::{SessionError, registry::Registry},
    store::{Store, error::StoreError},
};
use broadcast::{CallBroadcast, CallListener};
use reply_limit::ReplyLimiter;

/// Time limit for the session to be connected, and again for WhatsApp's answer.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Outcome of a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// True if the rejection was handed to WhatsApp; the call may still ring.
    pub sent: bool,
    /// True if the auto-reply was sent to the caller.
    pub auto_replied: bool,
}

/// The use cases around calls.
#[derive(Clone)]
pub struct Calls {
    store: Store,
    registry: Registry,
    broadcast: CallBroadcast,
    replies: ReplyLimiter,
    clock: Arc<dyn Clock>,
}

impl Calls {
    /// Creates the use cases. `registry` runs this node's sessions; the inbound worker publishes calls to `broadcast`.
    #[must_use]
    pub fn new(store: Store, registry: Registry, broadcast: CallBroadcast, clock: Arc<dyn Clock>) -> Self {
        Self { store, registry, broadcast, replies: ReplyLimiter::default(), clock }
    }

    /// Subscribes to the calls of the organization's sessions, or of one of them, from now on.
    ///
    /// # Errors
    /// `Forbidden` without `events`, `SessionNotFound`, `Store`.
    #[instrument(name = "calls.follow", level = "debug", skip_all)]
    pub async fn follow(&self, viewer: &Viewer, session: Option<SessionId>) -> Result<IncomingCalls, Error> {
        let organization = viewer.require(Capability::Events)?;
        if let Some(session) = session {
            self.session(organization, session).await?;
        }
        let listener = self.broadcast.subscribe(organization.clone(), session);
        Ok(IncomingCalls { store: self.store.clone(), organization: organization.clone(), listener })
    }

    /// Asks WhatsApp to reject a ringing call and sends the session's auto-reply to the caller. A call gets at most one
    /// reply, and a caller at most three an hour.
    ///
    /// # Errors
    /// `Forbidden` without `send`, `SessionNotFound`, `Invalid` for a missing or too long call id. `CallNotFound` if no
    /// such call of this caller rings in the session, `Unreachable` if the session is not connected within a few
    /// seconds, `Store`.
    #[instrument(name = "calls.reject", level = "debug", skip_all)]
    pub async fn reject(&self, viewer: &Viewer, id: SessionId, call: &str, from: &Jid) -> Result<Rejected, Error> {
        let organization = viewer.require(Capability::Send)?;
        let session = self.session(organization, id).await?;
        if call.is_empty() || call.len() > MAX_ID_LEN {
            let message = format!("must be a call id of 1 to {MAX_ID_LEN} characters");
            return Err(Error::Invalid { field: "callId", message });
        }
        // Without this check, `send` alone would allow writing to any number by way of the auto-reply.
        if !self.broadcast.ringing.rings(id, call, from, self.clock.now()) {
            return Err(Error::CallNotFound);
        }
        let link = self.registry.connected(id, SEND_TIMEOUT).await.ok_or(Error::Unreachable)?;
        match timeout(SEND_TIMEOUT, link.reject_call(call, from)).await {
            Ok(Ok(())) => {}
            Ok(Err(SessionError::NotConnected)) | Err(_) => return Err(Error::Unreachable),
            Ok(Err(failed)) => {
                warn!(error = &failed as &dyn std::error::Error, "Rejecting the call failed");
                return Ok(Rejected { sent: false, auto_replied: false });
            }
        }
        let Some(text) = session.call_auto_reply.clone() else {
            return Ok(Rejected { sent: true, auto_replied: false });
        };
        // The order matters: a call that already had its reply must not use up the caller's limit.
        let may_reply = is_person(from)
            && self.broadcast.ringing.take_reply(id, call)
            && self.replies.may_reply(id, from, self.clock.now());
        if !may_reply {
            return Ok(Rejected { sent: true, auto_replied: false });
        }
        let auto_replied = match timeout(SEND_TIMEOUT, link.send_text(from, &text)).await {
            Ok(Ok(wa_id)) => {
                self.store_reply(&session, from, wa_id, text).await?;
                true
            }
            Ok(Err(failed)) => {
                warn!(error = &failed as &dyn std::error::Error, "Sending the call auto-reply failed");
                false
            }
            Err(_) => false,
        };
        Ok(Rejected { sent: true, auto_replied })
    }

    /// Stores the reply, because WhatsApp sends no event for messages of this device.
    async fn store_reply(&self, session: &Session, to: &Jid, wa_id: String, text: String) -> Result<(), StoreError> {
        let Some(sender) = session.jid.clone() else { return Ok(()) };
        let now = self.clock.now();
        let message = IncomingMessage {
            chat: to.clone(),
            wa_id,
            sender,
            sender_name: None,
            from_me: true,
            kind: MessageKind::Text,
            text: Some(text),
            // WhatsApp's timestamps are whole seconds.
            at: now - now.rem_euclid(1_000),
        };
        let id = session.id;
        self.store
            .write_session(&session.organization, id, move |unit| {
                Box::pin(async move {
                    let cx = &mut InboundContext { unit, session: id, origin: Origin::Message };
                    message::message(cx, &message, None).await
                })
            })
            .await
    }

    async fn session(&self, organization: &OrganizationId, id: SessionId) -> Result<Session, Error> {
        let found = self.store.sessions_by_ids(organization, &[id]).await?;
        found.into_iter().next().ok_or(Error::SessionNotFound)
    }
}

/// WhatsApp's call ids have about 32 characters.
const MAX_ID_LEN: usize = 128;

/// A call that rings in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingCall {
    /// The session.
    pub session: SessionId,
    /// The call.
    pub call: Call,
    /// Name of the chat with the caller, if there is one.
    pub from_name: Option<String>,
}

/// A subscription to an organization's calls.
pub struct IncomingCalls {
    store: Store,
    organization: OrganizationId,
    listener: CallListener,
}

impl IncomingCalls {
    /// Returns the next call.
    ///
    /// # Errors
    /// `Store`.
    pub async fn next(&mut self) -> Result<IncomingCall, Error> {
        let (session, call) = self.listener.next().await;
        let chat = self.store.chat(&self.organization, session, &call.from).await?;
        Ok(IncomingCall { session, call, from_name: chat.and_then(|chat| chat.names.display_name().cloned()) })
    }
}
