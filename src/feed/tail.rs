//! Reads each new change once, for all subscribers of its organization.

use std::sync::PoisonError;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::domain::id::OrganizationId;
use crate::store::Store;
use crate::store::error::StoreError;

use super::Config;
use super::Topics;
use super::topic::Topic;

/// Changes of one read.
const READ: u64 = 500;

/// Follows the change log until `stop`: at once where a commit is heard of, and at every poll where none was.
pub(super) async fn follow(store: Store, topics: Topics, config: Config, stop: CancellationToken) {
    let mut poll = tokio::time::interval(config.poll);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let whose = tokio::select! {
            () = stop.cancelled() => return,
            whose = store.committed() => whose,
            _ = poll.tick() => listened_to(&topics),
        };
        for organization in whose {
            let topic = topics.lock().unwrap_or_else(PoisonError::into_inner).get(&organization).cloned();
            let Some(topic) = topic else { continue };
            if let Err(failed) = catch_up(&store, &organization, &topic).await {
                error!(error = &failed as &dyn std::error::Error, "The change log could not be read");
            }
        }
    }
}

async fn catch_up(store: &Store, organization: &OrganizationId, topic: &Topic) -> Result<(), StoreError> {
    loop {
        let changes = store.changes(organization, topic.head(), READ).await?;
        let more = changes.len() as u64 == READ;
        topic.extend(changes);
        if !more {
            return Ok(());
        }
    }
}

/// The organizations somebody listens to; the others are forgotten.
fn listened_to(topics: &Topics) -> Vec<OrganizationId> {
    let mut topics = topics.lock().unwrap_or_else(PoisonError::into_inner);
    // A subscriber that is just being made holds the topic, though it does not watch yet.
    topics.retain(|_, topic| !topic.is_idle() || std::sync::Arc::strong_count(topic) > 1);
    topics.keys().cloned().collect()
}
