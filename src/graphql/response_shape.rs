//! Completes the engine's responses as the specification requires. The engine omits a field that failed. The
//! specification sets it to null or, if it is non-null, the nearest nullable field above it, up to all of `data`. The
//! engine writes fields in the order in which they were resolved; the specification requires the order of the document.
//! This module also removes the type names that the guard has added to objects.

use async_graphql::{Name, PathSegment, Response, Value, indexmap::IndexMap, parser::types::BaseType};
use graphql_guard::{Fields, Object, TYPE_KEY};

/// Completes a response to an operation with these fields.
pub(super) fn apply(fields: &Fields, response: &mut Response) {
    let errors = response.errors.iter().filter(|error| !error.path.is_empty());
    let nulls = errors.filter_map(|error| Some(&error.path[..nullable(fields, &response.data, &error.path)?]));
    let mut nulls: Vec<_> = nulls.collect();
    nulls.sort_by_key(|path| path.len());
    for (index, path) in nulls.iter().enumerate() {
        // Everything below a null is already removed.
        if !nulls[..index].iter().any(|above| path.starts_with(above)) {
            set_null(&mut response.data, path);
        }
    }
    if let Value::Object(data) = &mut response.data {
        data.swap_remove(TYPE_KEY);
        sort_object_fields(fields, data);
    }
}

/// The length of the prefix of `path` that becomes null because of a failure at `path`; 0 for all of `data`.
fn nullable(root: &Fields, data: &Value, path: &[PathSegment]) -> Option<usize> {
    let (mut value, mut object, mut returned) = (Some(data), None::<&Object>, None::<&BaseType>);
    let mut last = 0;
    for (index, segment) in path.iter().enumerate() {
        let here = match segment {
            PathSegment::Index(item) => {
                value = value.and_then(|value| match value {
                    Value::List(items) => items.get(*item),
                    _ => None,
                });
                let BaseType::List(item) = returned? else { return None };
                &**item
            }
            PathSegment::Field(key) => {
                let fields = match object {
                    None if index == 0 => root,
                    _ => object?.fields(value.and_then(type_of))?,
                };
                let field = fields.get(key)?;
                value = value.and_then(|value| match value {
                    Value::Object(fields) => fields.get(key.as_str()),
                    _ => None,
                });
                object = field.object.as_ref();
                &field.answer_type
            }
        };
        if here.nullable {
            last = index + 1;
        }
        returned = Some(&here.base);
    }
    Some(last)
}

/// The type name that the object contains.
fn type_of(value: &Value) -> Option<&str> {
    let Value::Object(fields) = value else { return None };
    match fields.get(TYPE_KEY)? {
        Value::String(name) => Some(name),
        _ => None,
    }
}

