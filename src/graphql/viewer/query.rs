//! The `viewer` query.

use async_graphql::Context;
use async_graphql::Object;

use crate::graphql::context::ContextExt as _;

use super::object::Viewer;

#[derive(Default)]
pub(in crate::graphql) struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// The owner of the token, and its permissions. Requires any valid token.
    async fn viewer(&self, context: &Context<'_>) -> Viewer {
        Viewer(context.viewer().clone())
    }
}
