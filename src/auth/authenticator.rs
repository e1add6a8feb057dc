//! Bearer tokens: authenticates API keys and login tokens. Also generates the secrets of API keys, and the hashes that
//! are stored.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest as _;
use sha2::Sha256;
use tokio_util::sync::CancellationToken;

use crate::cache::BoundedMap;
use crate::domain::api_key::ApiKey;
use crate::domain::clock::Clock;
use crate::domain::id::KeyId;
use crate::rate_limit::MonotonicClock;
use crate::store::KeySecret;
use crate::store::Store;
use crate::store::error::StoreError;

use super::config::Config;
use super::failed_token_limit::FailedTokenLimiter;
use super::jwt::JwtVerifier;
use super::key_usage::KeyUsage;
use super::viewer::Principal;
use super::viewer::Viewer;

/// Cache lifetime of a verified key, in milliseconds: a revoked key works for at most this time.
pub const KEY_CACHE_TTL_MS: i64 = 4_000;
/// Maximum number of cached keys.
const MAX_CACHED_KEYS: usize = 10_000;
/// Maximum length of an API key in a request, in bytes. Generated keys have 46 characters; imported ones can be longer.
pub(super) const MAX_TOKEN_LEN: usize = 512;

/// Generates the secret of a new API key: `cg_` and 43 characters, 256 random bits.
///
/// # Panics
/// If the operating system provides no random bytes.
#[must_use]
pub fn generate() -> String {
    let mut random = [0; 32];
    getrandom::fill(&mut random).expect("the operating system has random bytes");
    format!("cg_{}", URL_SAFE_NO_PAD.encode(random))
}

/// Returns the hash that is stored of a secret: its SHA-256 in unpadded base64url. Salt and key stretching are
/// unnecessary because a secret is long and random, and would prevent the lookup by hash.
#[must_use]
pub fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret))
}

/// Returns whether a token has the form of a JWT: three non-empty parts separated by dots. API keys never have this
/// form.
pub(super) fn is_jwt(token: &str) -> bool {
    token.split('.').count() == 3 && token.split('.').all(|part| !part.is_empty())
}

/// Returns the part of a secret that identifies a key in lists: its first 8 characters.
#[must_use]
pub fn prefix(secret: &str) -> String {
    secret.chars().take(8).collect()
}

/// Authenticates tokens. Clones share the cache.
#[derive(Clone)]
pub struct Authenticator {
    store: Store,
    logins: Option<JwtVerifier>,
    clock: Arc<dyn Clock>,
    verified: Arc<Mutex<KeyCache>>,
    uses: KeyUsage,
    attempts: Option<Arc<FailureCounter>>,
}

/// Counter of invalid tokens.
struct FailureCounter {
    clock: MonotonicClock,
    limiter: Mutex<FailedTokenLimiter>,
}

/// Reason why a token was not verified.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The address sent too many invalid tokens before this one.
    #[error("too many invalid tokens from this address")]
    TooMany {
        /// Time until the token can be sent again.
        retry_after: Duration,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Authenticator {
    /// Returns the age of the key set for login tokens, in milliseconds; `None` without one.
    #[must_use]
    pub fn login_keys_age_ms(&self) -> Option<i64> {
        self.logins.as_ref()?.keys_age_ms()
    }

    /// Verifies API keys in `store`, and login tokens if `logins` is set.
    #[must_use]
    pub fn new(store: Store, logins: Option<JwtVerifier>, clock: Arc<dyn Clock>) -> Self {
        Self { store, logins, clock, verified: Arc::default(), uses: KeyUsage::default(), attempts: None }
    }

    /// Limits invalid tokens per address and minute; see [`Self::authenticate`].
    #[must_use]
    pub fn with_config(self, config: Config) -> Self {
        let limit = Some(config.max_failed_tokens_per_minute).filter(|limit| *limit > 0);
        let counter = |limit| FailureCounter {
            clock: MonotonicClock::start(),
            limiter: Mutex::new(FailedTokenLimiter::new(limit)),
        };
        Self { attempts: limit.map(|limit| Arc::new(counter(limit))), ..self }
    }

    /// Verifies a token from this address as [`Self::verify`] does. Above the limit of invalid tokens, an invalid token
    /// is an error. Far above it, a token is only verified if it was valid within the last ten minutes.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn authenticate(&self, token: &str, from: IpAddr) -> Result<Option<Viewer>, AuthError> {
        let Some(counted) = &self.attempts else { return Ok(self.verify(token).await?) };
        let too_many = |wait_ms| AuthError::TooMany { retry_after: Duration::from_millis(wait_ms) };
        let blocked_ms = counted.attempts().blocked_ms(token, from, counted.clock.now_ms());
        if let Some(wait_ms) = blocked_ms {
            return Err(too_many(wait_ms));
        }
        let viewer = self.verify(token).await?;
        if viewer.is_some() {
            counted.attempts().record_success(token, counted.clock.now_ms());
            return Ok(viewer);
        }
        let wait_ms = counted.attempts().record_failure(from, counted.clock.now_ms());
        wait_ms.map_or(Ok(None), |wait_ms| Err(too_many(wait_ms)))
    }

    /// Returns the viewer of a token; `None` if it is unknown, revoked, expired or otherwise invalid. A token with the
    /// form of a JWT is never looked up as an API key.
    ///
    /// Costs one read of the database for an API key that is not in the cache. A login token may wait for a fetch of
    /// the public keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn verify(&self, token: &str) -> Result<Option<Viewer>, StoreError> {
        if !is_jwt(token) {
            return self.key(token).await;
        }
        match &self.logins {
            Some(logins) => Ok(logins.verify(token).await),
            None => Ok(None),
        }
    }

    async fn key(&self, secret: &str) -> Result<Option<Viewer>, StoreError> {
        if secret.is_empty() || secret.len() > MAX_TOKEN_LEN {
            return Ok(None);
        }
        let hash = hash(secret);
        if let Some(viewer) = self.key_cache().get(&hash, self.clock.now()) {
            return Ok(Some(viewer));
        }
        let Some((key, secret)) = self.store.key_by_hash(&hash).await? else { return Ok(None) };
        let now = self.clock.now();
        let viewer = viewer(&key, secret);
        if expired(&viewer, now) {
            return Ok(None);
        }
        self.uses.record(&key, now);
        self.key_cache().insert(hash, viewer.clone(), now);
        Ok(Some(viewer))
    }

    /// Returns the remaining lifetime of the viewer's token, including its last millisecond; `None` if it never
    /// expires.
    #[must_use]
    pub fn remaining(&self, viewer: &Viewer) -> Option<Duration> {
        remaining(viewer, self.clock.now())
    }

    /// Removes a revoked key from the cache, so that this process rejects it at once.
    pub fn forget(&self, id: KeyId) {
        self.key_cache().forget(id, self.clock.now());
    }

    /// Stores the last-used times of keys periodically, until `stop`.
    pub async fn store_key_usage(self, stop: CancellationToken) {
        self.uses.run(&self.store, stop).await;
    }

    fn key_cache(&self) -> std::sync::MutexGuard<'_, KeyCache> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FailureCounter {
    fn attempts(&self) -> std::sync::MutexGuard<'_, FailedTokenLimiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn viewer(key: &ApiKey, secret: KeySecret) -> Viewer {
    let expires_at = match secret {
        KeySecret::Current => key.expires_at,
        KeySecret::Previous => Some(key.previous_until.unwrap_or(0).min(key.expires_at.unwrap_or(i64::MAX))),
    };
    Viewer {
        organization: Some(key.organization.clone()),
        principal: Principal::ApiKey(key.id),
        capabilities: key.permissions,
        expires_at,
    }
}

