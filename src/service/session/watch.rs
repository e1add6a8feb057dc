//! Subscriptions to sessions: first their present state, then changes. The newest state of each is never lost; states
//! in between may be. A subscriber only has a position in the reader's log, so a slow one costs no memory.

use std::sync::Arc;

use super::reader::Following;
use crate::{
    domain::{id::SessionId, session::Session},
    service::error::Error,
};

/// A change of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionChange {
    /// The session's id.
    pub id: SessionId,
    /// The session as it is now; `None` if it was deleted.
    pub session: Option<Session>,
}

/// A subscription to an organization's sessions, or to one of them.
pub struct SessionChanges {
    following: Following,
    session: Option<SessionId>,
    shows_pairing: bool,
    /// Number of the state that was returned last.
    place: u64,
    /// Deletions up to this number are skipped; `None` until the subscription has started.
    deleted_before: Option<u64>,
    ended: bool,
}

impl SessionChanges {
    /// Subscribes to the organization's sessions, or to one of them, with their pairing codes if `shows_pairing`.
    pub(in crate::service) fn new(following: Following, session: Option<SessionId>, shows_pairing: bool) -> Self {
        Self { following, session, shows_pairing, place: 0, deleted_before: None, ended: false }
    }

    /// Returns the next change; `None` after the deletion of the only followed session. Cancel-safe.
    ///
    /// # Errors
    /// `Behind` if too many sessions were deleted since the last change, `Closed` if the server stops.
    pub async fn next(&mut self) -> Result<Option<SessionChange>, Error> {
        loop {
            if self.ended {
                return Ok(None);
            }
            if *self.following.done.borrow_and_update() >= self.following.ticket
                && let Some(change) = self.read()?
            {
                return Ok(Some(change));
            }
            let shared = Arc::clone(&self.following.shared);
            tokio::select! {
                () = shared.ended() => return Err(Error::Closed),
                changed = self.following.done.changed() => changed.map_err(|_| Error::Closed)?,
            }
        }
    }

    /// Returns the next unread state.
    fn read(&mut self) -> Result<Option<SessionChange>, Error> {
        let log = self.following.shared.log(self.shows_pairing);
        let deleted_before = *self.deleted_before.get_or_insert(log.last());
        if let Some(id) = self.session {
            let Some((number, session)) = log.of(id).filter(|(number, _)| *number > self.place) else {
                return Ok(None);
            };
            (self.place, self.ended) = (number, session.is_none());
            return Ok(Some(change(id, session.as_deref())));
        }
        if log.is_forgotten(self.place.max(deleted_before)) {
            return Err(Error::Behind);
        }
        while let Some((id, (number, session))) = log.after(self.place) {
            self.place = number;
            if session.is_some() || number > deleted_before {
                return Ok(Some(change(id, session.as_deref())));
            }
        }
        Ok(None)
    }
}

fn change(id: SessionId, session: Option<&Session>) -> SessionChange {
    SessionChange { id, session: session.cloned() }
}
