//! Logging out and deleting a session: both unlink its device.

use std::time::Duration;

use tracing::{instrument, warn};

use super::{Sessions, lifecycle, managed};
use crate::{
    auth::viewer::Viewer,
    domain::{id::SessionId, session::Session},
    service::{audit, error::Error, inbound::rejection},
    session::{SessionError, SessionKey},
};

/// Time limit for WhatsApp to unlink a device.
const LOG_OUT_TIMEOUT: Duration = Duration::from_secs(5);

/// A session's device.
pub(super) enum Device {
    /// WhatsApp does not list it.
    Unlinked,
    /// WhatsApp lists it, and it can be unlinked.
    Linked,
    /// A stored secret cannot be decrypted, so the device cannot be unlinked from here.
    Damaged,
}

impl Sessions {
    /// Unlinks a session's device on WhatsApp; its stored copy stays. Does nothing if the device is not linked.
    /// Pending actions beyond the first ones and the device's keys are purged in the background.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `SessionNotFound`, `Unreachable` if WhatsApp does not answer in time, `Store`.
    #[instrument(name = "sessions.log_out", level = "debug", skip_all)]
    pub async fn log_out(&self, viewer: &Viewer, id: SessionId) -> Result<Session, Error> {
        let key = managed(viewer, id)?;
        let session = self.stored(&key).await?;
        match self.device(&key).await? {
            Device::Unlinked => return Ok(session),
            Device::Linked if self.registry.log_out(id, LOG_OUT_TIMEOUT).await => {}
            Device::Linked => return Err(Error::Unreachable),
            Device::Damaged => {
                warn!(session.id = %id, "Logging out a session without unlinking its device; WhatsApp still lists it");
            }
        }
        self.registry.stop(id).await;
        self.registry.forget(&key).await;
        let session = self.write(&key, (), |id, (), unit| Box::pin(lifecycle::logged_out(unit, id))).await?;
        audit::record(viewer, "session.log_out", id);
        let now = self.clock.now();
        rejection::reject_some(&self.store, &key, now).await?;
        self.purger.logged_out(key, now);
        Ok(session)
    }

    /// Deletes a session with all its data. Its device is unlinked on WhatsApp if that is possible within a few seconds.
    /// When this returns the session is gone; its chats beyond the first ones are purged in the background.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `SessionNotFound`, `Store`.
    #[instrument(name = "sessions.delete", level = "debug", skip_all)]
    pub async fn delete(&self, viewer: &Viewer, id: SessionId) -> Result<(), Error> {
        let key = managed(viewer, id)?;
        self.write(&key, (), |id, (), unit| Box::pin(lifecycle::mark_stopped(unit, id))).await?;
        audit::record(viewer, "session.delete", id);
        let device = self.device(&key).await?;
        if let Device::Linked = device {
            // A stopped session must connect again so that it can log out.
            self.registry.start(key.clone());
        }
        let is_unlinked = match device {
            Device::Unlinked => true,
            Device::Linked => self.registry.log_out(id, LOG_OUT_TIMEOUT).await,
            Device::Damaged => false,
        };
        if !is_unlinked {
            warn!(session.id = %id, "Deleting a session without unlinking its device; WhatsApp still lists it");
        }
        self.registry.stop(id).await;
        self.registry.forget(&key).await;
        let more = self.write(&key, (), |id, (), unit| Box::pin(lifecycle::remove(unit, id))).await?;
        if more {
            self.purger.removed(key);
        } else {
            self.purger.wake();
        }
        // Stop it again in case it was started concurrently.
        self.registry.stop(id).await;
        Ok(())
    }

    /// Returns the state of the session's device, according to the stored data.
    pub(super) async fn device(&self, key: &SessionKey) -> Result<Device, Error> {
        match self.registry.is_linked(key).await {
            Ok(true) => Ok(Device::Linked),
            Ok(false) => Ok(Device::Unlinked),
            Err(SessionError::Damaged) => Ok(Device::Damaged),
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, session.id = %key.session, "Reading the device failed");
                Err(Error::Unreachable)
            }
        }
    }
}
