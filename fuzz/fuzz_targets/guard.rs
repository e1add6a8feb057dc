//! Reads any text as a document. The guard must not panic or overflow the stack, and what it lets through must keep the
//! limits when it is counted the slow way, fragment by fragment.
#![no_main]

use std::sync::Arc;
use std::sync::LazyLock;

use async_graphql_parser::types::ExecutableDocument;
use async_graphql_parser::types::Selection;
use async_graphql_parser::types::SelectionSet;
use async_graphql_value::Variables;
use chatgraph_guard::Guard;
use chatgraph_guard::Limits;
use chatgraph_guard::Schema;
use libfuzzer_sys::fuzz_target;

/// Small, so that a small text can pass them.
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

const SDL: &str = "type Query { a: Query b(first: Int, last: Int): Query c(ids: [ID!]!): [Query] d: Int }";

static GUARD: LazyLock<Guard> = LazyLock::new(|| {
    let schema = Schema::of(SDL).expect("a schema");
    Guard::new(Arc::new(schema), LIMITS)
});

fuzz_target!(|text: &str| {
    let Ok(read) = GUARD.read(text, None, &Variables::default()) else { return };
    let mut left = LIMITS.selections;
    for (_, operation) in read.document.operations.iter() {
        expand(&read.document, &operation.node.selection_set.node, 0, &mut left);
    }
});

/// Walks all fields, those of fragments wherever they are spread.
fn expand(document: &ExecutableDocument, set: &SelectionSet, depth: u32, left: &mut u32) {
    for item in &set.items {
        *left = left.checked_sub(1).expect("more selections than the guard allows");
        match &item.node {
            Selection::Field(field) => {
                assert!(depth < LIMITS.depth, "deeper than the guard allows");
                expand(document, &field.node.selection_set.node, depth + 1, left);
            }
            Selection::InlineFragment(fragment) => {
                expand(document, &fragment.node.selection_set.node, depth, left);
            }
            Selection::FragmentSpread(spread) => {
                let fragment = document.fragments.get(&spread.node.fragment_name.node);
                if let Some(fragment) = fragment {
                    expand(document, &fragment.node.selection_set.node, depth, left);
                }
            }
        }
    }
}
