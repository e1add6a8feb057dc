//! State that the feed shares with its tail.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::recent_changes::RecentChanges;
use crate::domain::id::OrganizationId;

/// Validity of the last known ends of the logs.
const HEADS_TTL: Duration = Duration::from_secs(10);

/// The recent changes of each organization with subscribers.
pub(super) type Topics = Arc<Mutex<HashMap<OrganizationId, Arc<RecentChanges>>>>;

/// Time at which the ends of the logs were last read from the database.
#[derive(Clone, Default)]
pub(super) struct Heads(Arc<Mutex<Option<Instant>>>);

impl Heads {
    pub(super) fn were_seen(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(super) fn are_known(&self) -> bool {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_some_and(|seen| seen.elapsed() < HEADS_TTL)
    }
}
