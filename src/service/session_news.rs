//! Word that something about an organization's sessions is new, from whoever stored it to those who listen here. Only a
//! hint: listeners look for themselves, and also from time to time without one.

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::domain::id::OrganizationId;

/// So many words wait for a slow listener; one that missed some looks in any case.
const WORDS: usize = 64;

/// The way to tell. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SessionNews {
    words: broadcast::Sender<OrganizationId>,
}

impl Default for SessionNews {
    fn default() -> Self {
        Self { words: broadcast::Sender::new(WORDS) }
    }
}

impl SessionNews {
    /// Something is new, and committed.
    pub(super) fn tell(&self, organization: &OrganizationId) {
        // Without a listener there is nobody to tell.
        let _ = self.words.send(organization.clone());
    }

    /// Listens for what is told from here on.
    pub(super) fn listen(&self) -> Ear {
        Ear(self.words.subscribe())
    }
}

/// One listener's end.
pub(super) struct Ear(broadcast::Receiver<OrganizationId>);

impl Ear {
    /// Waits for a word about the organization; also returns when some were missed. Cancel-safe.
    pub(super) async fn hear(&mut self, organization: &OrganizationId) {
        loop {
            match self.0.recv().await {
                Ok(whose) if whose == *organization => return,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return,
                // Nobody is left who could tell.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
