//! Api-keys: listed, made and revoked, by callers who may manage and by the operator, whose command line works on the
//! database beside a running server.

use std::sync::Arc;
use tracing::instrument;

use crate::auth::token;
use crate::auth::token::Tokens;
use crate::auth::viewer::Forbidden;
use crate::auth::viewer::Principal;
use crate::auth::viewer::Viewer;
use crate::domain::capability::Capabilities;
use crate::domain::capability::Capability;
use crate::domain::clock::Clock;
use crate::domain::cursor::TimeKey;
use crate::domain::id::KeyId;
use crate::domain::id::OrganizationId;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::idempotency::Operation;
use crate::domain::key;
use crate::domain::key::ApiKey;
use crate::domain::key::KeyCreator;
use crate::domain::page::Page;
use crate::domain::page::PageRequest;
use crate::store::Store;
use crate::store::Use;
use crate::store::error::StoreError;

use super::audit;
use super::error::ConflictReason;
use super::error::Error;
use super::idempotency::idempotency_key;
use super::idempotency::reused;

/// How many keys an organization may make through the API unless configured.
pub const DEFAULT_MOST: u64 = 1_000;

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// A name for people.
    pub name: String,
    /// What it may do.
    pub permissions: Capabilities,
    /// When it ends (inclusive), in milliseconds; never when there is none.
    pub expires_at: Option<i64>,
}

impl NewKey {
    /// The idempotency key that came with it.
    fn under(&self, key: &str) -> Result<IdempotencyKey, Error> {
        let (permissions, end) = (self.permissions.bits().to_string(), format!("{:?}", self.expires_at));
        idempotency_key(Operation::CreateApiKey, key, &[&self.name, &permissions, &end])
    }
}

/// The use cases around api-keys.
#[derive(Clone)]
pub struct Keys {
    store: Store,
    tokens: Tokens,
    /// How many keys an organization may make through the API.
    most: u64,
    clock: Arc<dyn Clock>,
}

impl Keys {
    /// Makes the use cases; `tokens` forgets a key that is revoked.
    #[must_use]
    pub fn new(store: Store, tokens: Tokens, clock: Arc<dyn Clock>) -> Self {
        Self { store, tokens, most: DEFAULT_MOST, clock }
    }

    /// The same for organizations that make at most this number of keys each.
    #[must_use]
    pub fn with_limit(self, most: u64) -> Self {
        Self { most, ..self }
    }

    /// A page of the keys of the viewer's organization, newest first.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, `Store`.
    #[instrument(name = "keys.list", level = "debug", skip_all)]
    pub async fn list(&self, viewer: &Viewer, page: PageRequest<TimeKey>) -> Result<Page<ApiKey>, Error> {
        Ok(self.store.key_page(viewer.require(Capability::Manage)?, &page).await?)
    }

    /// Makes a key for the viewer's organization, and tells its secret, which is told this once. Under an idempotency key
    /// that was used before with the same input, the key that was made then gets another secret instead: the first one may
    /// be lost with its answer, and is kept nowhere.
    ///
    /// # Errors
    /// `Forbidden` without `manage`, and for what the viewer may not do itself; `Invalid`; `Conflict` when there are too
    /// many, and for an idempotency key that was used with another input, or whose api-key is in use or gone; `Store`.
    #[instrument(name = "keys.create", level = "debug", skip_all)]
    pub async fn create(
        &self,
        viewer: &Viewer,
        new: NewKey,
        idempotency_key: Option<&str>,
    ) -> Result<(ApiKey, String), Error> {
        let organization = viewer.require(Capability::Manage)?;
        let name = key::name(&new.name).map(str::to_owned);
        let name = name.ok_or_else(|| invalid("name", format!("must have 1 to {} characters", key::LONGEST_NAME)))?;
        if new.permissions == Capabilities::default() {
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
        let (new, secret) = (NewKey { name, ..new }, token::generate());
        let under = idempotency_key.map(|idempotency_key| new.under(idempotency_key)).transpose()?;
        let (key, hash) = (self.key(organization, new, creator(viewer), &secret), token::hash(&secret));
        let (whose, most) = (organization.clone(), self.most);
        let made: Result<ApiKey, Error> = self
            .store
            .write(organization, move |unit| {
                Box::pin(async move {
                    let known = match &under {
                        Some(under) => {
                            unit.use_idempotency_key(&whose, under, key.id.to_bytes(), key.created_at).await?
                        }
                        None => Use::First,
                    };
                    match known {
                        Use::First if unit.count_keys(&whose).await? >= most => Err(too_many(most)),
                        Use::First => {
                            unit.insert_key(key.clone(), hash).await?;
                            Ok(key)
                        }
                        Use::Again(id) => {
                            let renewed = unit.renew_unused_key(&whose, &id, (key.prefix, hash)).await?;
                            renewed.ok_or_else(|| reused("its api-key was used or revoked since"))
                        }
                        Use::Other => Err(reused("the input differs")),
                    }
                })
            })
            .await;
        let key = made?;
        self.tokens.forget(key.id);
        audit::record(viewer, "key.create", key.id);
        Ok((key, secret))
    }

    /// Revokes a key of the viewer's organization: it is refused from now on.
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

    /// An organization's keys, oldest first, for the operator.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of(&self, organization: &OrganizationId) -> Result<Vec<ApiKey>, StoreError> {
        self.store.keys(organization).await
    }

    /// Makes a key with this secret, and its organization with the first one. Checks nothing.
    ///
    /// # Errors
    /// [`StoreError`], also when the secret is another key's.
    pub async fn issue(
        &self,
        organization: &OrganizationId,
        new: NewKey,
        created_by: KeyCreator,
        secret: &str,
    ) -> Result<ApiKey, StoreError> {
        let key = self.key(organization, new, created_by, secret);
        self.store.insert_key(key.clone(), token::hash(secret)).await?;
        Ok(key)
    }

    fn key(&self, organization: &OrganizationId, new: NewKey, created_by: KeyCreator, secret: &str) -> ApiKey {
        let now = self.clock.now();
        ApiKey {
            id: KeyId::new(now),
            organization: organization.clone(),
            name: new.name,
            prefix: token::prefix(secret),
            permissions: new.permissions,
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
            created_by: Some(created_by),
            previous_until: None,
        }
    }

    /// Whether this is the secret of a key, of whichever organization.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_taken(&self, secret: &str) -> Result<bool, StoreError> {
        Ok(self.store.key_by_hash(&token::hash(secret)).await?.is_some())
    }

    /// Gives a key this secret, for the operator. Its last one works until `previous_until`, in milliseconds, if that is
    /// given, and the one before that no longer. Returns whether the key is there.
    ///
    /// # Errors
    /// [`StoreError`], also if the secret is another key's.
    pub async fn rotate(
        &self,
        organization: &OrganizationId,
        id: KeyId,
        secret: &str,
        previous_until: Option<i64>,
    ) -> Result<bool, StoreError> {
        let secret = (token::hash(secret), token::prefix(secret));
        let rotated = self.store.rotate_key(organization, id, secret, previous_until).await?;
        if rotated {
            self.tokens.forget(id);
        }
        Ok(rotated)
    }

    /// Removes a key, for the operator; tells whether it was there.
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

/// Whether a key that ends then works longer than the key that makes it. A person's token is short-lived by its nature.
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
    let message = format!("the organization has reached its limit of {most} api-keys: {advice}");
    Error::too_many(ConflictReason::TooManyApiKeys, usize::try_from(most).unwrap_or(usize::MAX), message)
}

fn invalid(field: &'static str, message: impl Into<String>) -> Error {
    Error::Invalid { field, message: message.into() }
}
