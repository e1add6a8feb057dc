//! Bearer tokens of either kind, turned into viewers. And api-keys: how a secret is made, and what is stored of it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest as _;
use sha2::Sha256;
use tokio_util::sync::CancellationToken;

use crate::domain::clock::Clock;
use crate::domain::id::KeyId;
use crate::domain::key::ApiKey;
use crate::store::KeySecret;
use crate::store::Store;
use crate::store::error::StoreError;

use super::attempts::Attempts;
use super::login::Logins;
use super::uses::Uses;
use super::viewer::Principal;
use super::viewer::Viewer;

/// How long a verified key is taken without asking the database again, in milliseconds: a revoked key works so long.
pub const FRESH_MS: i64 = 4_000;
/// How many verified keys are remembered.
const REMEMBERED: usize = 10_000;
/// The longest secret that is looked up. Ours have 46 characters; an imported one may be longer, but not this long.
pub(super) const LONGEST: usize = 512;

/// Makes the secret of a new api-key: `cg_` and 43 characters, 256 random bits.
///
/// # Panics
/// When the operating system has no random bytes to give.
#[must_use]
pub fn generate() -> String {
    let mut random = [0; 32];
    getrandom::fill(&mut random).expect("the operating system has random bytes");
    format!("cg_{}", URL_SAFE_NO_PAD.encode(random))
}

/// What is stored of a secret: the unpadded base64url of its SHA-256. No salt and no stretching, since a secret is
/// random and long; it has to be found by this text.
#[must_use]
pub fn hash(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret))
}

/// Whether this is a login token and no secret of a key: three parts with dots between, none of them empty.
pub(super) fn is_jwt(token: &str) -> bool {
    token.split('.').count() == 3 && token.split('.').all(|part| !part.is_empty())
}

/// The part of a secret that is shown to tell keys apart: its first 8 characters.
#[must_use]
pub fn prefix(secret: &str) -> String {
    secret.chars().take(8).collect()
}

/// Turns tokens into viewers. Clones share what they remember.
#[derive(Clone)]
pub struct Tokens {
    store: Store,
    logins: Option<Logins>,
    clock: Arc<dyn Clock>,
    verified: Arc<Mutex<Verified>>,
    uses: Uses,
    attempts: Option<Arc<Counted>>,
}

/// The invalid tokens.
struct Counted {
    since: Instant,
    attempts: Mutex<Attempts>,
}

