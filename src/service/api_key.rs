//! Api-key use cases: list, create and revoke, for clients with `manage` and for the operator. The operator's command
//! line works on the database beside a running server.

use std::sync::Arc;

use tracing::instrument;

use super::{
    audit,
    config::Limits,
    error::{ConflictReason, Error},
    idempotency::{idempotency_key, reused},
};
use crate::{
    auth::{
        api_key_secret,
        authenticator::Authenticator,
        viewer::{Forbidden, Principal, Viewer},
    },
    domain::{
        api_key::{self, ApiKey, KeyCreator},
        capability::{Capabilities, Capability},
        clock::Clock,
        cursor::TimeKey,
        id::{KeyId, OrganizationId},
        idempotency::{IdempotencyKey, Operation},
        page::{Page, PageRequest},
    },
    store::{HashedSecret, KeyUse, Store, error::StoreError},
};

/// A key to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Display name.
    pub name: String,
    /// Its permissions.
    pub permissions: Capabilities,
    /// Expiry time (inclusive), in milliseconds; `None` if it never expires.
    pub expires_at: Option<i64>,
}

impl NewApiKey {
    /// Parses the idempotency key of the request.
    fn under(&self, key: &str) -> Result<IdempotencyKey, Error> {
        let (permissions, end) = (self.permissions.as_repr().to_string(), format!("{:?}", self.expires_at));
        idempotency_key(Operation::CreateApiKey, key, &[&self.name, &permissions, &end])
    }
}

/// The use cases around api-keys.
#[derive(Clone)]
pub struct ApiKeys {
    store: Store,
    tokens: Authenticator,
    /// Maximum number of keys that an organization can create through the API.
    most: u64,
    clock: Arc<dyn Clock>,
}

impl ApiKeys {
    /// Creates the use cases. Revoked keys are removed from `tokens`.
    #[must_use]
    pub fn new(store: Store, tokens: Authenticator, clock: Arc<dyn Clock>) -> Self {
        Self { store, tokens, most: Limits::default().api_keys, clock }
    }

    /// Sets the maximum number of keys that an organization can create.
    #[must_use]
    pub fn with_limit(self, most: u64) -> Self {
        Self { most, ..self }
    }

    /// Returns a page of the keys of the viewer's organization, newest first.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `Store`.
    #[instrument(name = "keys.list", level = "debug", skip_all)]
    pub async fn list(&self, viewer: &Viewer, page: PageRequest<TimeKey>) -> Result<Page<ApiKey>, Error> {
        Ok(self.store.key_page(viewer.require(Capability::Manage)?, &page).await?)
    }

    /// Creates a key for the viewer's organization, and returns it with its secret, which is never returned again. If
    /// the idempotency key was used before with the same input, the key that was created then gets a new secret: the
    /// first one may have been lost with its response, and secrets are not stored.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, and for permissions that the viewer lacks; `Invalid`; `Store`. `Conflict` if the
    /// limit is reached, or if the idempotency key was used with a different input or for a key that is used or
    /// revoked.
    #[instrument(name = "keys.create", level = "debug", skip_all)]
    pub async fn create(
        &self,
        viewer: &Viewer,
        new: NewApiKey,
        idempotency_key: Option<&str>,
    ) -> Result<(ApiKey, String), Error> {
        let organization = viewer.require(Capability::Manage)?;
        let name = api_key::name(&new.name).map(str::to_owned);
        let name =
            name.ok_or_else(|| invalid("name", format!("must have 1 to {} characters", api_key::MAX_NAME_LEN)))?;
        if new.permissions.is_empty() {
            return Err(invalid("permissions", "must contain at least one permission"));
        }
        if let Some(more) = new.permissions.iter().find(|permission| !viewer.capabilities.contains(*permission)) {
            return Err(Forbidden(more).into());
        }
        if new.expires_at.is_some_and(|expires_at| expires_at < self.clock.now()) {
            return Err(invalid("expiresAt", "must be in the future"));
        }
        if outlives(new.expires_at, viewer) {
            return Err(invalid("expiresAt", "must not be later than the expiry of the key that creates it"));
        }
        let (new, secret) = (NewApiKey { name, ..new }, api_key_secret::generate());
        let under = idempotency_key.map(|idempotency_key| new.under(idempotency_key)).transpose()?;
        let (key, hash) = (self.key(organization, new, creator(viewer), &secret), api_key_secret::hash(&secret));
        let most = self.most;
        let made: Result<ApiKey, Error> = self
            .store
            .write(organization, move |unit| {
                Box::pin(async move {
                    let known = match &under {
                        Some(under) => unit.use_idempotency_key(under, key.id.to_bytes()).await?,
                        None => KeyUse::First,
                    };
                    match known {
                        KeyUse::First if unit.count_keys().await? >= most => Err(too_many(most)),
                        KeyUse::First => {
                            unit.insert_key(key.clone(), hash).await?;
                            Ok(key)
                        }
                        KeyUse::Again(id) => {
                            let renewed = unit.renew_unused_key(&id, HashedSecret { hash, prefix: key.prefix }).await?;
                            renewed.ok_or_else(|| reused("its API key has since been used or revoked"))
                        }
                        KeyUse::Other => Err(reused("the input differs")),
                    }
                })
            })
            .await;
        let key = made?;
        self.tokens.forget(key.id);
        audit::record(viewer, "key.create", key.id);
        Ok((key, secret))
    }