/// Sets the value at `path` to null.
fn set_null(data: &mut Value, path: &[PathSegment]) {
    let Some((last, parents)) = path.split_last() else {
        *data = Value::Null;
        return;
    };
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
        // Every field of the object failed, so the engine omitted all of them.
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

/// Orders the fields of all objects in `value`.
fn sort_fields(object: &Object, value: &mut Value) {
    match value {
        Value::List(items) => items.iter_mut().for_each(|item| sort_fields(object, item)),
        Value::Object(fields) => {
            let of_type = fields.swap_remove(TYPE_KEY);
            let of_type = of_type.as_ref().and_then(|name| match name {
                Value::String(name) => Some(name.as_str()),
                _ => None,
            });
            if let Some(of_object) = object.fields(of_type) {
                sort_object_fields(of_object, fields);
            }
        }
        _ => {}
    }
}

fn sort_object_fields(fields: &Fields, values: &mut IndexMap<Name, Value>) {
    let is_arranged = fields.0.len() == values.len() && fields.0.iter().map(|field| &field.key).eq(values.keys());
    if !is_arranged {
        let mut unordered = std::mem::take(values);
        let in_order = fields.0.iter().filter_map(|field| unordered.swap_remove_entry(&field.key));
        *values = in_order.collect();
    }
    for field in &fields.0 {
        if let Some((object, value)) = field.object.as_ref().zip(values.get_mut(&field.key)) {
            sort_fields(object, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_graphql::{ServerError, Variables};
    use graphql_guard::{Guard, Limits, Schema};
    use serde_json::json;

    use super::*;

    const SDL: &str = "type Query { list: [Item!]! maybe: [Item] one: Item! any: [Node] }
                       interface Node { a: Int! } type Other implements Node { a: Int! z: Int }
                       type Item implements Node { a: Int! b: Int c: Item }";

    /// The completed response as text, after these fields failed.
    fn completed(query: &str, data: &str, failed: &[&[&str]]) -> String {
        let guard = Guard::new(Arc::new(Schema::parse(SDL, &[]).expect("a schema")), Limits::DEFAULT);
        let operation = guard.compile(query, None, &mut Variables::default()).expect("compiled");
        let mut response = Response::new(serde_json::from_str::<Value>(data).expect("a value"));
        for path in failed {
            let path = path.iter().map(|segment| match segment.parse() {
                Ok(index) => PathSegment::Index(index),
                Err(_) => PathSegment::Field((*segment).to_owned()),
            });
            response.errors.push(ServerError { path: path.collect(), ..ServerError::new("failed", None) });
        }
        apply(operation.shape().fields(), &mut response);
        response.data.to_string().replace(' ', "")
    }

    fn complete_one(query: &str, data: &serde_json::Value, path: &[&str]) -> String {
        completed(query, &data.to_string(), &[path])
    }

    #[test]
    fn a_nullable_field_that_failed_is_null() {
        assert_eq!(complete_one("{ one { a x: b } }", &json!({"one": {"a": 1}}), &["one", "x"]), "{one:{a:1,x:null}}");
        assert_eq!(completed("{ one { b a } }", r#"{"one": {"a": 1}}"#, &[&["one", "b"]]), "{one:{b:null,a:1}}");
    }

    #[test]
    fn an_object_whose_only_fields_failed_is_still_there() {
        assert_eq!(complete_one("{ one { b } }", &json!({"one": null}), &["one", "b"]), "{one:{b:null}}");
        let deep =
            complete_one("{ one { c { c { b } } } }", &json!({"one": {"c": {"c": null}}}), &["one", "c", "c", "b"]);
        assert_eq!(deep, "{one:{c:{c:{b:null}}}}");
        let both = completed("{ one { x: b y: b } }", r#"{"one": null}"#, &[&["one", "y"], &["one", "x"]]);
        assert_eq!(both, "{one:{x:null,y:null}}");
    }

    #[test]
    fn null_in_a_non_null_field_reaches_the_nearest_nullable_one() {
        let data = complete_one("{ one { c { a b } } }", &json!({"one": {"c": {"b": 1}}}), &["one", "c", "a"]);
        assert_eq!(data, "{one:{c:null}}");
        let items = json!({"maybe": [{"a": 1, "b": 1}, {"b": 1}]});
        assert_eq!(complete_one("{ maybe { a b } }", &items, &["maybe", "1", "a"]), "{maybe:[{a:1,b:1},null]}");
    }

    #[test]
    fn fields_below_a_null_stay_absent() {
        for failed in [[&["maybe", "0", "a"][..], &["maybe", "0", "b"]], [&["maybe", "0", "b"], &["maybe", "0", "a"]]] {
            assert_eq!(completed("{ maybe { a b } }", r#"{"maybe": [null]}"#, &failed), "{maybe:[null]}");
        }
        let all = completed("{ list { a } maybe { b } }", r#"{"list": [null]}"#, &[&["maybe"], &["list", "0", "a"]]);
        assert_eq!(all, "null");
    }

    #[test]
    fn an_error_of_no_field_changes_nothing() {
        assert_eq!(complete_one("{ one { b } }", &json!({"one": {"b": 1}}), &[]), "{one:{b:1}}");
        assert_eq!(complete_one("{ one { b } }", &json!({"one": {"b": 1}}), &["two"]), "{one:{b:1}}");
    }

    #[test]
    fn fields_come_in_the_order_of_the_document() {
        let query = "{ one { b ...F x: a } maybe { a b } } fragment F on Item { c { b a } a }";
        let data = r#"{"maybe": [{"b": 1, "a": 2}, null, {"a": 3, "b": 4}],
                       "one": {"x": 1, "a": 1, "c": {"a": 5, "b": 6}, "b": 2}}"#;
        assert_eq!(completed(query, data, &[]), "{one:{b:2,c:{b:6,a:5},a:1,x:1},maybe:[{a:2,b:1},null,{a:3,b:4}]}");
    }

    #[test]
    fn an_object_of_which_nothing_is_selected_is_empty() {
        let query = "{ one { a @skip(if: true) } }";
        assert_eq!(completed(query, r##"{"one": {"#type": "Item"}}"##, &[]), "{one:{}}");
        assert_eq!(completed("{ one @skip(if: true) { a } }", r##"{"#type": "Query"}"##, &[]), "{}");
    }

    #[test]
    fn objects_of_several_types_have_each_their_fields() {
        let query = "{ any { ... on Other { z } a ... on Item { b } } }";
        let data = r##"{"any": [{"a": 1, "#type": "Other", "z": 2}, null, {"b": 3, "a": 4, "#type": "Item"},
                                {"a": 5, "#type": "Item"}, {"z": 6, "#type": "Other"}]}"##;
        let failed: [&[&str]; 2] = [&["any", "3", "b"], &["any", "4", "a"]];
        assert_eq!(completed(query, data, &failed), "{any:[{z:2,a:1},null,{a:4,b:3},{a:5,b:null},null]}");
    }
}
