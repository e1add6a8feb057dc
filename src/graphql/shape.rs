//! What an answer has to look like. The engine leaves a field that failed out of the answer; the specification puts null
//! in its place or, where the field is not nullable, in the place of the nearest nullable one around it, up to all of
//! `data`. And the engine writes fields in the order in which they were ready; the specification wants that of the
//! document.

use std::collections::HashMap;
use std::collections::HashSet;

use async_graphql::Name;
use async_graphql::PathSegment;
use async_graphql::Positioned;
use async_graphql::Response;
use async_graphql::Value;
use async_graphql::Variables;
use async_graphql::parser::types::BaseType;
use async_graphql::parser::types::Directive;
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::parser::types::OperationDefinition;
use async_graphql::parser::types::Selection;
use async_graphql::parser::types::SelectionSet;
use async_graphql::parser::types::Type;
use async_graphql_value::Value as Argument;
use chatgraph_guard::Schema;
use chatgraph_guard::chosen;
use chatgraph_guard::root;

/// The shape of one operation's answers.
#[derive(Debug, Default)]
pub(super) struct Shape(Object);

/// The fields of an object, in the order of the document.
#[derive(Debug, Default)]
struct Object {
    places: HashMap<Name, usize>,
    fields: Vec<Field>,
}

/// A field: what it answers, and what stands below it. The type of the introspection's fields is not known.
#[derive(Debug)]
struct Field {
    answer_type: Option<Type>,
    object: Object,
}

impl Shape {
    /// The shape of what the operation with this name answers; of nothing when there is no such operation.
    pub(super) fn of(
        document: &ExecutableDocument,
        operation: Option<&str>,
        variables: &Variables,
        schema: &Schema,
    ) -> Self {
        let Some(operation) = chosen(document, operation) else { return Self::default() };
        let operation = &operation.node;
        let left_out = left_out(operation, variables);
        let selections = [(root(operation.ty), &operation.selection_set.node)];
        Self(Drawing { document, schema, left_out }.object(&selections))
    }

    /// How many fields the operation itself has.
    pub(super) fn fields(&self) -> usize {
        self.0.fields.len()
    }

    /// Brings an answer into this shape.
    pub(super) fn complete(&self, response: &mut Response) {
        for error in &response.errors {
            let Some(nullable) = self.0.nullability(&error.path) else { continue };
            match nullable.iter().rposition(|nullable| *nullable) {
                Some(last) => set_null(&mut response.data, &error.path[..=last]),
                None if error.path.is_empty() => {}
                None => response.data = Value::Null,
            }
        }
        self.0.arrange(&mut response.data);
    }
}

impl Object {
    fn field(&self, key: &str) -> Option<&Field> {
        self.places.get(key).map(|place| &self.fields[*place])
    }

    /// For every segment of `path`, whether null may stand there.
    fn nullability(&self, path: &[PathSegment]) -> Option<Vec<bool>> {
        let (mut object, mut reached): (&Self, Option<&Type>) = (self, None);
        let mut nullable = Vec::with_capacity(path.len());
        for segment in path {
            let of_segment = match segment {
                PathSegment::Index(_) => match &reached?.base {
                    BaseType::List(item) => &**item,
                    BaseType::Named(_) => return None,
                },
                PathSegment::Field(key) => {
                    let field = object.field(key)?;
                    object = &field.object;
                    field.answer_type.as_ref()?
                }
            };
            nullable.push(of_segment.nullable);
            reached = Some(of_segment);
        }
        Some(nullable)
    }

