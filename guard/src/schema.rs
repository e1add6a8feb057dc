//! The fields of a schema, as far as a document's cost and an answer's shape depend on them.

use std::collections::HashMap;

use async_graphql_parser::parse_schema;
use async_graphql_parser::types::BaseType;
use async_graphql_parser::types::FieldDefinition;
use async_graphql_parser::types::Type;
use async_graphql_parser::types::TypeKind;
use async_graphql_parser::types::TypeSystemDefinition;

/// The fields of all objects and interfaces of a schema.
#[derive(Debug)]
pub struct Schema(HashMap<String, HashMap<String, Field>>);

/// A field.
#[derive(Debug)]
pub struct Field {
    /// What it answers.
    pub answer_type: Type,
    /// Whether it is a list of which a page is asked for, by `first` or `last`.
    pub(crate) paged: bool,
    /// The argument that is a list, where it answers something for each item.
    pub(crate) for_each: Option<String>,
}

impl Schema {
    /// Reads a schema's definition.
    ///
    /// # Errors
    /// When it is none.
    pub fn of(sdl: &str) -> Result<Self, async_graphql_parser::Error> {
        let definitions = parse_schema(sdl)?.definitions.into_iter();
        let types = definitions.filter_map(|definition| {
            let TypeSystemDefinition::Type(definition) = definition else { return None };
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Scalar | TypeKind::Union(_) | TypeKind::Enum(_) | TypeKind::InputObject(_) => return None,
            };
            let fields = fields.into_iter().map(|field| (field.node.name.node.to_string(), Field::of(field.node)));
            Some((definition.node.name.node.to_string(), fields.collect()))
        });
        Ok(Self(types.collect()))
    }

    /// The field of a type, both by name.
    #[must_use]
    pub fn field(&self, of_type: &str, name: &str) -> Option<&Field> {
        self.0.get(of_type)?.get(name)
    }
}

impl Field {
    fn of(definition: FieldDefinition) -> Self {
        let argument = |name: &str| definition.arguments.iter().any(|argument| argument.node.name.node == name);
        let is_list = |of: &Type| matches!(of.base, BaseType::List(_));
        let list = definition.arguments.iter().find(|argument| is_list(&argument.node.ty.node));
        let list = list.filter(|_| is_list(&definition.ty.node));
        let for_each = list.map(|argument| argument.node.name.node.to_string());
        Self { paged: argument("first") || argument("last"), for_each, answer_type: definition.ty.node }
    }

    /// The name of its type, without lists and nulls.
    #[must_use]
    pub fn type_name(&self) -> &str {
        let mut answer_type = &self.answer_type;
        loop {
            match &answer_type.base {
                BaseType::Named(name) => return name.as_str(),
                BaseType::List(item) => answer_type = item,
            }
        }
    }
}
