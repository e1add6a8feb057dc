//! GraphQL responses as JSON.

use async_graphql::{Response as Answer, ServerError, Value, parser::types::OperationType};
use serde::Serialize;

/// A response as it is serialized, without `data` if nothing was executed.
#[derive(Serialize)]
struct ResponseBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
}

/// Returns whether the operation was executed, with any result, rather than rejected before.
pub(super) fn was_executed(answer: &Answer) -> bool {
    answer.errors.is_empty() || answer.data != Value::Null || answer.errors.iter().any(|error| !error.path.is_empty())
}

/// Returns whether a response is the error of the operation itself and its last response: it was rejected, or its
/// stream failed.
pub(super) fn is_terminal(kind: Option<OperationType>, answer: &Answer) -> bool {
    let broke = kind == Some(OperationType::Subscription) && answer.data == Value::Null && !answer.errors.is_empty();
    broke || !was_executed(answer)
}

/// Serializes the response as JSON.
pub(super) fn json(answer: &Answer) -> String {
    let written = ResponseBody { data: was_executed(answer).then_some(&answer.data), errors: &answer.errors };
    serde_json::to_string(&written).expect("values and errors can be serialized")
}
