//! The `ApiKey` object.

use async_graphql::{Description, Enum, ID, Object, SimpleObject};

use crate::{
    domain::api_key,
    graphql::{capability::Capability, scalar::Timestamp},
};

/// An API key: a token for scripts and services. Its secret is returned only when the key is created.
#[derive(Description)]
pub(in crate::graphql) struct ApiKey(api_key::ApiKey);

impl From<api_key::ApiKey> for ApiKey {
    fn from(key: api_key::ApiKey) -> Self {
        Self(key)
    }
}

#[Object(use_type_description)]
impl ApiKey {
    /// The key's id; pass it to `revokeApiKey`.
    async fn id(&self) -> ID {
        ID::from(self.0.id)
    }

    /// Display name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The first characters of the secret, which help to recognize the key.
    async fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// The permissions of the key.
    async fn permissions(&self) -> Vec<Capability> {
        self.0.permissions.iter().map(Capability::from).collect()
    }

    /// Creation time.
    async fn created_at(&self) -> Timestamp {
        self.0.created_at.into()
    }

    /// The creator of the key. A key stays valid if its creator is gone, for example if that key was revoked or that
    /// user left the organization. Null if the key was created before creators were recorded.
    async fn created_by(&self) -> Option<ApiKeyCreator> {
        self.0.created_by.clone().map(ApiKeyCreator::from)
    }

    /// Expiry time (inclusive). Null if the key never expires.
    async fn expires_at(&self) -> Option<Timestamp> {
        self.0.expires_at.map(Timestamp)
    }

    /// Time of the last use, accurate to about a minute. Null if the key was never used.
    async fn last_used_at(&self) -> Option<Timestamp> {
        self.0.last_used_at.map(Timestamp)
    }
}

/// The kind of creator of an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(in crate::graphql) enum ApiKeyCreatorKind {
    /// Another API key, with `createApiKey`.
    ApiKey,
    /// A logged-in user, with `createApiKey`.
    User,
    /// The operator, on the command line.
    Operator,
}

/// The creator of an API key.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ApiKeyCreator {
    /// The kind of creator.
    kind: ApiKeyCreatorKind,
    /// The id of the API key that created this one. If `apiKeys` does not list it, it was revoked. Null for other
    /// kinds.
    key_id: Option<ID>,
    /// The id of the user who created the key, as in `Viewer.userId`. Null for other kinds.
    user_id: Option<ID>,
}

impl From<api_key::KeyCreator> for ApiKeyCreator {
    fn from(creator: api_key::KeyCreator) -> Self {
        let (kind, key_id, user_id) = match creator {
            api_key::KeyCreator::ApiKey(id) => (ApiKeyCreatorKind::ApiKey, Some(ID::from(id)), None),
            api_key::KeyCreator::User(id) => (ApiKeyCreatorKind::User, None, Some(ID::from(id))),
            api_key::KeyCreator::Operator => (ApiKeyCreatorKind::Operator, None, None),
        };
        Self { kind, key_id, user_id }
    }
}
