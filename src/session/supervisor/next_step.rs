//! The action after the end of a connection.

use std::time::Duration;

use crate::{
    domain::{
        clock,
        session::{SessionStatus, StatusCode, StatusReason},
    },
    session::connection::DisconnectReason,
};

/// Pause after the end of a ban.
const BAN_MARGIN: Duration = Duration::from_secs(1);

/// Action after a connection has ended.
pub(super) enum NextStep {
    /// Reconnect after a pause.
    ReconnectLater,
    /// Reconnect at once: the pause came before.
    ReconnectNow,
    /// Reconnect after a pause that grows with every rejection.
    Refused { reason: String },
    /// Wait for a manual start, or until this time has passed.
    WaitForOperator {
        status: SessionStatus,
        reason: StatusReason,
        /// WhatsApp's message, for the log.
        detail: Option<String>,
        lasts: Option<Duration>,
        /// The device is no longer linked: its stored state is useless.
        unlinked: bool,
    },
    /// Stop: requested, or the event queue is closed.
    Stop,
}

/// Returns the action after the end of a connection at `now`: only a loss or a temporary rejection leads to a
/// reconnect.
pub(super) fn next_step(ending: DisconnectReason, now: i64) -> NextStep {
    let rest = |reason, detail| NextStep::WaitForOperator {
        status: SessionStatus::Failed,
        reason,
        detail,
        lasts: None,
        unlinked: false,
    };
    let failed = |code, words: &str| rest(StatusReason::new(code, words), None);
    match ending {
        DisconnectReason::Dropped => NextStep::ReconnectLater,
        DisconnectReason::PairingTimedOut => {
            failed(StatusCode::PairingExpired, "pairing timed out: neither the QR code nor the pairing code was used")
        }
        DisconnectReason::PairingFailed(reason) => {
            failed(StatusCode::PairingFailed, &format!("pairing failed: {reason}"))
        }
        DisconnectReason::LoggedOut(reason) => NextStep::WaitForOperator {
            status: SessionStatus::LoggedOut,
            reason,
            detail: None,
            lasts: None,
            unlinked: true,
        },
        DisconnectReason::WrongAccount => {
            let words =
                "a different account was paired and has been unlinked; a session stays bound to its first account";
            let reason = StatusReason::new(StatusCode::OtherAccount, words);
            NextStep::WaitForOperator {
                status: SessionStatus::Failed,
                reason,
                detail: None,
                lasts: None,
                unlinked: true,
            }
        }
        DisconnectReason::Replaced => failed(StatusCode::Replaced, "another connection took over this device"),
        DisconnectReason::Banned { reason, lasts } => banned(&reason, lasts, now),
        DisconnectReason::Outdated => {
            failed(StatusCode::Outdated, "WhatsApp no longer accepts this version; update chatgraph")
        }
        DisconnectReason::Damaged => failed(
            StatusCode::KeysDamaged,
            "the session's stored keys cannot be decrypted, because they were modified outside the server; \
             restore a backup, or log the session out or delete it and pair it again",
        ),
        DisconnectReason::RefusedForNow(reason) => NextStep::Refused { reason },
        DisconnectReason::Refused(detail) => {
            rest(StatusReason::new(StatusCode::Refused, "WhatsApp rejected the connection"), Some(detail))
        }
        DisconnectReason::Unreadable { collection } => failed(
            StatusCode::SettingsUnreadable,
            &format!(
                "the chat settings cannot be read from WhatsApp: app-state collection {collection} is still \
                 inconsistent after several attempts. Start the session again later; if that does not help, log it out \
                 and pair it again"
            ),
        ),
    }
}

/// Returns the action after a ban. A ban without an end needs a manual start.
fn banned(reason: &str, lasts: Duration, now: i64) -> NextStep {
    let until = (!lasts.is_zero()).then(|| now.saturating_add(clock::milliseconds(lasts)));
    let words = match until {
        Some(until) => format!("WhatsApp banned the account until {}: {reason}", clock::iso(until)),
        None => format!("WhatsApp banned the account: {reason}"),
    };
    let reason = StatusReason { code: StatusCode::Banned, words, banned_until: until };
    // Add a second: the end of a ban is in whole seconds.
    let lasts = until.map(|_| lasts.saturating_add(BAN_MARGIN));
    NextStep::WaitForOperator { status: SessionStatus::Failed, reason, detail: None, lasts, unlinked: false }
}
