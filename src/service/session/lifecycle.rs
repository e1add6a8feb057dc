//! Units of work of a session's lifecycle: start, stop, rename, log out, remove.

use crate::{
    domain::{
        change::Origin,
        id::SessionId,
        session::{Session, SessionStatus, StatusReason},
    },
    service::{chat::delete, error::Error},
    store::{UnitOfWork, error::StoreError},
};

/// Chats that one unit removes with a session; bounds the time for which others wait.
const DELETE_BATCH_LEN: usize = 50;

/// Changes of a session; `None` leaves a field as it is, and empty text clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionUpdate {
    /// Display name, at most 100 characters.
    pub label: Option<String>,
    /// Auto-reply to the caller of a rejected call, at most 1,000 characters.
    pub call_auto_reply: Option<String>,
}

impl SessionUpdate {
    /// Rejects texts that are too long.
    pub(in crate::service) fn check(&self) -> Result<(), Error> {
        for (field, text, most) in [("label", &self.label, 100), ("callAutoReply", &self.call_auto_reply, 1_000)] {
            if text.as_ref().is_some_and(|text| text.chars().count() > most) {
                return Err(Error::Invalid { field, message: format!("must have at most {most} characters") });
            }
        }
        Ok(())
    }
}

/// Returns the text, or `None` if it is blank.
pub(in crate::service) fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}

/// Marks the session as wanted; a node that finds the mark at its start connects it, too.
pub(in crate::service) async fn mark_running(unit: &mut UnitOfWork<'_>, session: SessionId) -> Result<Session, Error> {
    change(unit, session, |session| {
        session.wanted = true;
        if !matches!(session.status, SessionStatus::Working | SessionStatus::ScanQrCode) {
            session.status = SessionStatus::Starting;
            session.status_reason = None;
        }
    })
    .await
}

/// Marks the session as not wanted.
pub(in crate::service) async fn mark_stopped(unit: &mut UnitOfWork<'_>, session: SessionId) -> Result<Session, Error> {
    change(unit, session, |session| session.wanted = false).await
}

/// Marks the session as stopped, unless it was started meanwhile. `LOGGED_OUT` is more specific and stays.
pub(in crate::service) async fn stopped(unit: &mut UnitOfWork<'_>, session: SessionId) -> Result<Session, Error> {
    change(unit, session, |session| {
        if !session.wanted && session.status != SessionStatus::LoggedOut {
            session.status = SessionStatus::Stopped;
            session.status_reason = None;
        }
    })
    .await
}

/// Marks the session as logged out.
pub(in crate::service) async fn logged_out(unit: &mut UnitOfWork<'_>, session: SessionId) -> Result<Session, Error> {
    change(unit, session, |session| {
        session.wanted = false;
        session.status = SessionStatus::LoggedOut;
        session.status_reason = Some(StatusReason::unlinked());
    })
    .await
}

/// Changes label and auto-reply.
pub(in crate::service) async fn update(
    unit: &mut UnitOfWork<'_>,
    session: SessionId,
    update: SessionUpdate,
) -> Result<Session, Error> {
    change(unit, session, |session| {
        if let Some(label) = update.label {
            session.label = non_empty(label);
        }
        if let Some(reply) = update.call_auto_reply {
            session.call_auto_reply = non_empty(reply);
        }
    })
    .await
}

/// Marks a session as deleted and deletes the first of its chats. Returns whether there are more, which [`delete_batch`]
/// deletes.
pub(in crate::service) async fn remove(unit: &mut UnitOfWork<'_>, session: SessionId) -> Result<bool, Error> {
    change(unit, session, |session| {
        session.removed = true;
        // A client may have started it while its device was unlinked.
        session.wanted = false;
    })
    .await?;
    Ok(delete_batch(unit, session).await?)
}

/// Deletes some chats of a session that is marked as deleted, and the session with the last of them. Returns whether there
/// are more.
pub(in crate::service) async fn delete_batch(
    unit: &mut UnitOfWork<'_>,
    session: SessionId,
) -> Result<bool, StoreError> {
    let chats = unit.some_chats_for_update(session, DELETE_BATCH_LEN as u64).await?;
    for chat in &chats {
        delete::delete_permanently(unit, chat, Origin::Api).await?;
    }
    let last = chats.len() < DELETE_BATCH_LEN;
    if last {
        unit.soft_delete_session(session).await?;
    }
    Ok(!last)
}

async fn change(
    unit: &mut UnitOfWork<'_>,
    session: SessionId,
    how: impl FnOnce(&mut Session),
) -> Result<Session, Error> {
    let found = unit.session_for_update(session).await?;
    let mut session = found.ok_or(Error::SessionNotFound)?;
    how(&mut session);
    unit.save_session(&session).await?;
    Ok(session)
}
