//! What the tests share, and what all parts do together.

use super::*;

pub(crate) const LIMITS: Limits = Limits::DEFAULT;

const SDL: &str = "type Query { one: Item! list(first: Int, last: Int): List! each(ids: [ID!]!): [Item]! }
                   type List { nodes: [Item!]! } type Item { id: ID! list(first: Int, last: Int): List! }";

pub(crate) fn guard() -> Guard {
    Guard::new(Arc::new(Schema::of(SDL).expect("a schema")), LIMITS)
}

fn read(text: &str) -> Result<Read, Refusal> {
    guard().read(text, None, &Variables::default())
}

#[test]
fn a_document_of_brackets_is_refused_before_it_is_parsed() {
    for text in [
        format!("{{ a(b: {})", "[".repeat(5_000)),
        // The first block string ends at the third row of marks, and hides no bracket.
        format!(r#"{{ a(b: """\\""" """ c: {} d: """ """)"#, "[".repeat(5_000)),
        format!("{{ a }} #{}", "x".repeat(LIMITS.bytes)),
    ] {
        assert!(matches!(read(&text), Err(Refusal::Limit(_))));
    }
}

#[test]
fn a_document_that_was_refused_is_not_remembered() {
    let guard = guard();
    for _ in 0..2 {
        assert!(guard.read("{ one { id } } fragment F on Item { id }", None, &Variables::default()).is_err());
    }
    assert!(guard.known.find(&Digest::of("{ one { id } } fragment F on Item { id }")).is_none());
}

#[test]
fn a_document_is_parsed_once() {
    let guard = guard();
    let read = || guard.read("{ one { id } }", None, &Variables::default()).expect("read").document;
    assert!(Arc::ptr_eq(&read(), &read()));
}

#[test]
fn the_operation_is_the_one_that_is_named() {
    let operation = |name| guard().read("query A { one { id } } subscription B { b }", name, &Variables::default());
    assert_eq!(operation(Some("A")).map(|read| read.operation), Ok(Some(OperationType::Query)));
    assert_eq!(operation(Some("B")).map(|read| read.operation), Ok(Some(OperationType::Subscription)));
    assert_eq!(operation(None).map(|read| read.operation), Ok(None));
}
