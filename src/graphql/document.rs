//! What is done to a document before the engine sees it: it is bounded, parsed once, and freed of the arguments whose
//! variable the caller left out.
//!
//! The engine's parser calls itself for every bracket, so that some thousand of them end the process; and it reads an
//! omitted variable as null, where an omitted argument is meant.

use std::collections::HashSet;

use async_graphql::Name;
use async_graphql::Positioned;
use async_graphql::Request;
use async_graphql::ServerError;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::Directive;
use async_graphql::parser::types::DocumentOperations;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::parser::types::OperationDefinition;
use async_graphql::parser::types::OperationType;
use async_graphql::parser::types::Selection;
use async_graphql::parser::types::SelectionSet;
use async_graphql_value::Value;

use super::error::ApiError;

/// The longest document, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// How deep brackets of any kind may be nested.
const MAX_NESTING: usize = 48;

/// Parses the document of `request` and leaves it there, ready to run; tells what kind of operation was chosen, if one
/// was.
pub(super) fn read(request: &mut Request) -> Result<Option<OperationType>, ServerError> {
    if request.query.len() > MAX_BYTES {
        return Err(refused(format!("a document may have at most {MAX_BYTES} bytes")));
    }
    if nesting(&request.query) > MAX_NESTING {
        return Err(refused(format!("brackets may be nested at most {MAX_NESTING} deep")));
    }
    let mut document = parse_query(&request.query)?;
    let omitted = omitted_variables(&document, request)?;
    if !omitted.is_empty() {
        forget(&mut document, &omitted);
    }
    let operation_type = chosen(&document, request.operation_name.as_deref()).map(|operation| operation.node.ty);
    request.set_parsed_query(document);
    Ok(operation_type)
}

fn refused(message: String) -> ServerError {
    async_graphql::Error::from(ApiError::limit_exceeded(message)).into_server_error(async_graphql::Pos::default())
}

/// The deepest nesting of brackets outside strings and comments.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'#' => rest = behind(rest, |rest| rest.starts_with(b"\n") || rest.starts_with(b"\r"), 1),
            b'"' if rest.starts_with(b"\"\"") => rest = behind(&rest[2..], |rest| rest.starts_with(b"\"\"\""), 3),
            b'"' => rest = behind(rest, |rest| rest.starts_with(b"\"") || rest.starts_with(b"\n"), 1),
            _ => {}
        }
    }
    deepest
}

/// What follows the `length` bytes that `ends` finds; an escaped character never ends anything.
fn behind(mut rest: &[u8], ends: impl Fn(&[u8]) -> bool, length: usize) -> &[u8] {
    while !rest.is_empty() {
        if ends(rest) {
            return &rest[length.min(rest.len())..];
        }
        let step = if rest[0] == b'\\' { 2 } else { 1 };
        rest = &rest[step.min(rest.len())..];
    }
    rest
}

/// The variables that the chosen operation declares, nullable and without a default, and the caller left out.
fn omitted_variables(document: &ExecutableDocument, request: &Request) -> Result<HashSet<Name>, ServerError> {
    let mut omitted = HashSet::new();
    let Some(operation) = chosen(document, request.operation_name.as_deref()) else { return Ok(omitted) };
    for definition in &operation.node.variable_definitions {
        let (name, var_type) = (&definition.node.name, &definition.node.var_type.node);
        if request.variables.contains_key(&name.node) || definition.node.default_value.is_some() {
            continue;
        }
        if !var_type.nullable {
            let message = format!("Variable \"${}\" of required type \"{var_type}\" was not provided.", name.node);
            return Err(ServerError::new(message, Some(definition.pos)));
        }
        omitted.insert(name.node.clone());
    }
    Ok(omitted)
}

/// The operation that `name` chooses, or the only one.
pub(super) fn chosen<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a Positioned<OperationDefinition>> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation),
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
        (DocumentOperations::Multiple(operations), None) if operations.len() == 1 => operations.values().next(),
        (DocumentOperations::Multiple(_), None) => None,
    }
}

fn forget(document: &mut ExecutableDocument, omitted: &HashSet<Name>) {
    let operations: Vec<_> = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(operations) => operations.values_mut().collect(),
    };
    for operation in operations {
        operation.node.variable_definitions.retain(|definition| !omitted.contains(&definition.node.name.node));
        forget_in_selection(&mut operation.node.selection_set.node, omitted);
    }
    for fragment in document.fragments.values_mut() {
        forget_in_selection(&mut fragment.node.selection_set.node, omitted);
    }
}

