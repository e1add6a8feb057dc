//! Cache of verified API keys.

use std::collections::HashMap;

use super::viewer::{Principal, Viewer};
use crate::{cache::BoundedMap, domain::id::KeyId};

/// Cache lifetime of a verified key, in milliseconds: a revoked key works for at most this time.
pub const KEY_CACHE_TTL_MS: i64 = 4_000;
/// Maximum number of cached keys.
const MAX_CACHED_KEYS: usize = 10_000;

/// Cache of verified keys, by hash. Failures are not cached, because an unknown key can be created at any time.
pub(super) struct KeyCache {
    viewers: BoundedMap<String, (Viewer, i64)>,
    /// Recently revoked keys: a concurrent verification may have read one before its revocation, and must not cache it
    /// afterwards.
    revoked: HashMap<KeyId, i64>,
}

impl Default for KeyCache {
    fn default() -> Self {
        Self { viewers: BoundedMap::new(MAX_CACHED_KEYS), revoked: HashMap::new() }
    }
}

impl KeyCache {
    pub(super) fn get(&self, hash: &str, now: i64) -> Option<Viewer> {
        let (viewer, read_at) = self.viewers.get(hash)?;
        (fresh(*read_at, now) && !viewer.has_expired(now)).then(|| viewer.clone())
    }

    pub(super) fn insert(&mut self, hash: String, viewer: Viewer, now: i64) {
        let Principal::ApiKey(id) = viewer.principal else { return };
        if self.revoked.contains_key(&id) {
            return;
        }
        self.viewers.insert(hash, (viewer, now), |(_, read_at)| !fresh(*read_at, now));
    }

    pub(super) fn forget(&mut self, id: KeyId, now: i64) {
        self.revoked.retain(|_, revoked_at| fresh(*revoked_at, now));
        self.revoked.insert(id, now);
        self.viewers.retain(|_, (viewer, _)| viewer.principal != Principal::ApiKey(id));
    }
}

/// Returns whether a value read at `read_at` is still fresh. If the clock was set back, it is stale.
fn fresh(read_at: i64, now: i64) -> bool {
    (0..KEY_CACHE_TTL_MS).contains(&now.saturating_sub(read_at))
}

#[cfg(test)]
mod tests {
    use super::{super::viewer::tests::viewer_until, *};

    #[test]
    fn a_verified_key_is_remembered_for_four_seconds() {
        let mut verified = KeyCache::default();
        verified.insert("a".into(), viewer_until(None), 1_000);
        assert!(verified.get("a", 4_999).is_some());
        assert!(verified.get("a", 5_000).is_none());
        assert!(verified.get("a", 999).is_none(), "the clock was set back");
        assert!(verified.get("b", 1_000).is_none());
    }

    #[test]
    fn a_remembered_key_does_not_outlive_its_expiry() {
        let mut verified = KeyCache::default();
        verified.insert("a".into(), viewer_until(Some(1_500)), 1_000);
        assert!(verified.get("a", 1_500).is_some());
        assert!(verified.get("a", 1_501).is_none());
    }

    #[test]
    fn remembered_entries_are_bounded() {
        let mut verified = KeyCache::default();
        for number in 0..=MAX_CACHED_KEYS {
            verified.insert(number.to_string(), viewer_until(None), 1_000);
        }
        assert!(verified.viewers.len() <= MAX_CACHED_KEYS);
        assert!(verified.get(&MAX_CACHED_KEYS.to_string(), 1_000).is_some());
    }

    #[test]
    fn a_revoked_key_is_forgotten_and_not_remembered_again() {
        let mut verified = KeyCache::default();
        verified.insert("a".into(), viewer_until(None), 1_000);
        let Principal::ApiKey(id) = verified.get("a", 1_000).expect("remembered").principal else { panic!("no key") };
        verified.forget(id, 1_000);
        assert!(verified.get("a", 1_000).is_none());
        let late = Viewer { principal: Principal::ApiKey(id), ..viewer_until(None) };
        verified.insert("a".into(), late, 1_001);
        assert!(verified.get("a", 1_001).is_none(), "it was read before and remembered after");
        for later in 1..100 {
            verified.forget(KeyId::new(later), 1_000 + later * KEY_CACHE_TTL_MS);
        }
        assert_eq!(verified.revoked.len(), 1);
    }
}
