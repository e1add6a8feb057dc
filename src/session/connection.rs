//! Interface between a connection and its supervisor: commands, signals, and opening. It is implemented by the real
//! connection in `whatsapp/`, and by the fake connection of the tests.

use std::{error::Error, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tracing::error;

use super::{EventSender, SessionKey};
use crate::{
    domain::{jid::Jid, pending_action::PendingAction, session::StatusReason},
    store::error::StoreError,
};

/// Check whether a stored action is still pending.
pub type StillWanted = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// One live connection of a session. Without `async_trait`: its lifetime bounds would make the compiler check the
/// library's futures for `Send` once for each kind of method, instead of once.
pub trait Connection: Send + Sync {
    /// Sends one setting to WhatsApp, dated `requested_at` and valid up to the action's message range. The own action
    /// is reported as a [`super::SessionEvent::Setting`] before this returns. It is not sent if it is no longer
    /// `wanted` once all earlier changes on WhatsApp are stored. Has its own time limit.
    ///
    /// Cancel-safe: the date makes it idempotent.
    ///
    /// # Errors
    /// [`SessionError`] unless WhatsApp has accepted it.
    fn set<'a>(&'a self, action: &'a PendingAction, wanted: StillWanted) -> BoxFuture<'a, Result<(), SessionError>>;

    /// Asks WhatsApp to reject a call of `from`. WhatsApp does not answer: `Ok` only means that the request was sent.
    /// The caller sets the time limit: cancel-safe.
    ///
    /// # Errors
    /// [`SessionError`].
    fn reject_call<'a>(&'a self, call: &'a str, from: &'a Jid) -> BoxFuture<'a, Result<(), SessionError>>;

    /// Sends a text and returns its WhatsApp id. There is no event for own messages. Continues if the future is
    /// dropped.
    ///
    /// # Errors
    /// [`SessionError`]: WhatsApp may or may not have it.
    fn send_text<'a>(&'a self, to: &'a Jid, text: &'a str) -> BoxFuture<'a, Result<String, SessionError>>;
    /// Requests a code to type on the phone with this number; it replaces an earlier one. Also sent as
    /// [`ConnectionEvent::PhoneCode`]. Only while no device is linked. Has its own time limit.
    ///
    /// # Errors
    /// [`SessionError`]: [`SessionError::Refused`] if WhatsApp issues none for this number at the moment.
    fn phone_code<'a>(&'a self, phone: &'a str) -> BoxFuture<'a, Result<String, SessionError>>;

    /// Fetches all app state from WhatsApp again. All changes are stored when this returns. Has its own time limit.
    ///
    /// # Errors
    /// [`SessionError`]: a fetch that exceeds the limit continues.
    fn resync(&self) -> BoxFuture<'_, Result<(), SessionError>>;

    /// Unlinks this device from the account. The connection then ends with [`DisconnectReason::LoggedOut`]. Has its own
    /// time limit.
    ///
    /// # Errors
    /// [`SessionError`]: WhatsApp may still list the device.
    fn log_out(&self) -> BoxFuture<'_, Result<(), SessionError>>;

    /// Closes the connection and waits until all of its tasks have ended. Has its own time limit.
    fn disconnect(&self) -> BoxFuture<'_, ()>;
}

/// A session's connection, by the commands that it accepts.
#[derive(Clone, Default)]
pub enum ConnectionState {
    /// No commands: there is no connection, or it has not caught up yet.
    #[default]
    Down,
    /// No device is linked yet, and pairing is possible.
    Unpaired(Arc<dyn Connection>),
    /// All events that WhatsApp had queued are in the event queue.
    Synced(Arc<dyn Connection>),
}

impl ConnectionState {
    /// Returns the connection if it has caught up.
    #[must_use]
    pub fn synced(&self) -> Option<&Arc<dyn Connection>> {
        match self {
            Self::Synced(session) => Some(session),
            Self::Down | Self::Unpaired(_) => None,
        }
    }
}