    /// Puts the fields of all objects of this shape that `value` holds in order.
    fn arrange(&self, value: &mut Value) {
        match value {
            Value::List(items) => items.iter_mut().for_each(|item| self.arrange(item)),
            Value::Object(fields) => {
                let place = |key: &Name| self.places.get(key).copied().unwrap_or(usize::MAX);
                if !fields.keys().map(place).is_sorted() {
                    fields.sort_by_cached_key(|key, _| place(key));
                }
                for (key, value) in fields {
                    if let Some(field) = self.field(key).filter(|field| !field.object.fields.is_empty()) {
                        field.object.arrange(value);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The variables that say that what they stand at is left out, by the directive's name.
type LeftOut<'a> = HashSet<(&'static str, &'a str)>;

fn left_out<'a>(operation: &'a OperationDefinition, variables: &'a Variables) -> LeftOut<'a> {
    let definitions = operation.variable_definitions.iter();
    let values = definitions.filter_map(|definition| {
        let definition = &definition.node;
        let default = || definition.default_value.as_ref().map(|value| &value.node);
        match variables.get(&definition.name.node).or_else(default)? {
            Value::Boolean(true) => Some(("skip", definition.name.node.as_str())),
            Value::Boolean(false) => Some(("include", definition.name.node.as_str())),
            _ => None,
        }
    });
    values.collect()
}

/// Draws a shape.
struct Drawing<'a> {
    document: &'a ExecutableDocument,
    schema: &'a Schema,
    left_out: LeftOut<'a>,
}

/// A selection with the type it is of.
type Selected<'a> = (&'a str, &'a SelectionSet);

/// What answers under one key: a field, and the selections below it, wherever they stand.
struct Answering<'a> {
    answer_type: Option<&'a Type>,
    below: Vec<Selected<'a>>,
}

impl<'a> Drawing<'a> {
    fn object(&self, selections: &[Selected<'a>]) -> Object {
        let (mut places, mut found) = (HashMap::new(), Vec::new());
        for (parent, selection) in selections {
            self.collect(parent, selection, &mut places, &mut found);
        }
        let fields = found.into_iter().map(|answering| Field {
            answer_type: answering.answer_type.cloned(),
            object: self.object(&answering.below),
        });
        Object { places, fields: fields.collect() }
    }

    fn collect(
        &self,
        parent: &'a str,
        selection: &'a SelectionSet,
        places: &mut HashMap<Name, usize>,
        found: &mut Vec<Answering<'a>>,
    ) {
        for item in selection.items.iter().filter(|item| !self.is_left_out(item.node.directives())) {
            match &item.node {
                Selection::Field(field) => {
                    let (field, key) = (&field.node, &field.node.response_key().node);
                    let known = self.schema.field(parent, field.name.node.as_str());
                    let place = *places.entry(key.clone()).or_insert_with(|| {
                        found.push(Answering { answer_type: known.map(|known| &known.answer_type), below: vec![] });
                        found.len() - 1
                    });
                    let type_name = known.map_or("", |known| known.type_name());
                    if !field.selection_set.node.items.is_empty() {
                        found[place].below.push((type_name, &field.selection_set.node));
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    self.collect(parent, &fragment.node.selection_set.node, places, found);
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) else { continue };
                    let parent = fragment.node.type_condition.node.on.node.as_str();
                    self.collect(parent, &fragment.node.selection_set.node, places, found);
                }
            }
        }
    }

    fn is_left_out(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().any(|directive| {
            let name = directive.node.name.node.as_str();
            match directive.node.get_argument("if").map(|value| &value.node) {
                Some(Argument::Boolean(condition)) => {
                    (name, *condition) == ("skip", true) || (name, *condition) == ("include", false)
                }
                Some(Argument::Variable(variable)) => ["skip", "include"]
                    .into_iter()
                    .any(|known| name == known && self.left_out.contains(&(known, variable))),
                _ => false,
            }
        })
    }
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
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    const SDL: &str = "type Query { list: [Item!]! maybe: [Item] one: Item! } type Item { a: Int! b: Int c: Item }";

    fn shape(query: &str, variables: serde_json::Value) -> Shape {
        let document = parse_query(query).expect("a document");
        Shape::of(&document, None, &Variables::from_json(variables), &Schema::of(SDL).expect("a schema"))
    }

    fn complete(query: &str, data: serde_json::Value, path: &[&str]) -> serde_json::Value {
        let mut response = Response::new(Value::from_json(data).expect("a value"));
        let path = path.iter().map(|segment| match segment.parse() {
            Ok(index) => PathSegment::Index(index),
            Err(_) => PathSegment::Field((*segment).to_owned()),
        });
        response.errors.push(ServerError { path: path.collect(), ..ServerError::new("failed", None) });
        shape(query, json!({})).complete(&mut response);
        response.data.into_json().expect("JSON")
    }

    /// An answer as text, in the order that it is written in.
    fn arranged(query: &str, variables: serde_json::Value, data: &str) -> String {
        let mut response = Response::new(serde_json::from_str::<Value>(data).expect("a value"));
        shape(query, variables).complete(&mut response);
        response.data.to_string().replace(' ', "")
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

    #[test]
    fn fields_come_in_the_order_of_the_document() {
        let query = "{ one { b ...F x: a } maybe { a b } } fragment F on Item { c { b a } a }";
        let data = r#"{"maybe": [{"b": 1, "a": 2}, null, {"a": 3, "b": 4}],
                       "one": {"x": 1, "a": 1, "c": {"a": 5, "b": 6}, "b": 2}}"#;
        let arranged = arranged(query, json!({}), data);
        assert_eq!(arranged, "{one:{b:2,c:{b:6,a:5},a:1,x:1},maybe:[{a:2,b:1},null,{a:3,b:4}]}");
    }

    #[test]
    fn a_field_has_its_first_place_and_all_that_is_selected_below() {
        let arranged =
            arranged("{ one { c { b } a c { a b } } }", json!({}), r#"{"one": {"a": 1, "c": {"a": 2, "b": 3}}}"#);
        assert_eq!(arranged, "{one:{c:{b:3,a:2},a:1}}");
    }

    #[test]
    fn a_place_that_was_left_out_is_none() {
        let query =
            "query($y: Boolean!, $n: Boolean = false) { one { a @skip(if: $y) ... @include(if: $n) { a } b a } }";
        assert_eq!(arranged(query, json!({"y": true}), r#"{"one": {"a": 1, "b": 2}}"#), "{one:{b:2,a:1}}");
        assert_eq!(arranged(query, json!({"y": false}), r#"{"one": {"b": 2, "a": 1}}"#), "{one:{a:1,b:2}}");
        let query = "{ one { a @include(if: false) b @skip(if: false) a } }";
        assert_eq!(arranged(query, json!({}), r#"{"one": {"a": 1, "b": 2}}"#), "{one:{b:2,a:1}}");
    }

    #[test]
    fn a_null_that_was_put_in_stands_in_its_place() {
        let mut response = Response::new(serde_json::from_str::<Value>(r#"{"one": {"a": 1}}"#).expect("a value"));
        let path = ["one", "b"].map(|key| PathSegment::Field(key.to_owned())).to_vec();
        response.errors.push(ServerError { path, ..ServerError::new("failed", None) });
        shape("{ one { b a } }", json!({})).complete(&mut response);
        assert_eq!(response.data.to_string(), "{one: {b: null, a: 1}}");
    }
}
