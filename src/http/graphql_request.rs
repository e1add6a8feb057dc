//! Parses a GraphQL request of any transport.

use async_graphql::{Extensions, Request, Variables};
use axum::{extract::Query, http::Uri};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The extension that identifies a persisted document.
const PERSISTED_QUERY: &str = "persistedQuery";

/// Parameters of a request. The specification requires that others are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<Map<String, Value>>,
    extensions: Option<Map<String, Value>>,
}

/// Parameters in a URL, where variables and extensions are JSON strings.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryParameters {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
}

/// Parses the parameters of a request; `None` if they are invalid.
pub(super) fn from_json(payload: Value) -> Option<Request> {
    // serde would accept an array as the fields in order.
    let payload: Parameters = Value::is_object(&payload).then(|| serde_json::from_value(payload).ok())??;
    payload.request()
}

/// Parses the parameters in a URL; `None` if they are invalid.
pub(super) fn from_query_string(uri: &Uri) -> Option<Request> {
    let Query(QueryParameters { query, operation_name, variables, extensions }) = Query::try_from_uri(uri).ok()?;
    let object = |text: Option<String>| text.map(|text| serde_json::from_str::<Option<_>>(&text)).transpose().ok();
    let (variables, extensions) = (object(variables)?.flatten(), object(extensions)?.flatten());
    Parameters { query, operation_name, variables, extensions }.request()
}

impl Parameters {
    fn request(self) -> Option<Request> {
        let extensions = self.extensions.unwrap_or_default();
        let query = self.query.or_else(|| extensions.contains_key(PERSISTED_QUERY).then(String::new))?;
        let mut request = Request::new(query);
        request.operation_name = self.operation_name;
        request.variables = Variables::from_json(Value::Object(self.variables.unwrap_or_default()));
        let extensions =
            extensions.into_iter().map(|(name, value)| Some((name, async_graphql::Value::from_json(value).ok()?)));
        request.extensions = Extensions(extensions.collect::<Option<_>>()?);
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_may_be_null_or_missing_except_the_query() {
        let request =
            from_json(json!({"query": "{ a }", "operationName": null, "variables": null, "extensions": null, "x": 1}));
        assert!(request.is_some_and(|request| request.query == "{ a }" && request.variables.is_empty()));
        assert!(from_json(json!({"query": "{ a }"})).is_some());
        let request =
            from_json(json!({"query": "query A { a }", "operationName": "A", "variables": {"b": [1]}})).expect("read");
        assert_eq!(request.operation_name.as_deref(), Some("A"));
        assert!(request.variables.contains_key("b"));
    }

    #[test]
    fn an_address_has_them_as_text() {
        let read = |address: &'static str| from_query_string(&Uri::from_static(address));
        let request = read("/graphql?query=%7B+a%20%7D&operationName=A&variables=%7B%22b%22:1%7D").expect("read");
        assert_eq!((&*request.query, request.operation_name.as_deref()), ("{ a }", Some("A")));
        assert!(request.variables.contains_key("b"));
        assert!(read("/graphql?query=a&variables=null").is_some());
        for address in [
            "/graphql",
            "/graphql?",
            "/graphql?query=a&variables=x",
            "/graphql?query=a&variables=[]",
            "/graphql?query=a&query=b",
            "/graphql?query=a&extensions=1",
        ] {
            assert!(read(address).is_none(), "{address}");
        }
    }

    #[test]
    fn a_document_may_be_named_instead_of_written() {
        let request = from_json(json!({"extensions": {"persistedQuery": {"sha256Hash": "x"}}})).expect("read");
        assert!(request.query.is_empty() && request.extensions.contains_key("persistedQuery"));
        assert!(from_json(json!({"extensions": {}})).is_none());
    }

    #[test]
    fn parameters_of_other_types_are_rejected() {
        for payload in [
            json!({}),
            json!(["{ a }", null, null, null]),
            json!({"query": 1}),
            json!({"query": "{ a }", "operationName": 1}),
            json!({"query": "{ a }", "variables": []}),
            json!({"query": "{ a }", "extensions": "x"}),
            json!("{ a }"),
        ] {
            assert!(from_json(payload.clone()).is_none(), "{payload}");
        }
    }
}
