//! Compiles any text as a document. The guard must not panic or overflow the stack. Accepted documents must stay within
//! the limits and have each response key of an object once, without fragments on objects.
#![no_main]

use std::{collections::HashSet, sync::{Arc, LazyLock}};

use async_graphql_parser::types::{DocumentOperations, Selection, SelectionSet};
use async_graphql_value::{ConstValue, Name, Variables};
use graphql_guard::{Fields, Guard, Limits, Object, Schema, TYPE_KEY};
use libfuzzer_sys::fuzz_target;

/// Limits low enough for a small text to reach them.
const LIMITS: Limits = Limits {
    bytes: 4_096,
    tokens: 1_000,
    nesting: 48,
    depth: 6,
    selections: 30,
    aliases: 5,
    directives: 5,
    roots: 10,
    cost: 500,
    default_page: 50,
    longest_page: 200,
};

const SDL: &str = "type Query { a: Query b(first: Int, last: Int): Query c(ids: [ID!]!): [Query] d(e: I): Int n: N }
                   type Subscription { a: Query! } interface N { x: Int } type A implements N { x: Int n: N }
                   type B implements N { x: Int y: B } input I { f: Boolean = true g: [I!] }";

static GUARD: LazyLock<Guard> = LazyLock::new(|| {
    let schema = Schema::parse(SDL, &[]).expect("a schema");
    Guard::new(Arc::new(schema), LIMITS)
});

fuzz_target!(|text: &str| {
    let given = [("a", ConstValue::Boolean(true)), ("b", 7.into()), ("c", ConstValue::Null)];
    let given = given.into_iter().map(|(name, value)| (Name::new(name), value)).collect();
    for variables in [ConstValue::Null, ConstValue::Object(given)] {
        let Ok(operation) = GUARD.compile(text, None, &mut Variables::from_value(variables)) else { continue };
        assert!(operation.cost <= LIMITS.cost);
        assert!(operation.document.fragments.is_empty());
        let DocumentOperations::Single(definition) = &operation.document.operations else { panic!("one operation") };
        of_object(&definition.node.selection_set.node, operation.shape().fields(), 0);
    }
});

/// Asserts that `set` selects exactly these fields, each once.
fn of_object(set: &SelectionSet, fields: &Fields, depth: u32) {
    let mut keys = HashSet::new();
    let mut described = fields.0.iter();
    for item in &set.items {
        let Selection::Field(field) = &item.node else { panic!("a fragment on an object") };
        let key = field.node.response_key().node.as_str();
        assert!(keys.insert(key), "one key twice");
        assert!(depth < LIMITS.depth, "deeper than the guard allows");
        if key == TYPE_KEY {
            continue;
        }
        let field_of = described.next().expect("a field that was not described");
        assert_eq!(field_of.key, key);
        let below = &field.node.selection_set.node;
        match &field_of.object {
            None => assert!(below.items.is_empty()),
            Some(Object::One(fields)) => of_object(below, fields, depth + 1),
            Some(Object::ByType(types)) => {
                assert_eq!(types.len(), below.items.len());
                for (item, (_, fields)) in below.items.iter().zip(types) {
                    let Selection::InlineFragment(fragment) = &item.node else { panic!("no fragment on an interface") };
                    of_object(&fragment.node.selection_set.node, fields, depth + 1);
                }
            }
        }
    }
    assert!(!keys.is_empty() && described.next().is_none());
}