/// Reason why WhatsApp does not have a setting.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No connection has caught up with WhatsApp.
    #[error("the session is not connected")]
    NotConnected,
    /// The app state that it builds on is being read again; it was not sent.
    #[error("the chat settings are being read again")]
    NotNow,
    /// A newer action superseded it; it was not sent.
    #[error("the setting was superseded")]
    NotWanted,
    /// No answer came in time; WhatsApp may or may not have it.
    #[error("WhatsApp did not answer in time")]
    TimedOut,
    /// WhatsApp rejected it.
    #[error("WhatsApp rejected the request: {0}")]
    Refused(String),
    /// A stored secret of the session's device cannot be decrypted.
    #[error("a secret of the session cannot be decrypted")]
    Damaged,
    /// The connection to WhatsApp failed.
    #[error("the connection failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl SessionError {
    /// Creates the error of a failed connection: [`Self::Damaged`] if the cause is a secret that cannot be decrypted,
    /// which is logged, else [`Self::Failed`].
    pub(super) fn from_failure(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let cause = cause.into();
        let first: &(dyn Error + 'static) = &*cause;
        let mut causes = std::iter::successors(Some(first), |&cause| cause.source());
        if causes.any(|cause| matches!(cause.downcast_ref(), Some(StoreError::Sealed { .. }))) {
            error!(error = &*cause as &dyn Error, "A secret of the session cannot be decrypted");
            return Self::Damaged;
        }
        Self::Failed(cause)
    }
}

/// Opens connections, and keeps the data with which a session reconnects without being paired again.
pub trait Connector: Send + Sync {
    /// Opens a connection of the session, which from then on reports to `sinks`. The caller ensures that a session
    /// has at most one.
    ///
    /// Cancel-safe: nothing runs unless this returns.
    ///
    /// # Errors
    /// [`SessionError::Failed`] if it cannot start, [`SessionError::Damaged`] if it never can. An unavailable network
    /// is not an error: the connection keeps trying.
    fn connect<'a>(
        &'a self,
        key: &'a SessionKey,
        sinks: EventSinks,
    ) -> BoxFuture<'a, Result<Arc<dyn Connection>, SessionError>>;

    /// Deletes the session's device: the next connection must be paired.
    fn forget<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, ()>;

    /// Returns whether the session's device is linked to an account, according to the stored data.
    ///
    /// # Errors
    /// [`SessionError::Failed`], [`SessionError::Damaged`].
    fn is_linked<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<bool, SessionError>>;
}

/// Outputs of a connection.
#[derive(Debug, Clone)]
pub struct EventSinks {
    /// Events for the stored copy.
    pub sender: EventSender,
    /// Signals for the supervisor.
    pub signals: mpsc::Sender<ConnectionEvent>,
}

/// A signal of a connection to its supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// A QR code to pair with; replaces the previous one.
    QrCode {
        /// Content of the QR code.
        qr: String,
        /// Validity of the code.
        valid_for: Duration,
    },
    /// No further QR code follows.
    NoQrCodeLeft,
    /// A code to type on the phone; replaces the previous one.
    PhoneCode {
        /// Eight characters.
        code: String,
        /// Validity of the code.
        valid_for: Duration,
    },
    /// The typed code was invalidated early.
    PhoneCodeVoid,
    /// The device was linked to an account; the connection closes once and reopens by itself.
    Paired,
    /// The connection has caught up: all events that WhatsApp had queued are in the event queue.
    Synced,
    /// A message was not committed in time and is not acknowledged to WhatsApp.
    CommitTimedOut,
    /// The connection has ended; the first reason applies. It must still be disconnected.
    Ended(DisconnectReason),
}

/// Reason why a connection has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The connection was lost; reconnecting is possible.
    Dropped,
    /// No pairing code was used before the last one expired.
    PairingTimedOut,
    /// Pairing failed, for this reason.
    PairingFailed(String),
    /// WhatsApp unlinked the device, for this reason.
    LoggedOut(StatusReason),
    /// An account other than the session's own was linked. It was unlinked again.
    WrongAccount,
    /// Another connection took over this device.
    Replaced,
    /// The account is banned temporarily.
    Banned {
        /// The reason.
        reason: String,
        /// The remaining time.
        lasts: Duration,
    },
    /// WhatsApp no longer supports this client version.
    Outdated,
    /// A stored secret of the device cannot be decrypted.
    Damaged,
    /// WhatsApp rejected the connection temporarily, for this reason.
    RefusedForNow(String),
    /// WhatsApp rejected the connection permanently, for this reason.
    Refused(String),
    /// An app-state collection is still inconsistent after several attempts.
    Unreadable {
        /// WhatsApp's name of the collection.
        collection: &'static str,
    },
}
