//! Reading sessions, making and starting them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::auth::viewer::Viewer;
use crate::domain::clock::Clock;
use crate::domain::cursor::TimeKey;
use crate::domain::id::SessionId;
use crate::domain::page::Page;
use crate::domain::page::PageRequest;
use crate::domain::session::Pairing;
use crate::domain::session::Session;
use crate::store::Store;

use super::error::Error;

/// The use cases around sessions.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    /// A page of the organization's sessions, newest first.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `Store`.
    pub async fn list(&self, viewer: &Viewer, page: PageRequest<TimeKey>) -> Result<Page<Session>, Error> {
        todo!()
    }

    /// One session.
    ///
    /// # Errors
    /// `Forbidden` without `read`, `SessionNotFound`, `Store`.
    pub async fn session(&self, viewer: &Viewer, id: SessionId) -> Result<Session, Error> {
        todo!()
    }

    /// Several sessions at once, for loaders.
    ///
    /// # Errors
    /// `Forbidden` without `read` and `events`, `Store`.
    pub async fn by_ids(&self, viewer: &Viewer, ids: &[SessionId]) -> Result<HashMap<SessionId, Session>, Error> {
        todo!()
    }

    /// Makes a session that is stopped.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `Invalid` for a label over 100 characters, `Store`.
    pub async fn create(&self, viewer: &Viewer, label: Option<String>) -> Result<Session, Error> {
        todo!()
    }

    /// Starts a session: it connects, and shows a QR code when it has never been paired.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `SessionNotFound`, `Store`.
    pub async fn start(&self, viewer: &Viewer, id: SessionId) -> Result<Session, Error> {
        todo!()
    }

    /// What a session shows to be paired with; none unless it waits for that.
    ///
    /// # Errors
    /// `Forbidden` without `manage`.
    pub fn pairing(&self, viewer: &Viewer, id: SessionId) -> Result<Option<Pairing>, Error> {
        todo!()
    }
}
