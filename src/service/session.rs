//! Session use cases: reading, subscribing, and the lifecycle: create, start, stop, log out, delete.

pub mod broadcast;
pub(super) mod lifecycle;
pub(super) mod log;
pub(super) mod reader;
pub mod watch;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::instrument;
use tracing::warn;

use crate::auth::viewer::Viewer;
use crate::domain::capability::Capability;
use crate::domain::clock::Clock;
use crate::domain::cursor::TimeKey;
use crate::domain::id::SessionId;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::idempotency::Operation;
use crate::domain::page::Page;
use crate::domain::page::PageRequest;
use crate::domain::session::Pairing;
use crate::domain::session::Session;
use crate::domain::session::SessionStatus;
use crate::session::SessionError;
use crate::session::SessionKey;
use crate::session::registry::Registry;
use crate::store::KeyUse;
use crate::store::Store;
use crate::store::UnitOfWork;
use crate::store::Work;

use super::action_rate::ActionRateLimiter;
use super::action_rate::LimitedAction;
use super::audit;
use super::background::purge::Purger;
use super::config::Limits;
use super::error::ConflictReason;
use super::error::Error;
use super::idempotency::idempotency_key;
use super::idempotency::reused;
use super::inbound::rejection;
use broadcast::SessionBroadcast;
pub use lifecycle::SessionUpdate;
use reader::SessionReaders;
use watch::SessionChanges;

/// Time limit for WhatsApp to unlink a device.
const LOG_OUT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit for a pairing code: the session may have to connect first, and the key derivation is slow on a slow
/// machine.
const PAIRING_CODE_TIMEOUT: Duration = Duration::from_secs(100);
/// Time limit for a resync.
const RESYNC_TIMEOUT: Duration = Duration::from_secs(25);

