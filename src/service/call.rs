//! Calls: following those that ring, and rejecting one, with a word to the caller.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tracing::instrument;
use tracing::warn;

use crate::auth::viewer::Viewer;
use crate::domain::call::Call;
use crate::domain::capability::Capability;
use crate::domain::clock::Clock;
use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;
use crate::domain::jid::Jid;
use crate::domain::message::IncomingMessage;
use crate::domain::message::MessageKind;
use crate::domain::peer::is_person;
use crate::domain::session::Session;
use crate::session::SessionError;
use crate::session::SessionKey;
use crate::session::registry::Registry;
use crate::store::Store;
use crate::store::error::StoreError;

use super::call_news::CallEar;
use super::call_news::CallNews;
use super::call_replies::Replies;
use super::error::Error;
use super::inbound_chat;

/// How long a caller of the API waits for the session to be connected, and then for WhatsApp.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    /// Whether it was handed to WhatsApp; not whether the call stopped.
    pub sent: bool,
    /// Whether the caller was written, too.
    pub auto_replied: bool,
}

/// The use cases around calls.
#[derive(Clone)]
pub struct Calls {
    store: Store,
    registry: Registry,
    news: CallNews,
    replies: Replies,
    clock: Arc<dyn Clock>,
}

impl Calls {
    /// Makes the use cases; `registry` runs this node's sessions, `news` is where the inbox tells of calls.
    #[must_use]
    pub fn new(store: Store, registry: Registry, news: CallNews, clock: Arc<dyn Clock>) -> Self {
        Self { store, registry, news, replies: Replies::default(), clock }
    }

    /// Follows the calls of the organization's sessions, or of one of them, from now on.
    ///
    /// # Errors
    /// `Forbidden` without `events`, `SessionNotFound`, `Store`.
    #[instrument(name = "calls.follow", level = "debug", skip_all)]
    pub async fn follow(&self, viewer: &Viewer, session: Option<SessionId>) -> Result<IncomingCalls, Error> {
        let organization = viewer.require(Capability::Events)?;
        if let Some(session) = session {
            self.session(organization, session).await?;
        }
        let ear = self.news.listen(organization.clone(), session);
        Ok(IncomingCalls { store: self.store.clone(), organization: organization.clone(), ear })
    }

    /// Asks WhatsApp to reject a call that rings, and sends the session's auto-reply to its caller: once a call, and at
    /// most three times an hour to the same caller.
    ///
    /// # Errors
    /// `Forbidden` without `send`, `SessionNotFound`, `Invalid` for a call without an id, `CallNotFound` if no such call
    /// of this caller rings at the session, `Unreachable` if the session is not connected within some seconds, `Store`.
    #[instrument(name = "calls.reject", level = "debug", skip_all)]
    pub async fn reject(&self, viewer: &Viewer, id: SessionId, call: &str, from: &Jid) -> Result<Rejected, Error> {
        let organization = viewer.require(Capability::Send)?;
        let session = self.session(organization, id).await?;
        if call.is_empty() || call.len() > MAX_ID {
            let message = format!("must be a call id of 1 to {MAX_ID} characters");
            return Err(Error::Invalid { field: "callId", message });
        }
        // Otherwise the auto-reply would be a way to write to any number with `send` alone.
        if !self.news.ringing.rings(id, call, from, self.clock.now()) {
            return Err(Error::CallNotFound);
        }
        let link = self.registry.connected(id, PATIENCE).await.ok_or(Error::Unreachable)?;
        match timeout(PATIENCE, link.reject_call(call, from)).await {
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
        // In this order: a call that was answered before does not count against the caller.
        let may_reply = is_person(from)
            && self.news.ringing.take_reply(id, call)
            && self.replies.may_reply(id, from, self.clock.now());
        if !may_reply {
            return Ok(Rejected { sent: true, auto_replied: false });
        }
        let auto_replied = match timeout(PATIENCE, link.send_text(from, &text)).await {
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

    /// What this device writes comes by no event.
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
            // WhatsApp's messages know seconds only.
            at: now - now.rem_euclid(1_000),
        };
        let key = SessionKey { organization: session.organization.clone(), session: session.id };
        self.store
            .write_in(&session.organization, session.id, move |unit| {
                Box::pin(async move { inbound_chat::message(unit, &key, &message, None, now).await })
            })
            .await
    }

    async fn session(&self, organization: &OrganizationId, id: SessionId) -> Result<Session, Error> {
        let found = self.store.sessions_by_ids(organization, &[id]).await?;
        found.into_iter().next().ok_or(Error::SessionNotFound)
    }
}

/// WhatsApp's ids have some 32 characters.
const MAX_ID: usize = 128;

/// A call that rings at a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingCall {
    /// The session.
    pub session: SessionId,
    /// The call.
    pub call: Call,
    /// What the chat with the caller is called, where there is one.
    pub from_name: Option<String>,
}

/// One listener's view of an organization's calls.
pub struct IncomingCalls {
    store: Store,
    organization: OrganizationId,
    ear: CallEar,
}

impl IncomingCalls {
    /// The next call.
    ///
    /// # Errors
    /// `Store`.
    pub async fn next(&mut self) -> Result<IncomingCall, Error> {
        let (session, call) = self.ear.next().await;
        let chat = self.store.chat(&self.organization, session, &call.from).await?;
        Ok(IncomingCall { session, call, from_name: chat.and_then(|chat| chat.names.shown().cloned()) })
    }
}
