//! Following sessions: as they are now, then as they change. The newest state of each is never lost, and states in between
//! may be. A listener keeps its place in what the organization's reader has read, so one that waits takes no memory.

use std::sync::Arc;

use crate::domain::id::SessionId;
use crate::domain::session::Session;

use super::error::Error;
use super::session_reader::Following;

/// Something about a session is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionChange {
    /// Which.
    pub id: SessionId,
    /// The session as it is now; none when it is gone.
    pub session: Option<Session>,
}

/// One listener's view of an organization's sessions, or of one of them.
pub struct SessionChanges {
    following: Following,
    session: Option<SessionId>,
    shows_pairing: bool,
    /// The number of the state that was returned last.
    place: u64,
    /// Deletions up to here are of no interest; `None` until the listener has started.
    deleted_before: Option<u64>,
    ended: bool,
}

impl SessionChanges {
    /// Follows the organization's sessions, or one of them, with their pairing codes if `shows_pairing`.
    pub(super) fn new(following: Following, session: Option<SessionId>, shows_pairing: bool) -> Self {
        Self { following, session, shows_pairing, place: 0, deleted_before: None, ended: false }
    }

    /// The next change; none when the one session that is followed is gone. Cancel-safe.
    ///
    /// # Errors
    /// `Behind` if too many sessions were deleted since the last change, `Closed` when the server stops.
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

    /// What was not returned yet.
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
