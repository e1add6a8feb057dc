//! The schema from the client's point of view, for tests that cover all of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::TestServer;

const INTROSPECTION: &str = "{ __schema { types { name kind possibleTypes { name } \
    fields { name type { ...named } args { name defaultValue type { kind ...named } } } \
    inputFields { name type { ...named } } } } } \
    fragment named on __Type { name ofType { name ofType { name ofType { name } } } }";

/// The types of the schema.
pub(crate) struct Schema(Vec<Type>);

/// An object, an interface or an input object.
pub(crate) struct Type {
    pub(crate) name: String,
    pub(crate) is_object: bool,
    /// Types that implement it, if it is an interface.
    pub(crate) possible: Vec<String>,
    pub(crate) fields: Vec<Field>,
    inputs: Vec<Input>,
}

/// A field of an object.
pub(crate) struct Field {
    pub(crate) name: String,
    /// Name of its type, without list and non-null wrappers.
    pub(crate) type_name: String,
    pub(crate) needs_arguments: bool,
    arguments: Vec<Input>,
}

/// An argument, or a field of an input object.
struct Input {
    name: String,
    type_name: String,
}

impl Schema {
    /// Reads the schema by introspection.
    pub(crate) async fn of(server: &TestServer) -> Self {
        let answer = server.query_as(&server.key, INTROSPECTION, json!({})).await;
        assert!(answer["errors"].is_null(), "{answer}");
        let types = list(&answer["data"]["__schema"]["types"]).map(Type::read);
        Self(types.filter(|found| !found.name.starts_with("__")).collect())
    }

    pub(crate) fn types(&self) -> &[Type] {
        &self.0
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Type> {
        self.0.iter().find(|found| found.name == name)
    }

    /// Returns every place in which a client names an object or passes a text, as `Type.field(argument)` or
    /// `Type.field(argument.inner)`.
    pub(crate) fn places(&self) -> BTreeSet<String> {
        let objects = self.0.iter().filter(|found| found.is_object);
        let fields = objects.flat_map(|object| object.fields.iter().map(move |field| (object, field)));
        let places = fields.flat_map(|(object, field)| {
            let of_argument = |argument: &Input| {
                let path = format!("{}.{}({}", object.name, field.name, argument.name);
                self.scalars(argument, &path)
            };
            field.arguments.iter().flat_map(of_argument).collect::<Vec<_>>()
        });
        places.collect()
    }

    fn scalars(&self, input: &Input, path: &str) -> Vec<String> {
        match self.find(&input.type_name).filter(|found| !found.inputs.is_empty()) {
            Some(object) => {
                let inner = object.inputs.iter();
                inner.flat_map(|inner| self.scalars(inner, &format!("{path}.{}", inner.name))).collect()
            }
            None if ["ID", "JID", "String"].contains(&&*input.type_name) => {
                vec![format!("{path})")]
            }
            None => vec![],
        }
    }
}

impl Type {
    fn read(found: &Value) -> Self {
        Self {
            name: text(&found["name"]),
            is_object: found["kind"] == "OBJECT",
            possible: list(&found["possibleTypes"]).map(|possible| text(&possible["name"])).collect(),
            fields: list(&found["fields"]).map(Field::read).collect(),
            inputs: list(&found["inputFields"]).map(Input::read).collect(),
        }
    }
}

impl Field {
    fn read(found: &Value) -> Self {
        let needed = |argument: &Value| argument["type"]["kind"] == "NON_NULL" && argument["defaultValue"].is_null();
        Self {
            name: text(&found["name"]),
            type_name: named(&found["type"]),
            needs_arguments: list(&found["args"]).any(needed),
            arguments: list(&found["args"]).map(Input::read).collect(),
        }
    }
}

impl Input {
    fn read(found: &Value) -> Self {
        Self { name: text(&found["name"]), type_name: named(&found["type"]) }
    }
}

fn named(mut found: &Value) -> String {
    while found["name"].is_null() {
        found = &found["ofType"];
        assert!(!found.is_null(), "a type without a name");
    }
    text(&found["name"])
}

fn list(found: &Value) -> impl Iterator<Item = &Value> {
    found.as_array().into_iter().flatten()
}

fn text(found: &Value) -> String {
    found.as_str().expect("text").to_owned()
}
