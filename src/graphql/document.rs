//! A request's document on its way to the engine: compiled by the guard, which is in the crate `guard/`.

use async_graphql::ErrorExtensionValues;
use async_graphql::Pos;
use async_graphql::Request;
use async_graphql::ServerError;
use async_graphql::parser::types::OperationType;
use chatgraph_guard::Guard;
use chatgraph_guard::Refusal;
use chatgraph_guard::Shape;

use super::error::ApiError;
use super::error::Code;

/// The operation of a request.
pub(super) struct Compiled {
    pub(super) kind: OperationType,
    /// What it may cost.
    pub(super) cost: u64,
    /// The shape of its answers.
    pub(super) shape: Shape,
}

/// Compiles the operation of `request` and leaves it there for the engine, with its variables coerced.
pub(super) fn compile(guard: &Guard, request: &mut Request) -> Result<Compiled, Vec<ServerError>> {
    // The compiled document has one operation, without a name.
    let name = request.operation_name.take();
    let compiled = guard.compile(&request.query, name.as_deref(), &mut request.variables);
    let operation = compiled.map_err(refused)?;
    let compiled = Compiled { kind: operation.kind(), cost: operation.cost, shape: operation.shape() };
    request.set_parsed_query(operation.document);
    Ok(compiled)
}

fn refused(refusal: Refusal) -> Vec<ServerError> {
    let problems = match refusal {
        Refusal::Limit(message) => return vec![self::refusal(ApiError::new(Code::LimitExceeded, message))],
        Refusal::Invalid(problems) => problems,
    };
    let errors = problems.into_iter().map(|problem| {
        let mut error = self::refusal(ApiError::new(Code::ValidationError, problem.message));
        error.locations = problem.at.into_iter().collect();
        if let Some(field) = problem.field {
            error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("field", field);
        }
        error
    });
    errors.collect()
}

/// The answer to a request of which nothing is executed.
pub(super) fn refusal(error: ApiError) -> ServerError {
    let mut error = async_graphql::Error::from(error).into_server_error(Pos::default());
    error.locations.clear();
    error
}
