//! Bearer tokens: authenticates API keys and login tokens.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    api_key_secret::{MAX_TOKEN_LEN, hash, is_jwt},
    config::Config,
    failed_token_limit::FailedTokenLimiter,
    jwt::JwtVerifier,
    key_cache::KeyCache,
    key_usage::KeyUsage,
    viewer::{Principal, Viewer},
};
use crate::{
    domain::{api_key::ApiKey, clock::Clock, id::KeyId},
    rate_limit::MonotonicClock,
    store::{KeySecret, Store, error::StoreError},
};

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
        if viewer.has_expired(now) {
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
        viewer.remaining(self.clock.now())
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
