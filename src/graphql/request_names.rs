//! The names that a request contains. Without introspection, errors name nothing else of the schema.

use std::collections::HashSet;

use async_graphql::{Request, ServerError, Value};
use graphql_guard::Problem;

/// Replaces the message of an error about an argument that the client did not give.
const MISSING: &str = "a required argument or input field is missing";

/// The names in the document and the keys in the variables of a request.
pub(super) struct RequestNames {
    /// Searched only for an error: to index a document is more work than to copy it.
    document: String,
    keys: HashSet<String>,
}

impl RequestNames {
    /// Reads the names of a request, before defaults are added to its variables.
    pub(super) fn of(request: &Request) -> Self {
        let mut keys = HashSet::new();
        for value in request.variables.values() {
            add_keys(&mut keys, value);
        }
        Self { document: request.query.clone(), keys }
    }

    fn contains(&self, name: &str) -> bool {
        self.keys.contains(name) || words(&self.document).any(|word| word == name)
    }

    /// Removes other names from a problem of the document or the variables.
    pub(super) fn redact_problem(&self, problem: &mut Problem) {
        problem.message = self.redacted(&problem.message);
        problem.field = problem.field.take().filter(|field| self.contains(field));
    }

    /// Removes other names from an error of a resolver, which names the argument that it is about.
    pub(super) fn redact_error(&self, error: &mut ServerError) {
        let Some(extensions) = &mut error.extensions else { return };
        let Some(Value::String(field)) = extensions.get("field") else { return };
        if !self.contains(field) {
            extensions.unset("field");
            MISSING.clone_into(&mut error.message);
        }
    }

    /// The message without the other names in quotes.
    fn redacted(&self, message: &str) -> String {
        let parts = message.split('"').enumerate().map(|(number, part)| {
            let is_quoted = number % 2 == 1;
            if !is_quoted || words(part).all(|word| self.contains(word)) { part } else { "…" }
        });
        parts.collect::<Vec<_>>().join("\"")
    }
}

fn add_keys(keys: &mut HashSet<String>, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                keys.insert(name.to_string());
                add_keys(keys, value);
            }
        }
        Value::List(items) => items.iter().for_each(|item| add_keys(keys, item)),
        _ => {}
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use async_graphql::Variables;
    use serde_json::json;

    use super::*;
    use crate::graphql::error::ApiError;

    fn names() -> RequestNames {
        let variables = Variables::from_json(json!({"c": [{"search": {"deep": 1}}]}));
        RequestNames::of(&Request::new("query($c: ID) { chat(cid: $c) { nam } }").variables(variables))
    }

    #[test]
    fn a_message_names_what_the_request_names_and_nothing_else() {
        for (message, redacted) in [
            ("Cannot query field \"nam\" on type \"Chat\".", "Cannot query field \"nam\" on type \"…\"."),
            ("Field \"chat\" argument \"cid\" is wrong", "Field \"chat\" argument \"cid\" is wrong"),
            ("Variable \"$c\" of type \"ID\" where \"JID!\"", "Variable \"$c\" of type \"ID\" where \"…\""),
            ("Field \"cha\"", "Field \"…\""),
            ("Field \"deep\" of \"ChatFilter\"", "Field \"deep\" of \"…\""),
            ("no names", "no names"),
        ] {
            assert_eq!(names().redacted(message), redacted);
        }
    }

    #[test]
    fn an_error_names_its_argument_if_the_request_does() {
        for (field, message) in [("search", "search: too long"), ("sessionId", MISSING)] {
            let error = ApiError::invalid(field, format!("{field}: too long"));
            let mut error = async_graphql::Error::from(error).into_server_error(async_graphql::Pos::default());
            names().redact_error(&mut error);
            let extensions = error.extensions.expect("extensions");
            assert_eq!((&*error.message, extensions.get("field").is_some()), (message, field == "search"));
            assert_eq!(extensions.get("code"), Some(&"validation_error".into()));
        }
    }
}
