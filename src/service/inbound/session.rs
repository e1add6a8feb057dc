//! Session state as reported by the session itself.

use crate::domain::change::Origin;
use crate::domain::jid::Jid;
use crate::domain::session::Session;
use crate::domain::session::SessionStatus;
use crate::domain::session::StatusReason;
use crate::session::HistoryChunk;
use crate::session::SessionKey;
use crate::store::UnitOfWork;
use crate::store::error::StoreError;

use super::history;
use super::person;

/// Stores a session's status, and the time of the last connection.
pub(super) async fn status(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    status: SessionStatus,
    reason: Option<&StatusReason>,
    now: i64,
) -> Result<(), StoreError> {
    let Some(mut session) = lock_session(unit, key).await? else { return Ok(()) };
    // `LOGGED_OUT` is more specific than `STOPPED` and stays.
    if (session.status, status) == (SessionStatus::LoggedOut, SessionStatus::Stopped) {
        return Ok(());
    }
    session.status = status;
    session.status_reason = reason.cloned();
    if status == SessionStatus::Working {
        session.last_connected_at = Some(now);
    }
    if matches!(status, SessionStatus::LoggedOut) {
        session.wanted = false;
    }
    unit.save_session(&session).await
}

/// Stores the account a session was linked to.
pub(super) async fn paired(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    jid: &Jid,
    lid: Option<&Jid>,
    now: i64,
) -> Result<(), StoreError> {
    let Some(mut session) = lock_session(unit, key).await? else { return Ok(()) };
    session.jid = Some(jid.clone());
    session.lid = lid.cloned().or_else(|| session.lid.take());
    // The import of an earlier link does not count for this one.
    session.history_import = None;
    session.paired_at = Some(now);
    unit.quarantine_leaves_import(key.session).await?;
    unit.save_session(&session).await?;
    let addresses: Vec<_> = std::iter::once(jid).chain(lid).collect();
    let told = person::Provenance { at: 0, now, origin: Origin::Device };
    person::account(unit, key, &addresses, told).await
}

/// Imports a part of the history, and counts it.
pub(super) async fn history(
    unit: &mut UnitOfWork<'_>,
    key: &SessionKey,
    chunk: &HistoryChunk,
    now: i64,
) -> Result<(), StoreError> {
    // Lock order: session, then chats.
    let Some(mut session) = lock_session(unit, key).await? else { return Ok(()) };
    let brought = history::chunk(unit, key, chunk, (session.paired_at, now)).await?;
    let import = session.history_import.get_or_insert_default();
    import.add(brought.chats, brought.messages, chunk.progress);
    unit.save_session(&session).await
}

/// Marks the import as incomplete if a part was announced and its announcement is not stored.
pub(super) async fn history_expected(unit: &mut UnitOfWork<'_>, key: &SessionKey) -> Result<(), StoreError> {
    if unit.history_expected(key.session).await? { history_lost(unit, key).await } else { Ok(()) }
}

/// Marks the import as incomplete.
pub(super) async fn history_lost(unit: &mut UnitOfWork<'_>, key: &SessionKey) -> Result<(), StoreError> {
    let Some(mut session) = lock_session(unit, key).await? else { return Ok(()) };
    session.history_import.get_or_insert_default().incomplete = true;
    unit.save_session(&session).await
}

/// Locks and returns the session of an event; `None` if it was deleted meanwhile.
async fn lock_session(unit: &mut UnitOfWork<'_>, key: &SessionKey) -> Result<Option<Session>, StoreError> {
    unit.session_for_update(&key.organization, key.session).await
}