fn forget_in_selection(selection: &mut SelectionSet, omitted: &HashSet<Name>) {
    for item in &mut selection.items {
        forget_in_directives(item.node.directives_mut(), omitted);
        match &mut item.node {
            Selection::Field(field) => {
                forget_in_arguments(&mut field.node.arguments, omitted);
                forget_in_selection(&mut field.node.selection_set.node, omitted);
            }
            Selection::InlineFragment(fragment) => forget_in_selection(&mut fragment.node.selection_set.node, omitted),
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn forget_in_directives(directives: &mut [Positioned<Directive>], omitted: &HashSet<Name>) {
    for directive in directives {
        forget_in_arguments(&mut directive.node.arguments, omitted);
    }
}

fn forget_in_arguments(arguments: &mut Vec<(Positioned<Name>, Positioned<Value>)>, omitted: &HashSet<Name>) {
    arguments.retain(|(_, value)| !is_omitted(&value.node, omitted));
    for (_, value) in arguments {
        forget_in_value(&mut value.node, omitted);
    }
}

fn forget_in_value(value: &mut Value, omitted: &HashSet<Name>) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !is_omitted(value, omitted));
            fields.values_mut().for_each(|value| forget_in_value(value, omitted));
        }
        // A list keeps its length: an omitted item is null.
        Value::List(items) => items.iter_mut().for_each(|item| {
            if is_omitted(item, omitted) {
                *item = Value::Null;
            }
            forget_in_value(item, omitted);
        }),
        Value::Variable(_)
        | Value::Null
        | Value::Number(_)
        | Value::String(_)
        | Value::Boolean(_)
        | Value::Binary(_)
        | Value::Enum(_) => {}
    }
}

fn is_omitted(value: &Value, omitted: &HashSet<Name>) -> bool {
    matches!(value, Value::Variable(name) if omitted.contains(name))
}

#[cfg(test)]
mod tests {
    use async_graphql::Variables;

    use super::*;

    #[test]
    fn brackets_count_outside_strings_and_comments_only() {
        assert_eq!(nesting("{ a(b: [1, {c: 2}]) { d } }"), 4);
        assert_eq!(nesting("{ a(b: \"[[[\\\"[[[\") } # [[[[\n{ c { d { e } } }"), 3);
        assert_eq!(nesting(r#"{ a(b: """[[[ " [[ \""" [[["""){ c } }"#), 2);
        assert_eq!(nesting("\"\"\"[["), 0);
        assert_eq!(nesting(&"[".repeat(5_000)), 5_000);
    }

    #[test]
    fn a_document_of_brackets_is_refused_before_it_is_parsed() {
        let mut request = Request::new(format!("{{ a(b: {})", "[".repeat(5_000)));
        assert!(read(&mut request).expect_err("refused").message.contains("nested"));
        let mut request = Request::new(format!("{{ a }} #{}", "x".repeat(MAX_BYTES)));
        assert!(read(&mut request).expect_err("refused").message.contains("bytes"));
    }

    #[test]
    fn a_required_variable_is_required() {
        let mut request = Request::new("query ($a: ID!) { b(c: $a) }");
        assert!(read(&mut request).expect_err("refused").message.contains("\"$a\" of required type \"ID!\""));
        let mut request = Request::new("query ($a: ID!) { b(c: $a) }");
        request.variables = Variables::from_json(serde_json::json!({"a": "x"}));
        assert!(read(&mut request).is_ok());
    }

    #[test]
    fn an_omitted_variable_takes_its_arguments_along() {
        let mut request = Request::new(
            "query ($a: Int, $b: Int, $c: Int = 1) { x(a: $a, b: $b, c: $c, o: {a: $a, b: $b}, l: [$a, $b]) { ...F } }
             fragment F on X { y(a: $a) @include(if: $b) }",
        );
        request.variables = Variables::from_json(serde_json::json!({"b": null}));
        read(&mut request).expect("parses");
        let document = request.parsed_query().expect("parsed");
        let operation = chosen(document, None).expect("an operation");
        assert_eq!(operation.node.variable_definitions.len(), 2);
        let Selection::Field(field) = &operation.node.selection_set.node.items[0].node else { panic!("a field") };
        let arguments: Vec<_> =
            field.node.arguments.iter().map(|(name, value)| format!("{}: {}", name.node, value.node)).collect();
        assert_eq!(arguments, ["b: $b", "c: $c", "o: {b: $b}", "l: [null, $b]"]);
        let fragment = document.fragments.values().next().expect("a fragment");
        let Selection::Field(field) = &fragment.node.selection_set.node.items[0].node else { panic!("a field") };
        assert!(field.node.arguments.is_empty());
    }
}
