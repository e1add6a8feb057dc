//! The `changeCursor` query. Fields are resolved concurrently, so the position in the change log is read before the
//! operation is executed.

use async_graphql::{
    Context, Object, Request,
    parser::types::{DocumentOperations, Selection},
};

use super::{capability::requires, context::ContextExt as _, error::ApiError};
use crate::{
    auth::viewer::Viewer,
    domain::{capability::Capability, cursor::ChangeCursor},
    service::{chat::Chats, error::Error},
};

const FIELD: &str = "changeCursor";

/// The position, or the error of reading it.
struct Before(Result<ChangeCursor, ApiError>);

/// Reads the position for a compiled request that selects the field, and puts it into the request's data.
pub(super) async fn read_before(request: Request, chats: &Chats, viewer: &Viewer) -> Request {
    let mut request = request;
    if !selects_change_cursor(&mut request) {
        return request;
    }
    // The field's guard rejects a viewer without the capability.
    match chats.log_head(viewer).await {
        Err(Error::Forbidden(_)) => request,
        read => request.data(Before(read.map_err(ApiError::from))),
    }
}

/// Returns whether the operation selects the field. The operation is compiled, so its root has no fragments.
fn selects_change_cursor(request: &mut Request) -> bool {
    let Ok(document) = request.parsed_query() else { return false };
    let DocumentOperations::Single(operation) = &document.operations else { return false };
    operation.node.selection_set.node.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => field.node.name.node == FIELD,
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
    })
}

#[derive(Default)]
pub(super) struct ChangeCursorQuery;

#[Object]
impl ChangeCursorQuery {
    /// The position in the change log, read before any other field of this operation. Pass it as `chatChanges(after:)`
    /// to receive every change that this response does not show yet. Requires `read`.
    #[graphql(guard = "requires(Capability::Read)")]
    #[expect(clippy::unused_async, reason = "async-graphql requires it")]
    async fn change_cursor(&self, context: &Context<'_>) -> Result<String, ApiError> {
        let organization = context.organization()?;
        let Before(read) = context.data_opt::<Before>().ok_or_else(ApiError::internal)?;
        Ok(read.clone()?.encode(organization))
    }
}
