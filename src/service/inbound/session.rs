//! Session state as reported by the session itself.

use super::{context::InboundContext, history, person};
use crate::{
    domain::{
        jid::Jid,
        session::{SessionStatus, StatusReason},
    },
    session::HistoryChunk,
    store::error::StoreError,
};

/// Stores a session's status, and the time of the last connection.
pub(super) async fn status(
    cx: &mut InboundContext<'_, '_>,
    status: SessionStatus,
    reason: Option<&StatusReason>,
) -> Result<(), StoreError> {
    let Some(mut session) = cx.unit.session_for_update(cx.session).await? else { return Ok(()) };
    // `LOGGED_OUT` is more specific than `STOPPED` and stays.
    if (session.status, status) == (SessionStatus::LoggedOut, SessionStatus::Stopped) {
        return Ok(());
    }
    session.status = status;
    session.status_reason = reason.cloned();
    if status == SessionStatus::Working {
        session.last_connected_at = Some(cx.now());
    }
    if matches!(status, SessionStatus::LoggedOut) {
        session.wanted = false;
    }
    cx.unit.save_session(&session).await
}

/// Stores the account a session was linked to.
pub(super) async fn paired(cx: &mut InboundContext<'_, '_>, jid: &Jid, lid: Option<&Jid>) -> Result<(), StoreError> {
    let Some(mut session) = cx.unit.session_for_update(cx.session).await? else { return Ok(()) };
    session.jid = Some(jid.clone());
    session.lid = lid.cloned().or_else(|| session.lid.take());
    // The import of an earlier link does not count for this one.
    session.history_import = None;
    session.paired_at = Some(cx.now());
    cx.unit.quarantine_leaves_import(cx.session).await?;
    cx.unit.save_session(&session).await?;
    let addresses: Vec<_> = std::iter::once(jid).chain(lid).collect();
    person::account(cx, &addresses, 0).await
}

/// Imports a part of the history, and counts it.
pub(super) async fn history(cx: &mut InboundContext<'_, '_>, chunk: &HistoryChunk) -> Result<(), StoreError> {
    // Lock order: session, then chats.
    let Some(mut session) = cx.unit.session_for_update(cx.session).await? else { return Ok(()) };
    let counts = history::chunk(cx, chunk, session.paired_at).await?;
    let import = session.history_import.get_or_insert_default();
    import.add(counts.chats, counts.messages, chunk.progress);
    cx.unit.save_session(&session).await
}

/// Marks the import as incomplete if a part was announced and its announcement is not stored.
pub(super) async fn history_expected(cx: &mut InboundContext<'_, '_>) -> Result<(), StoreError> {
    if cx.unit.history_expected(cx.session).await? { history_lost(cx).await } else { Ok(()) }
}

/// Marks the import as incomplete.
pub(super) async fn history_lost(cx: &mut InboundContext<'_, '_>) -> Result<(), StoreError> {
    let Some(mut session) = cx.unit.session_for_update(cx.session).await? else { return Ok(()) };
    session.history_import.get_or_insert_default().incomplete = true;
    cx.unit.save_session(&session).await
}
