//! Compiled documents as text.

use async_graphql_parser::types::{Selection, SelectionSet};
use serde_json::json;

use super::*;
use crate::tests::guard;

/// The compiled operation, printed as a document.
fn compiled(text: &str, variables: serde_json::Value) -> String {
    let mut variables = Variables::from_json(variables);
    let operation = guard().compile(text, None, &mut variables).expect("compiled");
    let DocumentOperations::Single(definition) = operation.document.operations else { panic!("one operation") };
    assert!(operation.document.fragments.is_empty());
    written(&definition.node.selection_set.node)
}

fn written(set: &SelectionSet) -> String {
    let items = set.items.iter().map(|item| match &item.node {
        Selection::Field(field) => {
            let field = &field.node;
            assert!(field.directives.is_empty());
            let alias = field.alias.as_ref().map(|alias| format!("{}: ", alias.node)).unwrap_or_default();
            let arguments: Vec<_> =
                field.arguments.iter().map(|(name, value)| format!("{}: {}", name.node, value.node)).collect();
            let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
            let below = written(&field.selection_set.node);
            let below = if below.is_empty() { below } else { format!(" {{ {below} }}") };
            format!("{alias}{}{arguments}{below}", field.name.node)
        }
        Selection::InlineFragment(fragment) => {
            let on = fragment.node.type_condition.as_ref().expect("a type");
            format!("... on {} {{ {} }}", on.node.on.node, written(&fragment.node.selection_set.node))
        }
        Selection::FragmentSpread(_) => panic!("a fragment is left"),
    });
    items.collect::<Vec<_>>().join(" ")
}

#[test]
fn fields_of_one_key_become_one_at_every_level() {
    let text = "{ one { list(first: 1) { nodes { id } } } ...F one { id } }
                fragment F on Query { ... { one { list(first: 1) { nodes { id n: id } __typename } id } } }";
    let merged = "one { list(first: 1) { nodes { id n: id } __typename } id }";
    assert_eq!(compiled(text, json!({})), merged);
}

#[test]
fn a_field_has_the_place_of_its_first_selection() {
    let text = "{ one { c: id ...F a: id } } fragment F on Item { b: id a: id ... on Item { c: id } }";
    assert_eq!(compiled(text, json!({})), "one { c: id b: id a: id }");
    let text =
        "{ one { a: id @include(if: false) ...F @skip(if: true) b: id ...F a: id } } fragment F on Item { a: id }";
    assert_eq!(compiled(text, json!({})), "one { b: id a: id }", "a spread that was skipped was not made");
}

#[test]
fn directives_are_resolved_with_defaults() {
    let text = "query($y: Boolean = true, $n: Boolean! = false) {
                    one { a: id @skip(if: $y) b: id @include(if: $y) ... @include(if: $n) { c: id } d: id @skip(if: $n) @include(if: $n) } }";
    assert_eq!(compiled(text, json!({})), "one { b: id }");
    assert_eq!(compiled(text, json!({"y": false, "n": true})), "one { a: id c: id }");
    assert!(guard().compile(text, None, &mut Variables::from_json(json!({"y": null}))).is_err());
}

#[test]
fn an_object_without_remaining_fields_selects_its_type() {
    assert_eq!(compiled("{ one { id @skip(if: true) } }", json!({})), "one { #type: __typename }");
    assert_eq!(compiled("{ one @skip(if: true) { id } }", json!({})), "#type: __typename");
}

#[test]
fn an_interface_is_compiled_for_each_of_its_objects() {
    let text = "{ any { ... on Other { x: id } id ... on Node { y: id } ... on Item { list { nodes { id } } } } }";
    let each = "any { ... on Item { #type: __typename id y: id list { nodes { id } } } \
                ... on Other { #type: __typename x: id id y: id } }";
    assert_eq!(compiled(text, json!({})), each);
}

#[test]
fn a_list_and_a_prefix_of_it_are_different_arguments() {
    let both = |one: &str, other: &str| {
        let text = format!("{{ each(ids: {one}) {{ id }} each(ids: {other}) @skip(if: true) {{ id }} }}");
        guard().compile(&text, None, &mut Variables::default()).is_ok()
    };
    assert!(both("[1, \"a\"]", "[1, \"a\"]") && both("[]", "[]"));
    assert!(!both("[]", "[1]") && !both("[1, 2]", "[1]") && !both("[1]", "[2]"));
    let text = "{ find(by: {address: \"a@b\", maybe: true}) { id } find(by: {maybe: true, address: \"a@b\"}) { id } }";
    assert!(guard().compile(text, None, &mut Variables::default()).is_ok(), "objects have no order");
}

#[test]
fn an_omitted_variable_takes_its_argument_along() {
    let text = "query($a: Int, $b: Int, $c: Int = 1) { list(first: $a, last: $b) { __typename } l: list(first: $c) { __typename } }";
    assert_eq!(compiled(text, json!({"b": null})), "list(last: $b) { __typename } l: list(first: $c) { __typename }");
}

#[test]
fn a_field_keeps_its_place_in_the_document() {
    let text = "{\n  ...F\n}\nfragment F on Query {\n   one { id }\n}";
    let operation = guard().compile(text, None, &mut Variables::default()).expect("compiled");
    let DocumentOperations::Single(definition) = operation.document.operations else { panic!("one operation") };
    assert_eq!(definition.node.selection_set.node.items[0].pos, Pos { line: 5, column: 4 });
}
