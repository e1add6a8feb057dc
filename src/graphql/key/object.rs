//! An api-key as callers see it.

use async_graphql::Description;
use async_graphql::Enum;
use async_graphql::ID;
use async_graphql::Object;
use async_graphql::SimpleObject;

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

    /// Who made it. A key stays when its maker is gone: the key that made it revoked, or the person no longer a member.
    /// Null for a key that was made before this was recorded.
    async fn created_by(&self) -> Option<ApiKeyCreator> {
        self.0.created_by.clone().map(ApiKeyCreator::from)
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

/// What kind of maker an api-key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::graphql) enum ApiKeyCreatorKind {
    /// Another api-key, by `createApiKey`.
    ApiKey,
    /// A person who is logged in, by `createApiKey`.
    User,
    /// The operator, on the command line.
    Operator,
}

/// The maker of an api-key.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ApiKeyCreator {
    /// What kind of maker.
    kind: ApiKeyCreatorKind,
    /// The id of the api-key that made it; revoked if `apiKeys` does not list it. Null for another maker.
    key_id: Option<ID>,
    /// The id of the person who made it, as `Viewer.userId`. Null for another maker.
    user_id: Option<ID>,
}

impl From<key::KeyCreator> for ApiKeyCreator {
    fn from(creator: key::KeyCreator) -> Self {
        let (kind, key_id, user_id) = match creator {
            key::KeyCreator::ApiKey(id) => (ApiKeyCreatorKind::ApiKey, Some(ID::from(id)), None),
            key::KeyCreator::User(id) => (ApiKeyCreatorKind::User, None, Some(ID::from(id))),
            key::KeyCreator::Operator => (ApiKeyCreatorKind::Operator, None, None),
        };
        Self { kind, key_id, user_id }
    }
}
