//! The schema for validation, with information that its definition lacks: the values that custom scalars accept, and
//! the lists that are read in pages.

use std::collections::HashMap;

use apollo_compiler::{
    Name,
    ast::{FieldDefinition, Type},
    schema::{self, ExtendedType, SchemaBuilder},
    validation::Valid,
};
use async_graphql_value::ConstValue;

/// Returns whether a scalar accepts a value.
pub type ScalarCheck = fn(&ConstValue) -> bool;

/// An introspection field of the engine that the validator's built-in types lack.
const ONE_OF: &str = "extend type __Type { isOneOf: Boolean }";

/// A schema.
#[derive(Debug)]
pub struct Schema {
    pub(crate) definitions: Valid<schema::Schema>,
    /// The object types of each interface and union.
    possible: HashMap<Name, Vec<Name>>,
    scalars: HashMap<&'static str, ScalarCheck>,
    weights: Weights,
}

/// The additional cost of mutations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weights {
    /// The weight of these mutations, by name.
    pub named: &'static [(&'static str, u64)],
    /// The weight of all other mutations.
    pub other: u64,
}

impl Schema {
    /// Parses a schema in SDL. A custom scalar without a check accepts every value.
    ///
    /// # Errors
    /// The reason why `sdl` is invalid.
    pub fn parse(sdl: &str, scalars: &[(&'static str, ScalarCheck)]) -> Result<Self, String> {
        let builder = SchemaBuilder::new().ignore_builtin_redefinitions();
        let built = builder.parse(sdl, "schema").parse(ONE_OF, "introspection").build();
        let definitions = built.and_then(schema::Schema::validate).map_err(|invalid| invalid.errors.to_string())?;
        let mut possible = HashMap::<Name, Vec<Name>>::new();
        for (name, definition) in &definitions.types {
            match definition {
                ExtendedType::Object(object) => {
                    for interface in &object.implements_interfaces {
                        possible.entry(interface.name.clone()).or_default().push(name.clone());
                    }
                }
                ExtendedType::Union(union) => {
                    let members = union.members.iter().map(|member| member.name.clone());
                    possible.entry(name.clone()).or_default().extend(members);
                }
                _ => {}
            }
        }
        Ok(Self { definitions, possible, scalars: scalars.iter().copied().collect(), weights: Weights::default() })
    }

    /// Sets the weights of mutations. Without weights, a mutation costs as much as its fields.
    #[must_use]
    pub fn with_weights(self, weights: Weights) -> Self {
        Self { weights, ..self }
    }

    /// The weight of a field of type `parent`; 0 unless it is a mutation.
    pub(crate) fn weight(&self, parent: &str, field: &str) -> u64 {
        if self.definitions.schema_definition.mutation.as_ref().is_none_or(|mutation| mutation.name != parent) {
            return 0;
        }
        let named = self.weights.named.iter().find(|(name, _)| *name == field);
        named.map_or(self.weights.other, |(_, weight)| *weight)
    }

    /// The object types of an interface or a union; `None` for any other type.
    pub(crate) fn possible(&self, abstract_type: &str) -> Option<&[Name]> {
        match self.definitions.types.get(abstract_type)? {
            ExtendedType::Interface(_) | ExtendedType::Union(_) => {
                Some(self.possible.get(abstract_type).map_or(&[], Vec::as_slice))
            }
            _ => None,
        }
    }

    /// Returns whether objects of type `object` match the type condition `condition`.
    pub(crate) fn applies(&self, condition: &str, object: &str) -> bool {
        condition == object || self.definitions.is_subtype(condition, object)
    }

    /// Returns whether a custom scalar accepts a value.
    pub(crate) fn takes(&self, scalar: &str, value: &ConstValue) -> bool {
        self.scalars.get(scalar).is_none_or(|check| check(value))
    }
}

/// Returns whether a field is a paged list, with `first` or `last`.
pub(crate) fn is_paged(field: &FieldDefinition) -> bool {
    field.argument_by_name("first").is_some() || field.argument_by_name("last").is_some()
}

/// The argument that is a list, for a field that returns one item for each of its items.
pub(crate) fn for_each(field: &FieldDefinition) -> Option<&Name> {
    let list = field.arguments.iter().find(|argument| argument.ty.is_list())?;
    matches!(field.ty, Type::List(_) | Type::NonNullList(_)).then_some(&list.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_objects_of_interfaces_and_unions_are_known() {
        let sdl = "type Query { a: I b: U } interface I { c: Int } type A implements I { c: Int } type B { d: Int }
                   union U = A | B";
        let schema = Schema::parse(sdl, &[]).expect("a schema");
        assert_eq!(schema.possible("I"), Some(&[apollo_compiler::name!("A")][..]));
        assert_eq!(schema.possible("U").map(<[Name]>::len), Some(2));
        assert_eq!((schema.possible("A"), schema.possible("Int"), schema.possible("X")), (None, None, None));
        assert!(schema.applies("I", "A") && schema.applies("U", "B") && schema.applies("A", "A"));
        assert!(!schema.applies("I", "B") && !schema.applies("B", "A"));
    }

    #[test]
    fn a_text_that_is_no_schema_is_an_error() {
        assert!(Schema::parse("type Query { a: Missing }", &[]).is_err());
        assert!(Schema::parse("type", &[]).is_err());
    }
}
