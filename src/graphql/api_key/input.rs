//! Inputs and payloads of API key mutations.

use async_graphql::{ID, InputObject, SimpleObject};

use super::object::ApiKey;
use crate::graphql::{capability::Capability, scalar::Timestamp};

/// The API key to create.
#[derive(InputObject)]
pub(in crate::graphql) struct CreateApiKeyInput {
    /// Display name, 1 to 100 characters.
    pub(super) name: String,
    /// The permissions of the key, at least one. A client cannot grant a permission that it lacks.
    pub(super) permissions: Vec<Capability>,
    /// Expiry time (inclusive). If it is missing, the key never expires. A key that expires cannot create a key that
    /// outlives it.
    pub(super) expires_at: Option<Timestamp>,
    /// An idempotency key chosen by the client, such as a UUID, 1 to 100 characters. If a request is repeated within 24
    /// hours with the same key and input, it returns the same API key. The API key then has a new secret, since the
    /// response with the first one may be lost. A different input is a `conflict`, and so is an API key that was used
    /// or revoked since.
    pub(super) idempotency_key: Option<String>,
}

/// The API key to revoke.
#[derive(InputObject)]
pub(in crate::graphql) struct RevokeApiKeyInput {
    /// The key's id.
    pub(super) id: ID,
}

/// The result of `createApiKey`.
#[derive(SimpleObject)]
pub(in crate::graphql) struct CreateApiKeyPayload {
    /// The created API key.
    pub(super) api_key: ApiKey,
    /// The secret, to be sent as `Authorization: Bearer …` or `X-Api-Key`. It is not stored, and only this response
    /// contains it.
    pub(super) secret: String,
}

/// The result of `revokeApiKey`.
#[derive(SimpleObject)]
pub(in crate::graphql) struct RevokeApiKeyPayload {
    /// The id of the revoked key.
    pub(super) revoked_id: ID,
}
