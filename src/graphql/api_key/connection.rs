//! The connection of API keys.

use async_graphql::{Description, Object};

use super::object::ApiKey;
use crate::graphql::connection::{ConnectionPage, Edge, PageInfo};

/// A page of API keys, newest first.
#[derive(Description)]
pub(in crate::graphql) struct ApiKeyConnection(pub(super) ConnectionPage<ApiKey>);

#[Object(use_type_description)]
impl ApiKeyConnection {
    /// The API keys with their cursors.
    async fn edges(&self) -> Vec<ApiKeyEdge<'_>> {
        self.0.items.iter().map(ApiKeyEdge).collect()
    }

    /// The API keys.
    async fn nodes(&self) -> Vec<&ApiKey> {
        self.0.items.iter().map(|placed| &placed.item).collect()
    }

    /// Information about the page.
    async fn page_info(&self) -> &PageInfo {
        &self.0.page_info
    }
}

/// An API key and its cursor.
#[derive(Description)]
pub(in crate::graphql) struct ApiKeyEdge<'a>(&'a Edge<ApiKey>);

#[Object(use_type_description)]
impl ApiKeyEdge<'_> {
    /// The cursor of this edge. Pass it as `after` to continue from there.
    async fn cursor(&self) -> &str {
        &self.0.cursor
    }

    /// The API key.
    async fn node(&self) -> &ApiKey {
        &self.0.item
    }
}
