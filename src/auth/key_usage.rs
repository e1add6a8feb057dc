//! Last-used times of API keys: collected during verification, and stored every few seconds, so that no request waits
//! for the write.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    domain::{
        api_key::ApiKey,
        id::{KeyId, OrganizationId},
    },
    store::Store,
};

/// Interval between writes.
const FLUSH_INTERVAL: Duration = Duration::from_secs(5);
/// Minimum difference to the stored time, in milliseconds.
const MIN_STEP_MS: i64 = 60_000;
/// Maximum number of collected keys; further ones are recorded at a later use.
const MAX_PENDING_KEYS: usize = 10_000;

type PendingUses = HashMap<OrganizationId, HashMap<KeyId, i64>>;

/// Uses that are not yet stored. Clones share them.
#[derive(Clone, Default)]
pub(super) struct KeyUsage(Arc<Mutex<PendingUses>>);

impl KeyUsage {
    /// Records a use of `key`, unless the stored time is recent.
    pub(super) fn record(&self, key: &ApiKey, now: i64) {
        if key.last_used_at.is_some_and(|used_at| (0..MIN_STEP_MS).contains(&now.saturating_sub(used_at))) {
            return;
        }
        let mut gathered = self.pending();
        if gathered.values().map(HashMap::len).sum::<usize>() < MAX_PENDING_KEYS {
            gathered.entry(key.organization.clone()).or_default().insert(key.id, now);
        }
    }

    /// Stores the uses periodically, and a last time at `stop`.
    pub(super) async fn run(&self, store: &Store, stop: CancellationToken) {
        while stop.run_until_cancelled(sleep(FLUSH_INTERVAL)).await.is_some() {
            self.flush(store).await;
        }
        self.flush(store).await;
    }

    async fn flush(&self, store: &Store) {
        let gathered = std::mem::take(&mut *self.pending());
        for (organization, uses) in gathered {
            if let Err(error) = store.record_key_uses(&organization, uses.into_iter().collect()).await {
                warn!(error = %error, "Storing the last-used times of API keys failed");
            }
        }
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, PendingUses> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::capability::Capabilities;

    fn key(last_used_at: Option<i64>) -> ApiKey {
        ApiKey {
            id: KeyId::new(1),
            organization: "org_1".parse().expect("an id"),
            name: "key".into(),
            prefix: "cg_12345".into(),
            permissions: Capabilities::all(),
            created_at: 1,
            expires_at: None,
            last_used_at,
            created_by: None,
            previous_until: None,
        }
    }

    #[test]
    fn a_use_is_noted_once_a_minute() {
        for (last_used_at, noted) in
            [(None, 1), (Some(40_000), 1), (Some(40_001), 0), (Some(100_000), 0), (Some(100_001), 1)]
        {
            let uses = KeyUsage::default();
            uses.record(&key(last_used_at), 100_000);
            assert_eq!(uses.pending().len(), noted, "{last_used_at:?}");
        }
    }

    #[test]
    fn pending_uses_are_bounded() {
        let uses = KeyUsage::default();
        for _ in 0..=MAX_PENDING_KEYS {
            uses.record(&key(None), 1);
        }
        assert_eq!(uses.pending().values().map(HashMap::len).sum::<usize>(), MAX_PENDING_KEYS);
    }
}
