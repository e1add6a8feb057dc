//! Reading sessions, making and starting them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::auth::viewer::Viewer;
use crate::domain::capability::Capability;
use crate::domain::clock::Clock;
use crate::domain::cursor::TimeKey;
use crate::domain::id::SessionId;
use crate::domain::page::Page;
use crate::domain::page::PageRequest;
use crate::domain::session::Pairing;
use crate::domain::session::Session;
use crate::domain::session::SessionStatus;
use crate::session::SessionKey;
use crate::session::registry::Registry;
use crate::store::Store;
use crate::store::Unit;

use super::error::Error;

/// The longest label, in characters.
const MAX_LABEL: usize = 100;

/// The use cases around sessions.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    registry: Registry,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    /// Makes the use cases; `registry` runs this node's sessions.
    #[must_use]
    pub fn new(store: Store, registry: Registry, clock: Arc<dyn Clock>) -> Self {
        Self { store, registry, clock }
    }

    /// A page of the organization's sessions, newest first.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `Store`.
    pub async fn list(&self, viewer: &Viewer, page: PageRequest<TimeKey>) -> Result<Page<Session>, Error> {
        Ok(self.store.sessions(viewer.require(Capability::Read)?, &page).await?)
    }

    /// One session.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `SessionNotFound`, `Store`.
    pub async fn session(&self, viewer: &Viewer, id: SessionId) -> Result<Session, Error> {
        let found = self.store.sessions_by_ids(viewer.require(Capability::Read)?, &[id]).await?;
        found.into_iter().next().ok_or(Error::SessionNotFound)
    }

    /// Several sessions at once, for loaders; those that are gone are missing.
    ///
    /// # Errors
    /// `Forbidden` with none of `read`, `send`, `manage` and `events`: whoever gets an answer may see its session.
    pub async fn by_ids(&self, viewer: &Viewer, ids: &[SessionId]) -> Result<HashMap<SessionId, Session>, Error> {
        let may = [Capability::Read, Capability::Send, Capability::Manage, Capability::Events];
        let organization = viewer.require_any(&may)?;
        let sessions = self.store.sessions_by_ids(organization, ids).await?;
        Ok(sessions.into_iter().map(|session| (session.id, session)).collect())
    }

    /// Makes a session that is stopped.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `Invalid` for a label over 100 characters, `Store`.
    pub async fn create(&self, viewer: &Viewer, label: Option<String>) -> Result<Session, Error> {
        let organization = viewer.require(Capability::Manage)?.clone();
        if label.as_ref().is_some_and(|label| label.chars().count() > MAX_LABEL) {
            let message = format!("must have at most {MAX_LABEL} characters");
            return Err(Error::Invalid { field: "label", message });
        }
        let created_at = self.clock.now();
        let session = Session {
            id: SessionId::new(created_at),
            organization,
            label,
            status: SessionStatus::Stopped,
            status_reason: None,
            wanted: false,
            jid: None,
            lid: None,
            created_at,
            last_connected_at: None,
        };
        let row = session.clone();
        self.store
            .write(&session.organization, move |unit| Box::pin(async move { unit.insert_session(&row).await }))
            .await?;
        Ok(session)
    }

    /// Starts a session: it connects, and shows a QR code when it has never been paired. Starting one that runs already
    /// is legal.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `SessionNotFound`, `Store`.
    pub async fn start(&self, viewer: &Viewer, id: SessionId) -> Result<Session, Error> {
        let organization = viewer.require(Capability::Manage)?.clone();
        let key = SessionKey { organization: organization.clone(), session: id };
        let wanted = self.store.write_again(&organization, key.clone(), |key, unit| Box::pin(want(unit, key)));
        let session = wanted.await?;
        self.registry.start(key);
        Ok(session)
    }

    /// What a session shows to be paired with; none unless it waits for that. Only for a session the viewer may see:
    /// the caller has read it before.
    ///
    /// # Errors
    /// `Forbidden` without `manage`.
    pub fn pairing(&self, viewer: &Viewer, session: &Session) -> Result<Option<Pairing>, Error> {
        let organization = viewer.require(Capability::Manage)?;
        Ok(self.registry.pairing(session.id).filter(|_| session.organization == *organization))
    }
}

/// Notes that the session shall be connected; a node that finds the note at its start connects it, too.
async fn want(unit: &mut Unit<'_>, key: SessionKey) -> Result<Session, Error> {
    let found = unit.session_for_update(&key.organization, key.session).await?;
    let mut session = found.ok_or(Error::SessionNotFound)?;
    session.wanted = true;
    if !matches!(session.status, SessionStatus::Working | SessionStatus::ScanQrCode) {
        session.status = SessionStatus::Starting;
        session.status_reason = None;
    }
    unit.save_session(&session).await?;
    Ok(session)
}
