//! Committed changes to listeners. One tail per node reads the change log; a subscriber keeps no queue, only its place.

use std::sync::Arc;

use crate::domain::change::Change;
use crate::domain::cursor::ChangeCursor;
use crate::domain::id::OrganizationId;
use crate::store::error::StoreError;

/// Why a subscription cannot be had or go on.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The cursor's place in the log is gone, or of an earlier incarnation.
    #[error("the cursor is older than the change log reaches")]
    CursorExpired,
    /// The cursor's place is not reached yet: it cannot be ours.
    #[error("the cursor is ahead of the change log")]
    CursorAhead,
    /// The database failed.
    #[error("the change log could not be read")]
    Store(#[from] StoreError),
}

/// What a subscriber gets.
#[derive(Debug, Clone)]
pub enum FeedEvent {
    /// One change, in order, each once.
    Change(Arc<Change>, ChangeCursor),
    /// Nothing that the caller has not seen, up to here: at the start, and when 30 s pass without a change.
    Checkpoint(ChangeCursor),
}

/// The changes of all organizations, as they are committed.
#[derive(Clone)]
pub struct Feed {}

/// One listener's place in its organization's changes.
pub struct Subscription {}

impl Feed {
    /// Listens to an organization's changes after `after`, or from now on.
    ///
    /// # Errors
    /// [`FeedError`].
    pub async fn subscribe(
        &self,
        organization: &OrganizationId,
        after: Option<ChangeCursor>,
    ) -> Result<Subscription, FeedError> {
        todo!()
    }

    /// Says that something of `organization` was committed.
    pub fn wake(&self, organization: &OrganizationId) {
        todo!()
    }
}

impl Subscription {
    /// The next event; the first is a checkpoint with the place where it starts. Cancel-safe.
    ///
    /// # Errors
    /// [`FeedError`]; the subscription is over then.
    pub async fn next(&mut self) -> Result<FeedEvent, FeedError> {
        todo!()
    }
}
