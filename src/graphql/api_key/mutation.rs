//! API key mutations.

use async_graphql::Context;
use async_graphql::ID;
use async_graphql::Object;

use crate::domain::capability;
use crate::domain::capability::Capability;
use crate::graphql::capability::requires;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::ApiError;
use crate::service::api_key::NewApiKey;
use crate::service::error::Error;

use super::input::CreateApiKeyInput;
use super::input::CreateApiKeyPayload;
use super::input::RevokeApiKeyInput;
use super::input::RevokeApiKeyPayload;

#[derive(Default)]
pub(in crate::graphql) struct KeyMutation;

#[Object]
impl KeyMutation {
    /// Creates an API key. Only this response contains its secret. Returns `forbidden` for a permission that the client
    /// lacks. Returns `conflict` if the organization has reached the operator's limit, 1,000 by default.
    /// Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn create_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The API key to create.")] input: CreateApiKeyInput,
    ) -> Result<Option<CreateApiKeyPayload>, ApiError> {
        let permissions = input.permissions.into_iter().map(capability::Capability::from).collect();
        let expires_at = input.expires_at.map(|expires_at| expires_at.0);
        let new = NewApiKey { name: input.name, permissions, expires_at };
        let (key, secret) = context.keys().create(context.viewer(), new, input.idempotency_key.as_deref()).await?;
        Ok(Some(CreateApiKeyPayload { api_key: key.into(), secret }))
    }

    /// Revokes an API key. Within 10 seconds, every process rejects the key, and its open subscriptions are closed.
    /// Returns `not_found` if the key does not exist or belongs to another organization. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn revoke_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The API key to revoke.")] input: RevokeApiKeyInput,
    ) -> Result<Option<RevokeApiKeyPayload>, ApiError> {
        let id = input.id.parse().map_err(|_| Error::KeyNotFound)?;
        context.keys().revoke(context.viewer(), id).await?;
        Ok(Some(RevokeApiKeyPayload { revoked_id: ID::from(id) }))
    }
}
