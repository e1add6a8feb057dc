//! API key queries.

use async_graphql::{Context, Object};

use super::connection::ApiKeyConnection;
use crate::{
    domain::{api_key, capability::Capability},
    graphql::{
        capability::requires,
        connection::{ConnectionPage, PageArguments},
        context::ContextExt as _,
        error::ApiError,
    },
};

#[derive(Default)]
pub(in crate::graphql) struct KeyQuery;

#[Object]
impl KeyQuery {
    /// The organization's API keys, newest first, without their secrets. Requires `manage`.
    #[graphql(guard = "requires(Capability::Manage)")]
    async fn api_keys(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "The number of items from the start of the list, or following `after`: 1 to 200. The default is 50 \
                    if `last` is missing too."
        )]
        first: Option<i64>,
        #[graphql(desc = "Return the API keys after this cursor. Cannot be combined with `last` or `before`.")]
        after: Option<String>,
        #[graphql(
            desc = "The number of items from the end of the list, or preceding `before`: 1 to 200. Cannot be combined \
                    with `first`."
        )]
        last: Option<i64>,
        #[graphql(desc = "Return the API keys before this cursor. Cannot be combined with `first` or `after`.")]
        before: Option<String>,
    ) -> Result<ApiKeyConnection, ApiError> {
        let scope = ["api-keys", context.organization()?.as_str()];
        let page = PageArguments { first, after, last, before }.request(&scope)?;
        let page = context.keys().list(context.viewer(), page).await?;
        Ok(ApiKeyConnection(ConnectionPage::new(page, &scope, api_key::ApiKey::key)))
    }
}