/// Why a token is neither accepted nor just invalid.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    /// There were too many invalid tokens from this address before this one.
    #[error("too many invalid tokens from this address")]
    TooMany {
        /// When it may be tried again.
        retry_after: Duration,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Tokens {
    /// How old the public keys are that login tokens are verified with, in milliseconds; `None` without any.
    #[must_use]
    pub fn login_keys_age_ms(&self) -> Option<i64> {
        self.logins.as_ref()?.keys_age_ms()
    }

    /// Looks keys up in `store`; without `logins` people have no tokens here.
    #[must_use]
    pub fn new(store: Store, logins: Option<Logins>, clock: Arc<dyn Clock>) -> Self {
        Self { store, logins, clock, verified: Arc::default(), uses: Uses::default(), attempts: None }
    }

    /// Limits how many tokens from one address may be invalid in a minute; see [`Self::admit`].
    #[must_use]
    pub fn with_limit(self, failures_per_minute: u32) -> Self {
        let counted = Counted { since: Instant::now(), attempts: Mutex::new(Attempts::new(failures_per_minute)) };
        Self { attempts: Some(Arc::new(counted)), ..self }
    }

    /// Verifies a token that came from this address as [`Self::verify`] does. Once there were too many invalid ones, an
    /// invalid one is an error. Once there were many times as many, nothing is computed or read for a token unless it was
    /// valid within the last ten minutes.
    ///
    /// # Errors
    /// [`Unheard`].
    pub async fn admit(&self, token: &str, from: IpAddr) -> Result<Option<Viewer>, Unheard> {
        let Some(counted) = &self.attempts else { return Ok(self.verify(token).await?) };
        let too_many = |wait_ms| Unheard::TooMany { retry_after: Duration::from_millis(wait_ms) };
        let blocked_ms = counted.attempts().blocked_ms(token, from, counted.now_ms());
        if let Some(wait_ms) = blocked_ms {
            return Err(too_many(wait_ms));
        }
        let viewer = self.verify(token).await?;
        if viewer.is_some() {
            counted.attempts().succeeded(token, counted.now_ms());
            return Ok(viewer);
        }
        let wait_ms = counted.attempts().failed(from, counted.now_ms());
        wait_ms.map_or(Ok(None), |wait_ms| Err(too_many(wait_ms)))
    }

    /// Whose token this is; none for an unknown, revoked, expired or wrong one, which all look alike. What has the form
    /// of a login token is never looked up as a key.
    ///
    /// For a key one read of the database, or none when it was verified within the last seconds. For a login token none;
    /// it waits for the public keys where they have to be fetched.
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
        if secret.is_empty() || secret.len() > LONGEST {
            return Ok(None);
        }
        let hash = hash(secret);
        if let Some(viewer) = self.verified().get(&hash, self.clock.now()) {
            return Ok(Some(viewer));
        }
        let Some((key, secret)) = self.store.key_by_hash(&hash).await? else { return Ok(None) };
        let now = self.clock.now();
        let viewer = viewer(&key, secret);
        if expired(&viewer, now) {
            return Ok(None);
        }
        self.uses.note(&key, now);
        self.verified().insert(hash, viewer.clone(), now);
        Ok(Some(viewer))
    }

    /// How long `viewer`'s token still counts, its last millisecond included; for good when there is none.
    #[must_use]
    pub fn remaining(&self, viewer: &Viewer) -> Option<Duration> {
        remaining(viewer, self.clock.now())
    }

    /// Forgets a key that was revoked, so that it is refused at once here.
    pub fn forget(&self, id: KeyId) {
        self.verified().forget(id, self.clock.now());
    }

    /// Stores when keys were last used, until the server stops.
    pub async fn store_uses(self, stop: CancellationToken) {
        self.uses.store(&self.store, stop).await;
    }

    fn verified(&self) -> std::sync::MutexGuard<'_, Verified> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn attempts(&self) -> std::sync::MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The last millisecond still counts.
fn expired(viewer: &Viewer, now: i64) -> bool {
    viewer.expires_at.is_some_and(|expires_at| now > expires_at)
}

/// The keys that were verified lately, by hash. Only successes: an unknown key may be created any moment.
#[derive(Default)]
struct Verified {
    viewers: HashMap<String, (Viewer, i64)>,
    /// Those that were revoked lately: one may have been read just before, and is not to be remembered after.
    revoked: HashMap<KeyId, i64>,
}

impl Verified {
    fn get(&self, hash: &str, now: i64) -> Option<Viewer> {
        let (viewer, read_at) = self.viewers.get(hash)?;
        (fresh(*read_at, now) && !expired(viewer, now)).then(|| viewer.clone())
    }

    fn insert(&mut self, hash: String, viewer: Viewer, now: i64) {
        let Principal::ApiKey(id) = viewer.principal else { return };
        if self.revoked.contains_key(&id) {
            return;
        }
        if self.viewers.len() >= REMEMBERED {
            self.viewers.retain(|_, (_, read_at)| fresh(*read_at, now));
        }
        if self.viewers.len() >= REMEMBERED {
            self.viewers.clear();
        }
        self.viewers.insert(hash, (viewer, now));
    }

    fn forget(&mut self, id: KeyId, now: i64) {
        self.revoked.retain(|_, revoked_at| fresh(*revoked_at, now));
        self.revoked.insert(id, now);
        self.viewers.retain(|_, (viewer, _)| viewer.principal != Principal::ApiKey(id));
    }
}

/// Whether what was read at `read_at` may still be used. A clock that was set back makes it stale, not eternal.
fn fresh(read_at: i64, now: i64) -> bool {
    (0..FRESH_MS).contains(&now.saturating_sub(read_at))
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
        let mut verified = Verified::default();
        verified.insert("a".into(), viewer_until(None), 1_000);
        assert!(verified.get("a", 4_999).is_some());
        assert!(verified.get("a", 5_000).is_none());
        assert!(verified.get("a", 999).is_none(), "the clock was set back");
        assert!(verified.get("b", 1_000).is_none());
    }

    #[test]
    fn a_remembered_key_does_not_outlive_its_expiry() {
        let mut verified = Verified::default();
        verified.insert("a".into(), viewer_until(Some(1_500)), 1_000);
        assert!(verified.get("a", 1_500).is_some());
        assert!(verified.get("a", 1_501).is_none());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut verified = Verified::default();
        for number in 0..=REMEMBERED {
            verified.insert(number.to_string(), viewer_until(None), 1_000);
        }
        assert!(verified.viewers.len() <= REMEMBERED);
        assert!(verified.get(&REMEMBERED.to_string(), 1_000).is_some());
    }

    #[test]
    fn a_revoked_key_is_forgotten_and_not_remembered_again() {
        let mut verified = Verified::default();
        verified.insert("a".into(), viewer_until(None), 1_000);
        let Principal::ApiKey(id) = verified.get("a", 1_000).expect("remembered").principal else { panic!("no key") };
        verified.forget(id, 1_000);
        assert!(verified.get("a", 1_000).is_none());
        let late = Viewer { principal: Principal::ApiKey(id), ..viewer_until(None) };
        verified.insert("a".into(), late, 1_001);
        assert!(verified.get("a", 1_001).is_none(), "it was read before and remembered after");
        for later in 1..100 {
            verified.forget(KeyId::new(later), 1_000 + later * FRESH_MS);
        }
        assert_eq!(verified.revoked.len(), 1);
    }
}
