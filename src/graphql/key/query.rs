//! Reading api-keys.

use async_graphql::Context;
use async_graphql::Object;

use crate::domain::capability::Capability;
use crate::domain::key;
use crate::graphql::capability::requires;
use crate::graphql::connection::Listing;
use crate::graphql::connection::PageArguments;
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::ApiError;

use super::connection::ApiKeyConnection;

#[derive(Default)]
pub(in crate::graphql) struct KeyQuery;

#[Object]
impl KeyQuery {
    /// The organization's api-keys, newest first, never their secrets. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn api_keys(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many from the beginning or behind `after`, 1 to 200; 50 when neither this nor `last` is given."
        )]
        first: Option<i64>,
        #[graphql(desc = "The cursor of the api-key to go on behind; not together with `last` or `before`.")]
        after: Option<String>,
        #[graphql(desc = "How many from the end or before `before`, 1 to 200; not together with `first`.")]
        last: Option<i64>,
        #[graphql(desc = "The cursor of the api-key to go back from; not together with `first` or `after`.")]
        before: Option<String>,
    ) -> Result<ApiKeyConnection, ApiError> {
        let viewer = context.viewer();
        let scope = ["api-keys", viewer.require(Capability::Manage)?.as_str()];
        let page = PageArguments { first, after, last, before }.request(&scope)?;
        let page = context.keys().list(viewer, page).await?;
        Ok(ApiKeyConnection(Listing::of(page, &scope, key::ApiKey::key)))
    }
}
