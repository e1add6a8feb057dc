//! The units of work of a session's life: what is stored when it is started, stopped, renamed, logged out, removed.

use crate::domain::change::Origin;
use crate::domain::session::Session;
use crate::domain::session::SessionStatus;
use crate::domain::session::StatusReason;
use crate::session::SessionKey;
use crate::store::Unit;

use super::chat_delete;
use super::error::Error;

/// Chats that one unit removes, when a session goes: what bounds how long others wait.
const CHATS: usize = 50;

/// What a caller wants to differ about a session; none leaves it as it is, empty text clears.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionUpdate {
    /// A name for people, at most 100 characters.
    pub label: Option<String>,
    /// What a caller is written when the call is rejected, at most 1,000 characters.
    pub call_auto_reply: Option<String>,
}

impl SessionUpdate {
    /// Refuses what is too long.
    pub(super) fn check(&self) -> Result<(), Error> {
        for (field, text, most) in [("label", &self.label, 100), ("callAutoReply", &self.call_auto_reply, 1_000)] {
            if text.as_ref().is_some_and(|text| text.chars().count() > most) {
                return Err(Error::Invalid { field, message: format!("must have at most {most} characters") });
            }
        }
        Ok(())
    }
}

/// Text that says something; none in the place of empty text.
pub(super) fn said(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}

/// Notes that the session shall be connected; a node that finds the note at its start connects it, too.
pub(super) async fn want(unit: &mut Unit<'_>, key: SessionKey) -> Result<Session, Error> {
    change(unit, &key, |session| {
        session.wanted = true;
        if !matches!(session.status, SessionStatus::Working | SessionStatus::ScanQrCode) {
            session.status = SessionStatus::Starting;
            session.status_reason = None;
        }
    })
    .await
}

/// Notes that the session shall not be connected any more.
pub(super) async fn unwant(unit: &mut Unit<'_>, key: SessionKey) -> Result<Session, Error> {
    change(unit, &key, |session| session.wanted = false).await
}

/// Notes that the session is down, unless somebody started it meanwhile. One that was logged out stays so: that says
/// more.
pub(super) async fn stopped(unit: &mut Unit<'_>, key: SessionKey) -> Result<Session, Error> {
    change(unit, &key, |session| {
        if !session.wanted && session.status != SessionStatus::LoggedOut {
            session.status = SessionStatus::Stopped;
            session.status_reason = None;
        }
    })
    .await
}

/// Notes that the session was unlinked.
pub(super) async fn logged_out(unit: &mut Unit<'_>, key: SessionKey) -> Result<Session, Error> {
    change(unit, &key, |session| {
        session.wanted = false;
        session.status = SessionStatus::LoggedOut;
        session.status_reason = Some(StatusReason::unlinked());
    })
    .await
}

/// Changes label and auto-reply.
pub(super) async fn update(unit: &mut Unit<'_>, key: SessionKey, update: SessionUpdate) -> Result<Session, Error> {
    change(unit, &key, |session| {
        if let Some(label) = update.label {
            session.label = said(label);
        }
        if let Some(reply) = update.call_auto_reply {
            session.call_auto_reply = said(reply);
        }
    })
    .await
}

/// Removes some of a session's chats, and with the last of them the session; tells whether it is gone.
pub(super) async fn remove_some(unit: &mut Unit<'_>, key: SessionKey, now: i64) -> Result<bool, Error> {
    let found = unit.session_for_update(&key.organization, key.session).await?;
    let session = found.ok_or(Error::SessionNotFound)?;
    let chats = unit.some_chats_for_update(&key.organization, key.session, CHATS as u64).await?;
    for chat in &chats {
        chat_delete::delete_for_good(unit, &key.organization, chat, now, Origin::Api).await?;
    }
    let last = chats.len() < CHATS;
    if last {
        unit.abandon_session(&session).await?;
    }
    Ok(last)
}

async fn change(unit: &mut Unit<'_>, key: &SessionKey, how: impl FnOnce(&mut Session)) -> Result<Session, Error> {
    let found = unit.session_for_update(&key.organization, key.session).await?;
    let mut session = found.ok_or(Error::SessionNotFound)?;
    how(&mut session);
    unit.save_session(&session).await?;
    Ok(session)
}
