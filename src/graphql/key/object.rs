//! An api-key as callers see it.

use async_graphql::Description;
use async_graphql::ID;
use async_graphql::Object;

use crate::domain::key;
use crate::graphql::capability::Capability;
use crate::graphql::scalar::Timestamp;

/// A token for scripts and services. Its secret is shown when it is made, and never again.
#[derive(Description)]
pub(in crate::graphql) struct ApiKey(key::ApiKey);

impl From<key::ApiKey> for ApiKey {
    fn from(key: key::ApiKey) -> Self {
        Self(key)
    }
}

#[Object(use_type_description)]
impl ApiKey {
    /// The key's id, by which it is revoked.
    async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// A name for people.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The first characters of the secret, to tell keys apart.
    async fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// What the key may do.
    async fn permissions(&self) -> Vec<Capability> {
        self.0.permissions.iter().map(Capability::from).collect()
    }

    /// When it was made.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at.into()
    }

    /// When it ends; that millisecond still counts. Null when it does not end by itself.
    async fn expires_at(&self) -> Option<Timestamp> {
        self.0.expires_at.map(Timestamp)
    }

    /// When it was last used, to about a minute. Null when it never was.
    async fn last_used_at(&self) -> Option<Timestamp> {
        self.0.last_used_at.map(Timestamp)
    }
}
