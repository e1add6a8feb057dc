//! Nulls where errors were. The engine leaves a field that failed out of the answer; the specification puts null in its
//! place or, where the field is not nullable, in the place of the nearest nullable one around it, up to all of `data`.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::PathSegment;
use async_graphql::Response;
use async_graphql::Value;
use async_graphql::parser::parse_query;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::BaseType;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::parser::types::Field;
use async_graphql::parser::types::OperationType;
use async_graphql::parser::types::Selection;
use async_graphql::parser::types::SelectionSet;
use async_graphql::parser::types::Type;
use async_graphql::parser::types::TypeKind;
use async_graphql::parser::types::TypeSystemDefinition;

use super::document::chosen;

/// The types of all fields of a schema.
pub(super) struct Types(HashMap<String, HashMap<String, Type>>);

impl Types {
    /// Reads them from a schema of ours.
    pub(super) fn of(sdl: &str) -> Self {
        let definitions = parse_schema(sdl).expect("the schema we print is a schema").definitions;
        let types = definitions.into_iter().filter_map(|definition| {
            let TypeSystemDefinition::Type(definition) = definition else { return None };
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Scalar | TypeKind::Union(_) | TypeKind::Enum(_) | TypeKind::InputObject(_) => return None,
            };
            let fields = fields.into_iter().map(|field| (field.node.name.node.to_string(), field.node.ty.node));
            Some((definition.node.name.node.to_string(), fields.collect()))
        });
        Self(types.collect())
    }

    /// Puts the nulls into an answer to `query`. Costs nothing when there was no error.
    pub(super) fn complete(&self, query: &str, operation: Option<&str>, response: &mut Response) {
        if response.errors.iter().all(|error| error.path.is_empty()) {
            return;
        }
        let Ok(document) = parse_query(query) else { return };
        for error in &response.errors {
            let Some(nullable) = self.nullability(&document, operation, &error.path) else { continue };
            match nullable.iter().rposition(|nullable| *nullable) {
                Some(last) => set_null(&mut response.data, &error.path[..=last]),
                None => response.data = Value::Null,
            }
        }
    }

    /// For every segment of `path`, whether null may stand there.
    fn nullability(
        &self,
        document: &ExecutableDocument,
        operation: Option<&str>,
        path: &[PathSegment],
    ) -> Option<Vec<bool>> {
        let operation = &chosen(document, operation)?.node;
        let root = match operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let mut selections = vec![(root, &operation.selection_set.node)];
        let mut reached: Option<&Type> = None;
        let mut nullable = Vec::with_capacity(path.len());
        for segment in path {
            let of_segment = match segment {
                PathSegment::Index(_) => match &reached?.base {
                    BaseType::List(item) => &**item,
                    BaseType::Named(_) => return None,
                },
                PathSegment::Field(key) => {
                    let fields = fields(document, &selections, key);
                    let field_type =
                        fields.iter().find_map(|(parent, field)| self.0.get(*parent)?.get(field.name.node.as_str()))?;
                    let named = named(field_type);
                    selections = fields.iter().map(|(_, field)| (named, &field.selection_set.node)).collect();
                    field_type
                }
            };
            nullable.push(of_segment.nullable);
            reached = Some(of_segment);
        }
        Some(nullable)
    }
}

fn named(field_type: &Type) -> &str {
    match &field_type.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(item) => named(item),
    }
}

/// The fields that answer under `key`, with the type they belong to.
fn fields<'a>(
    document: &'a ExecutableDocument,
    selections: &[(&'a str, &'a SelectionSet)],
    key: &str,
) -> Vec<(&'a str, &'a Field)> {
    let mut found = Vec::new();
    let mut open = selections.to_vec();
    while let Some((parent, selection)) = open.pop() {
        for item in &selection.items {
            match &item.node {
                Selection::Field(field) if field.node.response_key().node == key => found.push((parent, &field.node)),
                Selection::Field(_) => {}
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    open.push((parent, &fragment.node.selection_set.node));
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) else { continue };
                    let parent = fragment.node.type_condition.node.on.node.as_str();
                    open.push((parent, &fragment.node.selection_set.node));
                }
            }
        }
    }
    found
}

