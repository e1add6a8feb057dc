//! A connection as the supervisor sees it: what it can be told, what it tells, how it is made. Two kinds exist: the
//! real one in `whatsapp/`, and the fake of the tests.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::Lane;
use super::SessionKey;
use crate::domain::action::PendingAction;
use crate::domain::jid::Jid;
use crate::domain::session::StatusReason;

/// Tells whether an action is still to be sent, as far as what is stored says.
pub type Wanted = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// One live connection of a session.
#[async_trait]
pub trait Session: Send + Sync {
    /// Tells WhatsApp one setting, dated `requested_at` and reaching up to the action's message range. Ends within its
    /// own time limit. Our own action comes back as a [`super::SessionEvent::Setting`] before this returns. Nothing is told
    /// that is not `wanted` behind all that WhatsApp has by then.
    ///
    /// Cancel-safe: told twice is told once, by the date.
    ///
    /// # Errors
    /// [`SessionError`]: none means that WhatsApp has it.
    async fn set(&self, action: &PendingAction, wanted: Wanted) -> Result<(), SessionError>;

    /// Asks WhatsApp to reject a call of `from`. Nobody answers: none means that it was handed over. Ends within the
    /// caller's time limit: cancel-safe.
    ///
    /// # Errors
    /// [`SessionError`].
    async fn reject_call(&self, call: &str, from: &Jid) -> Result<(), SessionError>;

    /// Sends a text, and tells WhatsApp's id of it. Our own message comes by no event. Goes on when nobody waits for it
    /// any more.
    ///
    /// # Errors
    /// [`SessionError`]: WhatsApp may have it or not.
    async fn send_text(&self, to: &Jid, text: &str) -> Result<String, SessionError>;
    /// Asks WhatsApp for a code to be typed on the phone with this number, in the place of one that it gave before. It is
    /// told as [`Signal::PhoneCode`], too. Only while no device is linked. Ends within its own time limit.
    ///
    /// # Errors
    /// [`SessionError`]: [`SessionError::Refused`] when WhatsApp gives none for this number, or not now.
    async fn phone_code(&self, phone: &str) -> Result<String, SessionError>;

    /// Fetches all settings from WhatsApp afresh. All that they changed is stored when this returns. Ends within its own
    /// time limit.
    ///
    /// # Errors
    /// [`SessionError`]: what did not come in time still comes.
    async fn resync(&self) -> Result<(), SessionError>;

    /// Unlinks this device from the account. The connection tells its end by itself ([`Ending::LoggedOut`]). Ends within
    /// its own time limit.
    ///
    /// # Errors
    /// [`SessionError`]: WhatsApp may still list the device.
    async fn log_out(&self) -> Result<(), SessionError>;

    /// Ends the connection for good, and waits until nothing of it runs. Ends within its own time limit.
    async fn disconnect(&self);
}

/// A session's connection, as far as it can be told something.
#[derive(Clone, Default)]
pub enum Link {
    /// It cannot: there is none, or none that is far enough.
    #[default]
    Down,
    /// No device is linked yet, and one may be.
    Unpaired(Arc<dyn Session>),
    /// All that WhatsApp had for it is on the lane.
    InStep(Arc<dyn Session>),
}

impl Link {
    /// The connection when it is in step.
    #[must_use]
    pub fn in_step(&self) -> Option<&Arc<dyn Session>> {
        match self {
            Self::InStep(session) => Some(session),
            Self::Down | Self::Unpaired(_) => None,
        }
    }
}

/// Why WhatsApp does not have a setting.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// There is no connection in step with WhatsApp.
    #[error("the session is not connected")]
    NotConnected,
    /// What it builds on is being read anew; it was not sent.
    #[error("the chat settings are being read again")]
    NotNow,
    /// Something newer took its place while it was on its way; it was not sent.
    #[error("the setting was superseded")]
    NotWanted,
    /// No answer came in time; WhatsApp may have it or not.
    #[error("WhatsApp did not answer in time")]
    TimedOut,
    /// WhatsApp does not want it.
    #[error("WhatsApp rejected the request: {0}")]
    Refused(String),
    /// What is remembered of the session's device does not open.
    #[error("a secret of the session cannot be decrypted")]
    Damaged,
    /// Something between here and WhatsApp failed.
    #[error("the connection failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// Makes connections, and keeps what a session needs to come back without a new pairing.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Makes a connection of the session, which from then on tells `outlets` what it hears. The caller sees to it that
    /// a session has one at most.
    ///
    /// Cancel-safe: nothing runs unless this returns.
    ///
    /// # Errors
    /// [`SessionError::Failed`] when it cannot even start, [`SessionError::Damaged`] when it never will; a network that is
    /// down is no error, the connection tries on.
    async fn connect(&self, key: &SessionKey, outlets: Outlets) -> Result<Arc<dyn Session>, SessionError>;

    /// Forgets what linked the session to an account: the next connection has to be paired.
    async fn forget(&self, key: &SessionKey);

    /// Whether there is something to forget: the session's device is linked to an account, as far as is known here.
    ///
    /// # Errors
    /// [`SessionError::Failed`], [`SessionError::Damaged`].
    async fn is_linked(&self, key: &SessionKey) -> Result<bool, SessionError>;
}

/// Where a connection tells what it hears.
#[derive(Debug, Clone)]
pub struct Outlets {
    /// For the stored copy.
    pub lane: Lane,
    /// For the supervisor.
    pub signals: mpsc::Sender<Signal>,
}

/// What a connection tells its supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// A device can be linked by this text in a QR code, in the place of the one before.
    QrCode {
        /// The text.
        qr: String,
        /// How long WhatsApp accepts it.
        valid_for: Duration,
    },
    /// No other QR code follows.
    NoQrCodeLeft,
    /// A device can be linked by typing this on the phone, in the place of the one before.
    PhoneCode {
        /// Eight characters.
        code: String,
        /// How long WhatsApp accepts it.
        valid_for: Duration,
    },
    /// The code to be typed is void before its time.
    PhoneCodeVoid,
    /// It was linked to an account; the connection goes down once and comes back by itself.
    Paired,
    /// It is in step: all that WhatsApp had for it is on the lane.
    InStep,
    /// A message was not committed in time, so WhatsApp was not told that it arrived.
    Unacknowledged,
    /// It is over. The first reason counts; it still has to be disconnected.
    Ended(Ending),
}

/// Why a connection is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// For no reason that speaks against another one.
    Dropped,
    /// Nobody scanned a QR code, or typed the other one, while there were any.
    NobodyPaired,
    /// The phone and we could not agree on the link; the reason.
    PairingFailed(String),
    /// WhatsApp forgot the link; the reason.
    LoggedOut(StatusReason),
    /// Another account was linked than the one that the session belongs to. It was unlinked again.
    AnotherAccount,
    /// Another connection took over this device.
    Replaced,
    /// The account is banned for a while.
    Banned {
        /// Why.
        reason: String,
        /// How much longer.
        lasts: Duration,
    },
    /// WhatsApp no longer speaks with this version.
    Outdated,
    /// What is remembered of the device does not open.
    Damaged,
    /// WhatsApp rejected the connection, for a reason that may pass; the reason.
    RefusedForNow(String),
    /// WhatsApp rejected the connection, for a reason that stays; the reason.
    Refused(String),
    /// A collection of settings cannot be read, however often it is fetched.
    Unreadable {
        /// Which, in WhatsApp's words.
        collection: &'static str,
    },
}