/// The use cases around sessions.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    registry: Registry,
    news: SessionBroadcast,
    purger: Purger,
    readers: SessionReaders,
    pauses: ActionRateLimiter,
    /// Maximum number of sessions per organization.
    most: u64,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    /// Creates the use cases. `registry` runs this node's sessions, the inbox reports changes of sessions to `news`,
    /// and `purger` is woken after a deletion. The readers run on `tasks` until `stop`.
    #[must_use]
    pub fn new(
        store: Store,
        registry: Registry,
        news: SessionBroadcast,
        purger: Purger,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let (pauses, most) = (ActionRateLimiter::default(), Limits::default().sessions);
        let readers =
            SessionReaders::new(store.clone(), registry.clone(), news.clone(), Arc::clone(&clock), tasks, stop);
        Self { store, registry, news, purger, readers, pauses, most, clock }
    }

    /// Sets the maximum number of sessions per organization.
    #[must_use]
    pub fn with_limit(self, most: u64) -> Self {
        Self { most, ..self }
    }

    /// Returns a page of the organization's sessions, newest first.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `Store`.
    #[instrument(name = "sessions.list", level = "debug", skip_all)]
    pub async fn list(&self, viewer: &Viewer, page: PageRequest<TimeKey>) -> Result<Page<Session>, Error> {
        Ok(self.store.sessions(viewer.require(Capability::Read)?, &page).await?)
    }

    /// Returns one session.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `SessionNotFound`, `Store`.
    #[instrument(name = "sessions.session", level = "debug", skip_all)]
    pub async fn session(&self, viewer: &Viewer, id: SessionId) -> Result<Session, Error> {
        let found = self.store.sessions_by_ids(viewer.require(Capability::Read)?, &[id]).await?;
        found.into_iter().next().ok_or(Error::SessionNotFound)
    }

    /// Returns several sessions at once, for loaders; deleted ones are missing once their last chat is purged.
    ///
    /// # Errors
    /// `Forbidden` without any of `read`, `send`, `manage` and `events`: every client that gets an answer may see its
    /// session.
    pub async fn by_ids(&self, viewer: &Viewer, ids: &[SessionId]) -> Result<HashMap<SessionId, Session>, Error> {
        let may = [Capability::Read, Capability::Send, Capability::Manage, Capability::Events];
        let organization = viewer.require_any(&may)?;
        let sessions = self.store.sessions_of_chats(organization, ids).await?;
        Ok(sessions.into_iter().map(|session| (session.id, session)).collect())
    }

    /// Subscribes to the organization's sessions, or to one of them: first their present state, then changes.
    ///
    /// # Errors
    /// `Forbidden` without `events`, `SessionNotFound`, `Store`.
    #[instrument(name = "sessions.follow", level = "debug", skip_all)]
    pub async fn follow(&self, viewer: &Viewer, session: Option<SessionId>) -> Result<SessionChanges, Error> {
        let organization = viewer.require(Capability::Events)?;
        if let Some(session) = session {
            let found = self.store.sessions_by_ids(organization, &[session]).await?;
            found.first().ok_or(Error::SessionNotFound)?;
        }
        let shows_pairing = viewer.require(Capability::Manage).is_ok();
        Ok(SessionChanges::new(self.readers.follow(organization), session, shows_pairing))
    }

    /// Creates a stopped session. If the idempotency key was used before with the same input, returns the session that
    /// was created then.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `Invalid` for a label over 100 characters, `Store`. `Conflict` if the limit is
    /// reached, or if the idempotency key was used with a different input or for a session that was deleted.
    #[instrument(name = "sessions.create", level = "debug", skip_all)]
    pub async fn create(
        &self,
        viewer: &Viewer,
        label: Option<String>,
        idempotency_key: Option<&str>,
    ) -> Result<Session, Error> {
        let organization = viewer.require(Capability::Manage)?.clone();
        let update = SessionUpdate { label, ..SessionUpdate::default() };
        update.check()?;
        let created_at = self.clock.now();
        let label = update.label.and_then(lifecycle::non_empty);
        let input = label.as_deref().unwrap_or_default().to_owned();
        let under =
            idempotency_key.map(|key| self::idempotency_key(Operation::CreateSession, key, &[&input])).transpose()?;
        let session = Session::new(SessionId::new(created_at), organization.clone(), label, created_at);
        let most = self.most;
        let made: Result<Session, Error> = self
            .store
            .write(&organization, move |unit| Box::pin(async move { make(unit, session, under.as_ref(), most).await }))
            .await;
        let session = made?;
        self.news.publish(&SessionKey { organization, session: session.id });
        audit::record(viewer, "session.create", session.id);
        Ok(session)
    }

    /// Starts a session: it connects, and shows a QR code if it has never been paired. A session that runs already is
    /// not an error.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `TooSoon`, `SessionNotFound`, `Store`.
    #[instrument(name = "sessions.start", level = "debug", skip_all)]
    pub async fn start(&self, viewer: &Viewer, id: SessionId) -> Result<Session, Error> {
        let key = managed(viewer, id)?;
        self.pauses.try_begin(LimitedAction::Start, &key)?;
        let session = self.start_now(key).await?;
        audit::record(viewer, "session.start", id);
        Ok(session)
    }

    async fn start_now(&self, key: SessionKey) -> Result<Session, Error> {
        let session = self.write(&key, (), |id, (), unit| Box::pin(lifecycle::mark_running(unit, id))).await?;
        self.registry.start(key);
        Ok(session)
    }

    /// Stops a session until it is started again; its pairing and its stored copy stay. A stopped session is not an
    /// error.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `SessionNotFound`, `Store`.
    #[instrument(name = "sessions.stop", level = "debug", skip_all)]
    pub async fn stop(&self, viewer: &Viewer, id: SessionId) -> Result<Session, Error> {
        let key = managed(viewer, id)?;
        self.write(&key, (), |id, (), unit| Box::pin(lifecycle::mark_stopped(unit, id))).await?;
        self.registry.stop(id).await;
        audit::record(viewer, "session.stop", id);
        self.write(&key, (), |id, (), unit| Box::pin(lifecycle::stopped(unit, id))).await
    }

    /// Changes a session's label and auto-reply.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `Invalid`, `SessionNotFound`, `Store`.
    #[instrument(name = "sessions.update", level = "debug", skip_all)]
    pub async fn update(&self, viewer: &Viewer, id: SessionId, update: SessionUpdate) -> Result<Session, Error> {
        let key = managed(viewer, id)?;
        update.check()?;
        let session = self.write(&key, update, |id, update, unit| Box::pin(lifecycle::update(unit, id, update)));
        let session = session.await?;
        audit::record(viewer, "session.update", id);
        Ok(session)
    }

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

    /// Fetches a session's app state from WhatsApp again: all changes are stored when this returns.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `SessionNotFound`, `TooSoon`, `Store`. `Unreachable` if the session is not
    /// connected, or if the time limit is exceeded; the fetch then continues in the background.
    #[instrument(name = "sessions.resync", level = "debug", skip_all)]
    pub async fn resync(&self, viewer: &Viewer, id: SessionId) -> Result<Session, Error> {
        let key = managed(viewer, id)?;
        self.stored(&key).await?;
        self.pauses.try_begin(LimitedAction::Resync, &key)?;
        audit::record(viewer, "session.resync", id);
        if let Err(error) = self.registry.resync(id, RESYNC_TIMEOUT).await {
            warn!(error = &error as &dyn std::error::Error, session.id = %id, "Resynchronizing chat settings failed");
            return Err(Error::Unreachable);
        }
        self.stored(&key).await
    }

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

    /// Returns the pairing codes of a session; `None` unless it waits for pairing. The caller must have read the
    /// session, so that the viewer may see it.
    ///
    /// # Errors
    /// `Forbidden` without `manage`.
    pub fn pairing(&self, viewer: &Viewer, session: &Session) -> Result<Option<Pairing>, Error> {
        let organization = viewer.require(Capability::Manage)?;
        Ok(self.registry.pairing(session.id).filter(|_| session.organization == *organization))
    }

    async fn stored(&self, key: &SessionKey) -> Result<Session, Error> {
        let found = self.store.sessions_by_ids(&key.organization, &[key.session]).await?;
        found.into_iter().next().ok_or(Error::SessionNotFound)
    }

    /// Returns the state of the session's device, according to the stored data.
    async fn device(&self, key: &SessionKey) -> Result<Device, Error> {
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

    /// Runs `work`, and notifies the subscribers of the session.
    async fn write<I, T>(
        &self,
        key: &SessionKey,
        input: I,
        work: impl for<'u> Fn(SessionId, I, &'u mut UnitOfWork<'_>) -> Work<'u, T, Error> + Clone + Send + 'static,
    ) -> Result<T, Error>
    where
        I: Clone + Send + 'static,
        T: Send + 'static,
    {
        let id = key.session;
        let written =
            self.store.write_session_with_retry(&key.organization, id, input, move |input, unit| work(id, input, unit));
        let written = written.await?;
        self.news.publish(key);
        Ok(written)
    }
}

