//! The weights of mutations.

use async_graphql::parser::types::TypeKind;

use super::support::definitions;
use crate::graphql::weight::WEIGHTS;

#[test]
fn every_weight_is_of_a_mutation_of_the_schema() {
    let definitions = definitions();
    let mutation = definitions.iter().find(|definition| definition.name.node == "Mutation").expect("mutations");
    let TypeKind::Object(mutation) = &mutation.kind else { panic!("Mutation is an object") };
    for (name, _) in WEIGHTS.named {
        assert!(mutation.fields.iter().any(|field| field.node.name.node == *name), "{name} is not a mutation");
    }
}
