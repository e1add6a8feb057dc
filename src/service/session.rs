//! Session use cases. This file reads, starts, stops, changes and resynchronizes sessions. `create` creates them,
//! `pairing` links their devices, and `unlink` logs them out and deletes them. `lifecycle` has the units of work of all
//! of these. `reader`, `log` and `watch` are for subscriptions.

pub mod broadcast;
mod create;
pub(super) mod lifecycle;
pub(super) mod log;
mod pairing;
pub(super) mod reader;
mod unlink;
pub mod watch;

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{instrument, warn};

use super::{
    action_rate::{ActionRateLimiter, LimitedAction},
    audit,
    background::purge::Purger,
    config::Limits,
    error::Error,
};
use crate::{
    auth::viewer::Viewer,
    domain::{
        capability::Capability,
        clock::Clock,
        cursor::TimeKey,
        id::SessionId,
        page::{Page, PageRequest},
        session::Session,
    },
    session::{SessionKey, registry::Registry},
    store::{Store, UnitOfWork, Work},
};
use broadcast::SessionBroadcast;
use reader::SessionReaders;
use watch::SessionChanges;

pub use lifecycle::SessionUpdate;

/// Time limit for a resync.
const RESYNC_TIMEOUT: Duration = Duration::from_secs(25);

/// The use cases around sessions.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    registry: Registry,
    broadcast: SessionBroadcast,
    purger: Purger,
    readers: SessionReaders,
    pauses: ActionRateLimiter,
    /// Maximum number of sessions per organization.
    most: u64,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    /// Creates the use cases. `registry` runs this node's sessions, the inbox reports changes of sessions to `broadcast`,
    /// and `purger` is woken after a deletion. The readers run on `tasks` until `stop`.
    #[must_use]
    pub fn new(
        store: Store,
        registry: Registry,
        broadcast: SessionBroadcast,
        purger: Purger,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let (pauses, most) = (ActionRateLimiter::default(), Limits::default().sessions);
        let readers =
            SessionReaders::new(store.clone(), registry.clone(), broadcast.clone(), Arc::clone(&clock), tasks, stop);
        Self { store, registry, broadcast, purger, readers, pauses, most, clock }
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

    /// Returns a session of the viewer's organization.
    async fn stored(&self, key: &SessionKey) -> Result<Session, Error> {
        let found = self.store.sessions_by_ids(&key.organization, &[key.session]).await?;
        found.into_iter().next().ok_or(Error::SessionNotFound)
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
        self.broadcast.publish(key);
        Ok(written)
    }
}

/// Returns the key of a session that the viewer may manage; whether it exists is checked later.
fn managed(viewer: &Viewer, session: SessionId) -> Result<SessionKey, Error> {
    Ok(SessionKey { organization: viewer.require(Capability::Manage)?.clone(), session })
}

#[cfg(test)]
mod tests;
