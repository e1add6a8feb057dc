//! A GraphQL request as it comes in, by whatever transport.

use async_graphql::Request;
use async_graphql::Variables;
use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;

/// A request's parameters. Others than these are ignored, as the specification asks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    query: String,
    operation_name: Option<String>,
    variables: Option<Map<String, Value>>,
    #[expect(dead_code, reason = "has to be an object, whatever is in it")]
    extensions: Option<Map<String, Value>>,
}

/// Reads a request's parameters; none when they are not what they have to be.
pub(super) fn read(payload: Value) -> Option<Request> {
    // A list would be read as the fields in their order.
    let Payload { query, operation_name, variables, .. } =
        Value::is_object(&payload).then(|| serde_json::from_value(payload).ok())??;
    let mut request = Request::new(query);
    request.operation_name = operation_name;
    request.variables = Variables::from_json(Value::Object(variables.unwrap_or_default()));
    Some(request)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_may_be_null_or_missing_except_the_query() {
        let request =
            read(json!({"query": "{ a }", "operationName": null, "variables": null, "extensions": null, "x": 1}));
        assert!(request.is_some_and(|request| request.query == "{ a }" && request.variables.is_empty()));
        assert!(read(json!({"query": "{ a }"})).is_some());
        let request =
            read(json!({"query": "query A { a }", "operationName": "A", "variables": {"b": [1]}})).expect("read");
        assert_eq!(request.operation_name.as_deref(), Some("A"));
        assert!(request.variables.contains_key("b"));
    }

    #[test]
    fn parameters_of_other_types_are_refused() {
        for payload in [
            json!({}),
            json!(["{ a }", null, null, null]),
            json!({"query": 1}),
            json!({"query": "{ a }", "operationName": 1}),
            json!({"query": "{ a }", "variables": []}),
            json!({"query": "{ a }", "extensions": "x"}),
            json!("{ a }"),
        ] {
            assert!(read(payload.clone()).is_none(), "{payload}");
        }
    }
}
