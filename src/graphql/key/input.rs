//! What callers send about api-keys.

use async_graphql::ID;
use async_graphql::InputObject;
use async_graphql::SimpleObject;

use crate::graphql::capability::Capability;
use crate::graphql::scalar::Timestamp;

use super::object::ApiKey;

/// A key to make.
#[derive(InputObject)]
pub(in crate::graphql) struct CreateApiKeyInput {
    /// A name to tell it by, 1 to 100 characters.
    pub(super) name: String,
    /// What it may do, at least one. Whoever makes a key can give it nothing that they may not do themselves.
    pub(super) permissions: Vec<Capability>,
    /// When it ends; that millisecond still counts. For good when left out. A key that ends makes none that outlives it.
    pub(super) expires_at: Option<Timestamp>,
    /// Chosen by the client, 1 to 100 characters, such as a UUID. Within 24 hours the same key with the same input returns
    /// the api-key that was made first, with a new secret in the place of the one that may be lost with its answer. With
    /// another input, or once that api-key was used or revoked, it is a `conflict`.
    pub(super) idempotency_key: Option<String>,
}

/// Which key to revoke.
#[derive(InputObject)]
pub(in crate::graphql) struct RevokeApiKeyInput {
    /// The key's id.
    pub(super) id: ID,
}

/// The key that was made.
#[derive(SimpleObject)]
pub(in crate::graphql) struct CreateApiKeyPayload {
    /// The key.
    pub(super) api_key: ApiKey,
    /// The secret, to be sent as `Authorization: Bearer …` or `X-Api-Key`. It is kept nowhere and shown in this answer only.
    pub(super) secret: String,
}

/// Which key was revoked.
#[derive(SimpleObject)]
pub(in crate::graphql) struct RevokeApiKeyPayload {
    /// The id that the key had.
    pub(super) revoked_id: ID,
}
