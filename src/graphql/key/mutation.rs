//! Making and revoking api-keys.

use async_graphql::Context;
use async_graphql::ID;
use async_graphql::Object;

use crate::domain::capability;
use crate::domain::capability::Capability;
use crate::graphql::capability::requires;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::ApiError;
use crate::service::error::Error;
use crate::service::key::NewKey;

use super::input::CreateApiKeyInput;
use super::input::CreateApiKeyPayload;
use super::input::RevokeApiKeyInput;
use super::input::RevokeApiKeyPayload;

#[derive(Default)]
pub(in crate::graphql) struct KeyMutation;

#[Object]
impl KeyMutation {
    /// Makes an api-key. Its secret is shown in this answer only. A permission that the caller lacks is `forbidden`; an
    /// organization that has as many keys as the operator allows, 1,000 by default, gets `conflict`. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn create_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The key to make.")] input: CreateApiKeyInput,
    ) -> Result<Option<CreateApiKeyPayload>, ApiError> {
        let permissions = input.permissions.into_iter().map(capability::Capability::from).collect();
        let expires_at = input.expires_at.map(|expires_at| expires_at.0);
        let new = NewKey { name: input.name, permissions, expires_at };
        let (key, secret) = context.keys().create(context.viewer(), new, input.idempotency_key.as_deref()).await?;
        Ok(Some(CreateApiKeyPayload { api_key: key.into(), secret }))
    }

    /// Revokes an api-key. It is refused everywhere within 10 seconds, and its open subscriptions are closed. A key that
    /// does not exist, or is another organization's, is `not_found`. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn revoke_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which key.")] input: RevokeApiKeyInput,
    ) -> Result<Option<RevokeApiKeyPayload>, ApiError> {
        let id = input.id.parse().map_err(|_| Error::KeyNotFound)?;
        context.keys().revoke(context.viewer(), id).await?;
        Ok(Some(RevokeApiKeyPayload { revoked_id: ID::from(id) }))
    }
}
