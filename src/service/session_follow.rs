//! Following sessions: as they are now, then as they change. A listener remembers what it told last and compares, so the
//! newest state is never lost, and states in between may be.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::timeout;

use crate::domain::id::OrganizationId;
use crate::domain::id::SessionId;
use crate::domain::session::Pairing;
use crate::domain::session::Session;
use crate::session::registry::Registry;
use crate::store::Store;

use super::error::Error;
use super::session_news::Ear;
use super::shared_read::SharedRead;

/// How often a listener looks though nothing was told: for what another process stored, and for codes that expired.
const POLL: Duration = Duration::from_secs(2);
/// What is told within this time is looked at once.
const GATHER: Duration = Duration::from_millis(20);

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
    store: Store,
    registry: Registry,
    organization: OrganizationId,
    session: Option<SessionId>,
    shows_pairing: bool,
    ear: Ear,
    read: Arc<SharedRead>,
    started: bool,
    told: BTreeMap<SessionId, Shown>,
    waiting: VecDeque<SessionChange>,
}

/// What of a session a listener can tell apart.
type Shown = (Session, Option<Pairing>);

impl SessionChanges {
    /// Follows the organization's sessions, or one of them, with their pairing codes where `shows_pairing`. Listens
    /// through `ear` already.
    pub(super) fn new(
        store: Store,
        registry: Registry,
        organization: OrganizationId,
        shows_pairing: bool,
        session: Option<SessionId>,
        (ear, read): (Ear, Arc<SharedRead>),
    ) -> Self {
        Self {
            store,
            registry,
            organization,
            session,
            shows_pairing,
            ear,
            read,
            started: false,
            told: BTreeMap::new(),
            waiting: VecDeque::new(),
        }
    }

    /// The next change; none when the one session that is followed is gone. Cancel-safe.
    ///
    /// # Errors
    /// `Store`.
    pub async fn next(&mut self) -> Result<Option<SessionChange>, Error> {
        loop {
            if let Some(change) = self.waiting.pop_front() {
                return Ok(Some(change));
            }
            if self.started && self.session.is_some() && self.told.is_empty() {
                return Ok(None);
            }
            let mut since = Instant::now();
            if self.started {
                let heard = timeout(POLL, self.ear.hear(&self.organization)).await.is_ok();
                since = Instant::now();
                if heard {
                    sleep(GATHER).await;
                } else {
                    // Without a word, what another listener has read is recent enough.
                    since = since.checked_sub(POLL / 2).unwrap_or(since);
                }
            }
            self.look(since).await?;
            self.started = true;
        }
    }

    /// Compares what is stored, as of `since` or later, with what was told.
    async fn look(&mut self, since: Instant) -> Result<(), Error> {
        let sessions = match self.session {
            Some(session) => self.store.sessions_by_ids(&self.organization, &[session]).await?.into(),
            None => self.read.sessions(since, self.store.all_sessions(&self.organization)).await?,
        };
        let mut gone = std::mem::take(&mut self.told);
        for session in sessions.iter().cloned() {
            let pairing = self.registry.pairing(session.id).filter(|_| self.shows_pairing);
            let (id, shown) = (session.id, (session, pairing));
            if gone.remove(&id).as_ref() != Some(&shown) {
                self.waiting.push_back(SessionChange { id, session: Some(shown.0.clone()) });
            }
            self.told.insert(id, shown);
        }
        self.waiting.extend(gone.into_keys().map(|id| SessionChange { id, session: None }));
        Ok(())
    }
}
