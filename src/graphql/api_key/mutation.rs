//! API key mutations.

use async_graphql::{Context, ID, Object};

use super::input::{CreateApiKeyInput, CreateApiKeyPayload, RevokeApiKeyInput, RevokeApiKeyPayload};
use crate::{
    domain::capability::{self, Capability},
    graphql::{capability::requires, context::ContextExt as _, error::ApiError},
    service::{api_key::NewApiKey, error::Error},
};

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
