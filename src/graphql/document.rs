//! Compiles a request's document with the guard (crate `guard/`) and passes it to the engine.

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

/// The compiled operation of a request.
pub(super) struct Compiled {
    pub(super) kind: OperationType,
    /// The maximum cost.
    pub(super) cost: u64,
    /// The shape of the responses.
    pub(super) shape: Shape,
}

/// Compiles the operation of `request`, and replaces the document and the variables with the compiled ones. Without
/// `introspection`, errors contain no name of the schema that is not in the document.
pub(super) fn compile(guard: &Guard, request: &mut Request, introspection: bool) -> Result<Compiled, Vec<ServerError>> {
    // The compiled document has one unnamed operation.
    let name = request.operation_name.take();
    let compiled = guard.compile(&request.query, name.as_deref(), &mut request.variables);
    let known = (!introspection).then_some(&*request.query);
    let operation = compiled.map_err(|refusal| refused(refusal, known))?;
    let compiled = Compiled { kind: operation.kind(), cost: operation.cost, shape: operation.shape() };
    request.set_parsed_query(operation.document);
    Ok(compiled)
}

fn refused(refusal: Refusal, known: Option<&str>) -> Vec<ServerError> {
    let problems = match refusal {
        Refusal::Limit(message) => return vec![self::refusal(ApiError::new(Code::LimitExceeded, message))],
        Refusal::Invalid(problems) => problems,
    };
    let errors = problems.into_iter().map(|mut problem| {
        if let Some(document) = known {
            problem.message = redacted(&problem.message, document);
            problem.field = problem.field.filter(|field| has_word(document, field));
        }
        let mut error = self::refusal(ApiError::new(Code::ValidationError, problem.message));
        error.locations = problem.at.into_iter().collect();
        if let Some(field) = problem.field {
            error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("field", field);
        }
        error
    });
    errors.collect()
}

/// Replaces quoted names that are not in the document.
fn redacted(message: &str, document: &str) -> String {
    let parts = message.split('"').enumerate().map(|(number, part)| {
        let mut words = part.split(|character| !is_of_word(character)).filter(|word| !word.is_empty());
        let is_quoted = number % 2 == 1;
        if !is_quoted || words.all(|word| has_word(document, word)) { part } else { "…" }
    });
    parts.collect::<Vec<_>>().join("\"")
}

fn has_word(document: &str, word: &str) -> bool {
    document.split(|character| !is_of_word(character)).any(|known| known == word)
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The error of a request that is not executed.
pub(super) fn refusal(error: ApiError) -> ServerError {
    let mut error = async_graphql::Error::from(error).into_server_error(Pos::default());
    error.locations.clear();
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_what_the_document_names_and_nothing_else() {
        let document = "query($c: ID) { chat(cid: $c) { nam } }";
        for (message, told) in [
            ("Cannot query field \"nam\" on type \"Chat\".", "Cannot query field \"nam\" on type \"…\"."),
            ("Field \"chat\" argument \"cid\" is wrong", "Field \"chat\" argument \"cid\" is wrong"),
            ("Variable \"$c\" of type \"ID\" where \"JID!\"", "Variable \"$c\" of type \"ID\" where \"…\""),
            ("Field \"cha\"", "Field \"…\""),
            ("no names", "no names"),
        ] {
            assert_eq!(redacted(message, document), told);
        }
    }
}
