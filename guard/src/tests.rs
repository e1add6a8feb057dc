//! Shared code of the tests, and tests of the whole crate.

use std::sync::Arc;

use async_graphql_parser::types::OperationType;
use async_graphql_value::{ConstValue, Variables};

use super::*;

pub(crate) const LIMITS: Limits = Limits::DEFAULT;

const SDL: &str = "type Query { one: Item! list(first: Int, last: Int): List! each(ids: [ID!]!): [Item]! any: Node
                                find(by: By!): Item }
                   type Subscription { changes: Item! }
                   interface Node { id: ID! } scalar Address enum Kind { RED BLUE }
                   input By { address: Address! maybe: Boolean = false kinds: [Kind!] }
                   type List { nodes: [Item!]! } type Item implements Node { id: ID! list(first: Int, last: Int): List! }
                   type Other implements Node { id: ID! }";

pub(crate) fn guard() -> Guard {
    let is_address: ScalarCheck = |value| matches!(value, ConstValue::String(text) if text.contains('@'));
    Guard::new(Arc::new(Schema::parse(SDL, &[("Address", is_address)]).expect("a schema")), LIMITS)
}

fn compile(text: &str) -> Result<Operation, Rejection> {
    guard().compile(text, None, &mut Variables::default())
}

#[test]
fn a_document_of_brackets_is_rejected_before_it_is_parsed() {
    for text in [
        format!("{{ a(b: {})", "[".repeat(5_000)),
        // The first block string ends at the third run of quotes, and hides no bracket.
        format!(r#"{{ a(b: """\\""" """ c: {} d: """ """)"#, "[".repeat(5_000)),
        format!("{{ a }} #{}", "x".repeat(LIMITS.bytes)),
    ] {
        assert!(matches!(compile(&text), Err(Rejection::Limit(_))));
    }
}

#[test]
fn as_many_brackets_as_are_allowed_are_parsed() {
    let nesting = LIMITS.nesting - 2;
    for text in [
        format!("{{ each(ids: {}1{}) {{ id }} }}", "[".repeat(nesting), "]".repeat(nesting)),
        format!("query($a: {}Int{}) {{ one {{ id }} }}", "[".repeat(nesting), "]".repeat(nesting)),
        format!("{{ {}__typename{} }}", "... { ".repeat(nesting - 18), " }".repeat(nesting - 18)),
    ] {
        let refused = compile(&text).map(|_| ());
        assert!(
            !matches!(&refused, Err(Rejection::Invalid(problems)) if problems[0].message.contains("limit")),
            "{refused:?}"
        );
    }
}

#[test]
fn a_rejected_document_is_not_cached() {
    let guard = guard();
    let text = "{ one { id } } fragment F on Item { id }";
    for _ in 0..2 {
        assert!(guard.compile(text, None, &mut Variables::default()).is_err());
    }
    assert!(guard.documents.get(&Digest::new(text)).is_none());
}

#[test]
fn a_document_is_compiled_once_for_the_same_directives() {
    let guard = guard();
    let text = "query($n: Int, $b: Boolean = true) { list(first: $n) { nodes { id @include(if: $b) } } }";
    let compiled = |variables: serde_json::Value| {
        guard.compile(text, None, &mut Variables::from_json(variables)).expect("compiled").compiled
    };
    let one = compiled(serde_json::json!({"n": 1}));
    assert!(Arc::ptr_eq(&one, &compiled(serde_json::json!({"n": 2, "b": true}))));
    assert!(!Arc::ptr_eq(&one, &compiled(serde_json::json!({"n": 1, "b": false}))));
    assert!(!Arc::ptr_eq(&one, &compiled(serde_json::json!({}))), "one that is omitted makes a difference");
}

#[test]
fn the_operation_is_the_one_that_is_named() {
    let text = "query A { one { id } } subscription B { changes { id } }";
    let kind = |name| guard().compile(text, name, &mut Variables::default()).map(|operation| operation.kind());
    assert_eq!(kind(Some("A")), Ok(OperationType::Query));
    assert_eq!(kind(Some("B")), Ok(OperationType::Subscription));
    assert!(matches!(kind(None), Err(Rejection::Invalid(_))));
    assert!(matches!(kind(Some("C")), Err(Rejection::Invalid(_))));
    assert!(matches!(
        guard().compile("{ one { id } }", Some("A"), &mut Variables::default()),
        Err(Rejection::Invalid(_))
    ));
}

#[test]
fn an_error_is_one_line_with_its_position() {
    for text in [
        "",
        "{",
        "{ one { id } } }",
        "{ nothing }",
        "{ one }",
        "{ one { id { id } } }",
        "{ list(first: \"1\") { __typename } }",
        "{ list(first: 1, first: 2) { __typename } }",
        "{ each { id } }",
        "{ each(ids: [1], all: true) { id } }",
        "{ each(ids: [null]) { id } }",
        "{ find(by: {address: \"a@b\", kinds: [LOUD]}) { id } }",
        "{ find(by: {address: \"a@b\", kinds: \"RED\"}) { id } }",
        "{ one { id } ...F }",
        "{ one { ...F } } fragment F on Item { ...F }",
        "{ one { ...F } } fragment F on Item { list { nodes { ...G } } } fragment G on Item { ...F }",
        "{ one { id } } fragment F on Item { id }",
        "{ one { ... on Other { id } } }",
        "{ one { ... on Int { id } } }",
        "{ one { ... on Nothing { id } } }",
        "{ one { id } } { one { id } }",
        "query A { one { id } } query A { one { id } }",
        "query($a: Int) { one { id } }",
        "query($a: Int, $a: Int) { list(first: $a) { __typename } }",
        "query($a: Item) { list(first: $a) { __typename } }",
        "query($a: Int = \"x\") { list(first: $a) { __typename } }",
        "query($a: Int!) { list(first: $b) { __typename } }",
        "query($a: String) { list(first: $a) { __typename } }",
        "query($a: Boolean) { one @include(if: $a) { id } }",
        "{ one @skip { id } }",
        "{ one @skip(if: true) @skip(if: true) { id } }",
        "{ one @defer { id } }",
        "query @skip(if: true) { one { id } }",
        "{ x: one { id } x: any { id } }",
        "{ list(first: 1) { __typename } ...F } fragment F on Query { list(first: 2) { __typename } }",
        "{ one { x: id ...F } } fragment F on Item { x: __typename }",
        "mutation { one }",
        "type A { b: Int }",
        "\u{feff}\u{0}",
    ] {
        let Err(Rejection::Invalid(problems)) = compile(text) else { panic!("{text} is valid") };
        for Problem { message, at, .. } in problems {
            assert!(!message.contains('\n') && message.len() < 400, "{text}: {message}");
            assert!(at.is_some(), "{text}: {message} has no place");
        }
    }
}

/// A page of a list, and the same page composed of fragments.
const PAGES: [(&str, &str); 2] = [
    (
        "a page",
        "query($n: Int!) { list(first: $n) { nodes { id list(first: 1) { nodes { id } } } } one { id } any { id } }",
    ),
    (
        "a page of fragments",
        "query($n: Int!, $all: Boolean = false) { list(first: $n) { nodes { ...Row ...First } } one { ...Row } any { ...Key } }
         fragment Row on Item { id ...Key ...First list(first: 1) { ... on List @include(if: $all) { __typename } } }
         fragment First on Item { id list(first: 1) { nodes { ...Key } } }
         fragment Key on Node { id @include(if: $all) ... on Item { id } ... on Other { id } }",
    ),
];

#[test]
#[ignore = "a measurement: cargo test --release -p graphql-guard -- --ignored --nocapture"]
fn compilation_time_of_new_and_cached_documents() {
    const TIMES: u32 = 2_000;
    let guard = guard();
    let variables = Variables::from_json(serde_json::json!({"n": 50}));
    let compile = |text: &str| {
        let operation = guard.compile(text, None, &mut variables.clone()).expect("compiled");
        std::hint::black_box(operation);
    };
    for (name, text) in PAGES {
        let new: Vec<_> = (0..TIMES).map(|number| format!("{text} #{number}")).collect();
        let began = std::time::Instant::now();
        for text in &new {
            compile(text);
        }
        let first = began.elapsed() / TIMES;
        let began = std::time::Instant::now();
        for _ in 0..TIMES {
            compile(text);
        }
        println!("{name}: {first:.1?} when it is new, {:.1?} when it is known", began.elapsed() / TIMES);
    }
}
