//! Compiles a request's document with the guard (crate `guard/`) and passes it to the engine.

use async_graphql::{ErrorExtensionValues, Pos, Request, ServerError, parser::types::OperationType};
use graphql_guard::{Guard, Rejection, Shape};

use super::{
    error::{ApiError, ApiErrorCode},
    request_names::RequestNames,
};

/// The compiled operation of a request.
pub(super) struct Compiled {
    pub(super) kind: OperationType,
    /// The maximum cost.
    pub(super) cost: u64,
    /// The shape of the responses.
    pub(super) shape: Shape,
}

/// Compiles the operation of `request`, and replaces the document and the variables with the compiled ones. With
/// `names`, errors contain no other name of the schema.
pub(super) fn compile(
    guard: &Guard,
    request: &mut Request,
    names: Option<&RequestNames>,
) -> Result<Compiled, Vec<ServerError>> {
    // The compiled document has one unnamed operation.
    let name = request.operation_name.take();
    let compiled = guard.compile(&request.query, name.as_deref(), &mut request.variables);
    let operation = compiled.map_err(|refusal| refused(refusal, names))?;
    let compiled = Compiled { kind: operation.kind(), cost: operation.cost, shape: operation.shape() };
    request.set_parsed_query(operation.document);
    Ok(compiled)
}

fn refused(refusal: Rejection, names: Option<&RequestNames>) -> Vec<ServerError> {
    let problems = match refusal {
        Rejection::Limit(message) => return vec![self::refusal(ApiError::new(ApiErrorCode::LimitExceeded, message))],
        Rejection::Invalid(problems) => problems,
    };
    let errors = problems.into_iter().map(|mut problem| {
        if let Some(names) = names {
            names.redact_problem(&mut problem);
        }
        let mut error = self::refusal(ApiError::new(ApiErrorCode::ValidationError, problem.message));
        error.locations = problem.at.into_iter().collect();
        if let Some(field) = problem.field {
            error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("field", field);
        }
        error
    });
    errors.collect()
}

/// The error of a request that is not executed.
pub(super) fn refusal(error: ApiError) -> ServerError {
    let mut error = async_graphql::Error::from(error).into_server_error(Pos::default());
    error.locations.clear();
    error
}