/// Sets what is at `path` to null, unless null stands above it already.
fn set_null(data: &mut Value, path: &[PathSegment]) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut at = data;
    for segment in parents {
        let next = match (segment, at) {
            (PathSegment::Field(key), Value::Object(fields)) => fields.get_mut(key.as_str()),
            (PathSegment::Index(index), Value::List(items)) => items.get_mut(*index),
            _ => None,
        };
        let Some(next) = next else { return };
        at = next;
    }
    match (last, at) {
        (PathSegment::Field(key), Value::Object(fields)) => {
            fields.insert(Name::new(key), Value::Null);
        }
        // Every field of the object failed: the engine has left nothing of it.
        (PathSegment::Field(key), at @ Value::Null) => {
            *at = Value::Object([(Name::new(key), Value::Null)].into_iter().collect());
        }
        (PathSegment::Index(index), Value::List(items)) => {
            if let Some(item) = items.get_mut(*index) {
                *item = Value::Null;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::ServerError;
    use serde_json::json;

    use super::*;

    const SDL: &str = "type Query { list: [Item!]! maybe: [Item] one: Item! } type Item { a: Int! b: Int c: Item }";

    fn complete(query: &str, data: serde_json::Value, path: &[&str]) -> serde_json::Value {
        let mut response = Response::new(Value::from_json(data).expect("a value"));
        let path = path.iter().map(|segment| match segment.parse() {
            Ok(index) => PathSegment::Index(index),
            Err(_) => PathSegment::Field((*segment).to_owned()),
        });
        response.errors.push(ServerError { path: path.collect(), ..ServerError::new("failed", None) });
        Types::of(SDL).complete(query, None, &mut response);
        response.data.into_json().expect("JSON")
    }

    #[test]
    fn a_nullable_field_that_failed_is_null() {
        let data = complete("{ one { a x: b } }", json!({"one": {"a": 1}}), &["one", "x"]);
        assert_eq!(data, json!({"one": {"a": 1, "x": null}}));
    }

    #[test]
    fn an_object_whose_only_field_failed_is_still_there() {
        let data = complete("{ one { b } }", json!({"one": null}), &["one", "b"]);
        assert_eq!(data, json!({"one": {"b": null}}));
        let data = complete("{ one { c { c { b } } } }", json!({"one": {"c": {"c": null}}}), &["one", "c", "c", "b"]);
        assert_eq!(data, json!({"one": {"c": {"c": {"b": null}}}}));
    }

    #[test]
    fn a_field_that_may_not_be_null_takes_the_nearest_that_may_along() {
        let data = complete("{ one { c { a b } } }", json!({"one": {"c": {"b": 1}}}), &["one", "c", "a"]);
        assert_eq!(data, json!({"one": {"c": null}}));
        let data = complete("{ maybe { a b } }", json!({"maybe": [{"a": 1, "b": 1}, {"b": 1}]}), &["maybe", "1", "a"]);
        assert_eq!(data, json!({"maybe": [{"a": 1, "b": 1}, null]}));
    }

    #[test]
    fn where_nothing_may_be_null_no_data_is_left() {
        let data = complete("{ one { b } list { a } }", json!({"one": {"b": 1}, "list": [null]}), &["list", "0", "a"]);
        assert_eq!(data, json!(null));
    }

    #[test]
    fn fragments_are_followed() {
        let query = "{ ...F } fragment F on Query { one { ... on Item { c { ...G } } } } fragment G on Item { y: a }";
        let data = complete(query, json!({"one": {"c": null}}), &["one", "c", "y"]);
        assert_eq!(data, json!({"one": {"c": null}}));
    }

    #[test]
    fn an_error_of_no_field_changes_nothing() {
        assert_eq!(complete("{ one { b } }", json!({"one": {"b": 1}}), &[]), json!({"one": {"b": 1}}));
        assert_eq!(complete("{ one { b } }", json!({"one": {"b": 1}}), &["two"]), json!({"one": {"b": 1}}));
    }
}
