//! The `viewer` query.

use async_graphql::{Context, Object};

use super::object::Viewer;
use crate::graphql::context::ContextExt as _;

#[derive(Default)]
pub(in crate::graphql) struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// The owner of the token, and its permissions. Requires any valid token.
    async fn viewer(&self, context: &Context<'_>) -> Viewer {
        Viewer(context.viewer().clone())
    }
}
