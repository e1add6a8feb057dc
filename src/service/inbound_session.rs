//! How a session stands with WhatsApp, as it says itself.

use crate::domain::jid::Jid;
use crate::domain::session::Session;
use crate::domain::session::SessionStatus;
use crate::store::Unit;
use crate::store::error::StoreError;

/// Stores a session's status, and since when it is connected.
pub(super) async fn status(
    unit: &mut Unit<'_>,
    session: &mut Session,
    status: SessionStatus,
    reason: Option<&str>,
    now: i64,
) -> Result<(), StoreError> {
    session.status = status;
    session.status_reason = reason.map(str::to_owned);
    if status == SessionStatus::Working {
        session.last_connected_at = Some(now);
    }
    if matches!(status, SessionStatus::LoggedOut) {
        session.wanted = false;
    }
    unit.save_session(session).await
}

/// Stores the account a session was linked to.
pub(super) async fn paired(
    unit: &mut Unit<'_>,
    session: &mut Session,
    jid: &Jid,
    lid: Option<&Jid>,
) -> Result<(), StoreError> {
    session.jid = Some(jid.clone());
    session.lid = lid.cloned().or_else(|| session.lid.take());
    unit.save_session(session).await
}
