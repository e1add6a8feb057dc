//! Pairing of a session by a code, and the codes that a session shows.

use std::time::Duration;

use tracing::{instrument, warn};

use super::{Sessions, managed, unlink::Device};
use crate::{
    auth::viewer::Viewer,
    domain::{
        capability::Capability,
        id::SessionId,
        session::{Pairing, Session, SessionStatus},
    },
    service::{
        action_rate::LimitedAction,
        audit,
        error::{ConflictReason, Error},
    },
    session::SessionError,
};

/// Time limit for a pairing code: the session may have to connect first, and the key derivation is slow on a slow
/// machine.
const PAIRING_CODE_TIMEOUT: Duration = Duration::from_secs(100);

impl Sessions {
    /// Requests a code to type on the phone with this number, and starts the session if needed. [`Self::pairing`] then
    /// returns the code, which replaces an earlier one.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `Invalid` for an invalid phone number, `SessionNotFound`, `TooSoon`, `Store`.
    /// `Conflict` if the session is paired or WhatsApp issues no code, `Unreachable` if WhatsApp does not answer in
    /// time.
    #[instrument(name = "sessions.request_code", level = "debug", skip_all)]
    pub async fn request_code(&self, viewer: &Viewer, id: SessionId, phone: &str) -> Result<Session, Error> {
        let key = managed(viewer, id)?;
        check_phone(phone)?;
        let session = self.stored(&key).await?;
        if !matches!(self.device(&key).await?, Device::Unlinked) {
            return Err(Error::conflict(ConflictReason::AlreadyPaired, "the session is paired; log it out first"));
        }
        self.pauses.try_begin(LimitedAction::PairingCode, &key)?;
        if !session.wanted || session.status == SessionStatus::Failed {
            self.start_now(key.clone()).await?;
        } else {
            self.registry.start(key.clone());
        }
        audit::record(viewer, "session.request_pairing_code", id);
        match self.registry.request_code(id, phone, PAIRING_CODE_TIMEOUT).await {
            Ok(()) => self.stored(&key).await,
            Err(SessionError::Refused(reason)) => {
                warn!(reason, session.id = %id, "WhatsApp rejected the request for a pairing code");
                let message = "WhatsApp does not issue a pairing code for this number at the moment; \
                               check the number or try again later";
                Err(Error::conflict(ConflictReason::NoPairingCode, message))
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, session.id = %id, "Requesting a pairing code failed");
                Err(Error::Unreachable)
            }
        }
    }

    /// Returns the pairing codes of a session; `None` unless it waits for pairing. The caller must have read the
    /// session, so that the viewer may see it.
    ///
    /// # Errors
    /// `Forbidden` without `manage`.
    pub fn pairing(&self, viewer: &Viewer, session: &Session) -> Result<Option<Pairing>, Error> {
        let organization = viewer.require(Capability::Manage)?;
        Ok(self.registry.pairing(session.id).filter(|_| session.organization == *organization))
    }
}

/// Rejects text that is not a phone number in international format, digits only.
fn check_phone(phone: &str) -> Result<(), Error> {
    let digits = phone.bytes().all(|digit| digit.is_ascii_digit());
    if digits && (7..=15).contains(&phone.len()) && !phone.starts_with('0') {
        return Ok(());
    }
    let message = "must be 7 to 15 digits, starting with the country code, without a leading + or 0".to_owned();
    Err(Error::Invalid { field: "phoneNumber", message })
}
