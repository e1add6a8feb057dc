//! The chat that a request means.

use crate::{
    domain::{
        chat::Chat,
        id::{ChatId, OrganizationId, SessionId},
        jid::Jid,
    },
    service::error::Error,
    store::Store,
};

/// Reference to a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatRef {
    /// By address, canonical or an alias.
    Address {
        /// The session; optional if the organization has exactly one.
        session: Option<SessionId>,
        /// The address.
        cid: Jid,
    },
    /// By id; also finds the chat into which the chat with this id was merged.
    Id(ChatId),
}

/// Session and address of a chat.
pub(super) struct ChatLocation {
    pub(super) session: SessionId,
    pub(super) cid: Jid,
    /// Expected id if the chat was referenced by id: its address may move to another chat meanwhile.
    pub(super) id: Option<ChatId>,
}

impl ChatLocation {
    /// Rejects a chat with another id than the expected one.
    pub(super) fn check(id: Option<ChatId>, chat: Chat) -> Result<Chat, Error> {
        if id.is_none_or(|id| id == chat.id) { Ok(chat) } else { Err(Error::ChatNotFound) }
    }
}

/// Finds the session and the address of a chat.
pub(super) async fn locate(
    store: &Store,
    organization: &OrganizationId,
    target: &ChatRef,
) -> Result<ChatLocation, Error> {
    match target {
        ChatRef::Address { session, cid } => {
            let session = session_of(store, organization, *session).await?;
            Ok(ChatLocation { session, cid: cid.clone(), id: None })
        }
        ChatRef::Id(id) => {
            let chat = store.chat_by_id(organization, *id).await?.ok_or(Error::ChatNotFound)?;
            Ok(ChatLocation { session: chat.session, cid: chat.jid, id: Some(chat.id) })
        }
    }
}

/// Returns the given session, or the organization's only one.
pub(super) async fn session_of(
    store: &Store,
    organization: &OrganizationId,
    named: Option<SessionId>,
) -> Result<SessionId, Error> {
    if let Some(session) = named {
        return existing_session(store, organization, session).await;
    }
    // With several sessions, a guess could pick another session's chat with the same person.
    match store.some_sessions(organization, 2).await?.as_slice() {
        [only] => Ok(*only),
        _ => Err(Error::SessionRequired),
    }
}

/// Returns the session if the organization has it.
pub(super) async fn existing_session(
    store: &Store,
    organization: &OrganizationId,
    session: SessionId,
) -> Result<SessionId, Error> {
    let found = store.sessions_by_ids(organization, &[session]).await?;
    if found.is_empty() { Err(Error::SessionNotFound) } else { Ok(session) }
}
