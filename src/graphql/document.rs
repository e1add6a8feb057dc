//! A request's document on its way to the engine: through the guard, which is in the crate `guard/`.

use std::sync::Arc;

use async_graphql::Pos;
use async_graphql::Request;
use async_graphql::ServerError;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::parser::types::OperationType;
use chatgraph_guard::Guard;
use chatgraph_guard::Refusal;

use super::error::ApiError;
use super::error::Code;

/// What a request asks for.
pub(super) struct Asked {
    /// The document as it was written.
    pub(super) document: Arc<ExecutableDocument>,
    /// The operation that was named, if one was.
    pub(super) name: Option<String>,
    /// What kind of operation it is, if one was found.
    pub(super) operation: Option<OperationType>,
    /// What it may cost.
    pub(super) cost: u64,
}

/// Reads the document of `request` and leaves it there, ready to run.
pub(super) fn read(guard: &Guard, request: &mut Request) -> Result<Asked, ServerError> {
    let name = request.operation_name.clone();
    let read = guard.read(&request.query, name.as_deref(), &request.variables).map_err(|refusal| refused(&refusal))?;
    request.set_parsed_query(read.ready);
    Ok(Asked { document: read.document, name, operation: read.operation, cost: read.cost })
}

fn refused(refusal: &Refusal) -> ServerError {
    let message = refusal.to_string();
    let (code, at) = match refusal {
        Refusal::Limit(_) => (Code::LimitExceeded, None),
        Refusal::Invalid { at, .. } => (Code::ValidationError, *at),
    };
    let mut error = self::refusal(ApiError::new(code, message));
    error.locations = at.into_iter().collect();
    error
}

/// The answer to a request of which nothing is carried out.
pub(super) fn refusal(error: ApiError) -> ServerError {
    let mut error = async_graphql::Error::from(error).into_server_error(Pos::default());
    error.locations.clear();
    error
}
