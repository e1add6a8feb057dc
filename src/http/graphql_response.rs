//! GraphQL responses as JSON.

use async_graphql::{Response as Answer, Value, parser::types::OperationType};

use crate::graphql::write_value;

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

/// Serializes the response as JSON, without `data` if nothing was executed.
pub(super) fn json(answer: &Answer) -> String {
    let mut json = b"{".to_vec();
    if was_executed(answer) {
        json.extend_from_slice(b"\"data\":");
        write_value(&answer.data, &mut json);
    }
    if !answer.errors.is_empty() {
        json.extend_from_slice(if json.len() > 1 { b",\"errors\":" } else { b"\"errors\":" });
        serde_json::to_writer(&mut json, &answer.errors).expect("errors can be serialized into memory");
    }
    json.push(b'}');
    String::from_utf8(json).expect("JSON text is UTF-8")
}