    /// Revokes a key of the viewer's organization: it is rejected from now on.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `KeyNotFound`, `Store`.
    #[instrument(name = "keys.revoke", level = "debug", skip_all)]
    pub async fn revoke(&self, viewer: &Viewer, id: KeyId) -> Result<(), Error> {
        let organization = viewer.require(Capability::Manage)?;
        if !self.remove(organization, id).await? {
            return Err(Error::KeyNotFound);
        }
        audit::record(viewer, "key.revoke", id);
        Ok(())
    }

    /// Returns an organization's keys, oldest first, for the operator.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of(&self, organization: &OrganizationId) -> Result<Vec<ApiKey>, StoreError> {
        self.store.keys(organization).await
    }

    /// Creates a key with this secret, and the organization with its first key. Does not validate.
    ///
    /// # Errors
    /// [`StoreError`], also if another key has this secret.
    pub async fn issue(
        &self,
        organization: &OrganizationId,
        new: NewApiKey,
        created_by: KeyCreator,
        secret: &str,
    ) -> Result<ApiKey, StoreError> {
        let key = self.key(organization, new, created_by, secret);
        self.store.insert_key(key.clone(), api_key_secret::hash(secret)).await?;
        Ok(key)
    }

    fn key(&self, organization: &OrganizationId, new: NewApiKey, created_by: KeyCreator, secret: &str) -> ApiKey {
        let now = self.clock.now();
        ApiKey {
            id: KeyId::new(now),
            organization: organization.clone(),
            name: new.name,
            prefix: api_key_secret::prefix(secret),
            permissions: new.permissions,
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
            created_by: Some(created_by),
            previous_until: None,
        }
    }

    /// Returns whether a key of any organization has this secret.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_taken(&self, secret: &str) -> Result<bool, StoreError> {
        Ok(self.store.key_by_hash(&api_key_secret::hash(secret)).await?.is_some())
    }

    /// Replaces a key's secret, for the operator. The current secret works until `previous_until`, in milliseconds, if
    /// that is given; the previous one stops working. Returns `false` if there is no such key.
    ///
    /// # Errors
    /// [`StoreError`], also if another key has this secret.
    pub async fn rotate(
        &self,
        organization: &OrganizationId,
        id: KeyId,
        secret: &str,
        previous_until: Option<i64>,
    ) -> Result<bool, StoreError> {
        let secret = HashedSecret { hash: api_key_secret::hash(secret), prefix: api_key_secret::prefix(secret) };
        let rotated = self.store.rotate_key(organization, id, secret, previous_until).await?;
        if rotated {
            self.tokens.forget(id);
        }
        Ok(rotated)
    }

    /// Removes a key, for the operator; returns `false` if there is no such key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, organization: &OrganizationId, id: KeyId) -> Result<bool, StoreError> {
        let removed = self.store.revoke_key(organization, id).await?;
        if removed {
            self.tokens.forget(id);
        }
        Ok(removed)
    }
}

/// Returns whether a key with this expiry would outlive the key that creates it. The token of a user is not considered,
/// because it is short-lived.
fn outlives(expires_at: Option<i64>, viewer: &Viewer) -> bool {
    let Principal::ApiKey(_) = viewer.principal else { return false };
    let Some(end) = viewer.expires_at else { return false };
    expires_at.is_none_or(|expires_at| expires_at > end)
}

fn creator(viewer: &Viewer) -> KeyCreator {
    match &viewer.principal {
        Principal::ApiKey(id) => KeyCreator::ApiKey(*id),
        Principal::User { id, .. } => KeyCreator::User(id.to_string()),
    }
}

fn too_many(most: u64) -> Error {
    let advice = "revoke one, or ask the operator to raise --max-api-keys-per-organization";
    let message = format!("the organization has reached its limit of {most} API keys: {advice}");
    Error::too_many(ConflictReason::TooManyApiKeys, usize::try_from(most).unwrap_or(usize::MAX), message)
}

fn invalid(field: &'static str, message: impl Into<String>) -> Error {
    Error::Invalid { field, message: message.into() }
}
