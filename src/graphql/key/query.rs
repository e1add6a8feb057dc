//! Reading api-keys.

use async_graphql::Context;
use async_graphql::Object;

use crate::domain::capability::Capability;
use crate::graphql::capability::requires;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::ApiError;

use super::object::ApiKey;

#[derive(Default)]
pub(in crate::graphql) struct KeyQuery;

#[Object]
impl KeyQuery {
    /// The organization's api-keys, oldest first, never their secrets. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn api_keys(&self, context: &Context<'_>) -> Result<Vec<ApiKey>, ApiError> {
        let keys = context.keys().list(context.viewer()).await?;
        Ok(keys.into_iter().map(ApiKey::from).collect())
    }
}