/// Stores a new session, unless the key was used for another one or the limit is reached.
async fn make(
    unit: &mut UnitOfWork<'_>,
    session: Session,
    under: Option<&IdempotencyKey>,
    most: u64,
) -> Result<Session, Error> {
    let id = session.id.to_bytes();
    let known = match under {
        Some(key) => unit.use_idempotency_key(key, id).await?,
        None => KeyUse::First,
    };
    match known {
        KeyUse::First if unit.count_sessions().await? >= most => Err(too_many(most)),
        KeyUse::First => {
            unit.insert_session(&session).await?;
            Ok(session)
        }
        KeyUse::Again(id) => {
            let gone = || reused("its session has been deleted");
            let id = SessionId::from_bytes(&id).map_err(|_| gone())?;
            unit.session_for_update(id).await?.ok_or_else(gone)
        }
        KeyUse::Other => Err(reused("the input differs")),
    }
}

fn too_many(most: u64) -> Error {
    let advice = "delete one, or ask the operator to raise --max-sessions-per-organization";
    let message = format!("the organization has reached its limit of {most} sessions: {advice}");
    Error::too_many(ConflictReason::TooManySessions, usize::try_from(most).unwrap_or(usize::MAX), message)
}

/// A session's device.
enum Device {
    /// WhatsApp does not list it.
    Unlinked,
    /// WhatsApp lists it, and it can be unlinked.
    Linked,
    /// A stored secret cannot be decrypted, so the device cannot be unlinked from here.
    Damaged,
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

/// Returns the key of a session that the viewer may manage; whether it exists is checked later.
fn managed(viewer: &Viewer, session: SessionId) -> Result<SessionKey, Error> {
    Ok(SessionKey { organization: viewer.require(Capability::Manage)?.clone(), session })
}

#[cfg(test)]
mod tests;