fn remaining(viewer: &Viewer, now: i64) -> Option<Duration> {
    let left_ms = viewer.expires_at?.saturating_sub(now).saturating_add(1);
    Some(Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)))
}

/// The expiry is inclusive.
fn expired(viewer: &Viewer, now: i64) -> bool {
    viewer.expires_at.is_some_and(|expires_at| now > expires_at)
}

/// Cache of verified keys, by hash. Failures are not cached, because an unknown key can be created at any time.
struct KeyCache {
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
    fn get(&self, hash: &str, now: i64) -> Option<Viewer> {
        let (viewer, read_at) = self.viewers.get(hash)?;
        (fresh(*read_at, now) && !expired(viewer, now)).then(|| viewer.clone())
    }

    fn insert(&mut self, hash: String, viewer: Viewer, now: i64) {
        let Principal::ApiKey(id) = viewer.principal else { return };
        if self.revoked.contains_key(&id) {
            return;
        }
        self.viewers.insert(hash, (viewer, now), |(_, read_at)| !fresh(*read_at, now));
    }

    fn forget(&mut self, id: KeyId, now: i64) {
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
    use super::*;
    use crate::domain::capability::Capabilities;
    use crate::domain::id::KeyId;

    fn viewer_until(expires_at: Option<i64>) -> Viewer {
        Viewer {
            organization: Some("org_1".parse().expect("an id")),
            principal: Principal::ApiKey(KeyId::new(1)),
            capabilities: Capabilities::all(),
            expires_at,
        }
    }

    #[test]
    fn a_secret_is_a_prefix_and_43_characters_and_never_the_same() {
        let (one, other) = (generate(), generate());
        assert_ne!(one, other);
        let random = one.strip_prefix("cg_").expect("the prefix");
        assert_eq!(random.len(), 43);
        assert_eq!(URL_SAFE_NO_PAD.decode(random).map(|bytes| bytes.len()), Ok(32));
        assert_eq!(prefix(&one), one[..8]);
    }

    #[test]
    fn the_hash_is_unpadded_base64url_of_sha_256() {
        assert_eq!(hash("abc"), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    }

    #[test]
    fn the_last_millisecond_of_a_key_still_counts() {
        assert!(!expired(&viewer_until(Some(100)), 100));
        assert!(expired(&viewer_until(Some(100)), 101));
        assert!(!expired(&viewer_until(None), i64::MAX));
    }

    #[test]
    fn a_key_is_over_when_nothing_of_it_remains() {
        let key = viewer_until(Some(100));
        for (now, left_ms) in [(0, 101), (100, 1), (101, 0), (i64::MAX, 0)] {
            assert_eq!(remaining(&key, now), Some(Duration::from_millis(left_ms)));
            assert_eq!(expired(&key, now), left_ms == 0);
        }
        assert_eq!(remaining(&viewer_until(None), 100), None);
    }

    #[test]
    fn a_login_token_is_never_a_key() {
        assert!(is_jwt("a.b.c"));
        for secret in ["abc", "a.b", "a.b.c.d", "a..c", ".b.c", "a.b.", ".."] {
            assert!(!is_jwt(secret), "{secret}");
        }
    }

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
