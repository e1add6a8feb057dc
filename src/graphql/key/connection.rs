//! Api-keys in pages.

use async_graphql::Description;
use async_graphql::Object;

use crate::graphql::connection::Listing;
use crate::graphql::connection::PageInfo;
use crate::graphql::connection::Placed;

use super::object::ApiKey;

/// A page of api-keys, newest first.
#[derive(Description)]
pub(in crate::graphql) struct ApiKeyConnection(pub(super) Listing<ApiKey>);

#[Object(use_type_description)]
impl ApiKeyConnection {
    /// The api-keys with their cursors.
    async fn edges(&self) -> Vec<ApiKeyEdge<'_>> {
        self.0.items.iter().map(ApiKeyEdge).collect()
    }

    /// The api-keys.
    async fn nodes(&self) -> Vec<&ApiKey> {
        self.0.items.iter().map(|placed| &placed.item).collect()
    }

    /// Where the page begins and ends.
    async fn page_info(&self) -> &PageInfo {
        &self.0.page_info
    }
}

/// An api-key in a page.
#[derive(Description)]
pub(in crate::graphql) struct ApiKeyEdge<'a>(&'a Placed<ApiKey>);

#[Object(use_type_description)]
impl ApiKeyEdge<'_> {
    /// The api-key's place in the list: `after` it goes on.
    async fn cursor(&self) -> &str {
        &self.0.cursor
    }

    /// The api-key.
    async fn node(&self) -> &ApiKey {
        &self.0.item
    }
}
