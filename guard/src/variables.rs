//! Coerces the values of an operation's variables.

use apollo_compiler::{
    ExecutableDocument,
    ast::Type,
    executable::Operation,
    schema::{ExtendedType, InputObjectType},
};
use async_graphql_value::{ConstValue, Name, Number, Variables};

use crate::{
    arguments, literal,
    problem::{MAX_PROBLEMS, Problem, Rejection, pos},
    schema::Schema,
};

/// The largest integer that every JSON number represents exactly.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// Coerces the values to the types of the operation's variables, applies defaults, and drops values of undeclared
/// variables. A variable that is then missing was omitted: it is nullable and has no default.
///
/// # Errors
/// [`Rejection::Invalid`] if a required variable is missing or null, or a value does not have its variable's type.
pub(crate) fn coerce(
    document: &ExecutableDocument,
    operation: &Operation,
    variables: &mut Variables,
    schema: &Schema,
) -> Result<(), Rejection> {
    let mut given = std::mem::take(variables);
    let mut problems = Vec::new();
    for definition in &operation.variables {
        let (name, ty) = (definition.name.as_str(), &definition.ty);
        let mut report = |message: String, field: Option<&str>| {
            let at = pos(definition.location(), &document.sources);
            problems.push(Problem::new(message).at(at).field(field));
        };
        if let Some(mut value) = given.remove(name) {
            let mut path = Vec::new();
            match coerce_value(&mut value, ty, schema, &mut path) {
                Ok(()) => {
                    variables.insert(Name::new(name), value);
                }
                Err(reason) => {
                    let place = path.iter().fold(name.to_owned(), |place, segment| format!("{place}.{segment}"));
                    let field = path.iter().rev().find(|segment| segment.parse::<usize>().is_err());
                    let field = field.map(String::as_str).or_else(|| arguments::with_variable(document, name));
                    report(format!("Variable \"${name}\" got an invalid value at \"{place}\": {reason}"), field);
                }
            }
        } else if let Some(default) = definition.default_value.as_ref().and_then(|default| literal::constant(default)) {
            variables.insert(Name::new(name), default);
        } else if ty.is_non_null() {
            report(format!("Variable \"${name}\" of required type \"{ty}\" was not provided."), None);
        }
        if problems.len() >= MAX_PROBLEMS {
            break;
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Rejection::Invalid(problems)) }
}

/// Coerces one value. After an error, `path` is the path of the invalid value.
fn coerce_value(value: &mut ConstValue, ty: &Type, schema: &Schema, path: &mut Vec<String>) -> Result<(), String> {
    if matches!(value, ConstValue::Null) {
        return if ty.is_non_null() {
            Err(format!("expected non-nullable type \"{ty}\" not to be null."))
        } else {
            Ok(())
        };
    }
    if ty.is_list() {
        let ConstValue::List(items) = value else {
            coerce_value(value, ty.item_type(), schema, path)?;
            *value = ConstValue::List(vec![std::mem::take(value)]);
            return Ok(());
        };
        for (index, item) in items.iter_mut().enumerate() {
            path.push(index.to_string());
            coerce_value(item, ty.item_type(), schema, path)?;
            path.pop();
        }
        return Ok(());
    }
    let name = ty.inner_named_type();
    let is_taken = match schema.definitions.types.get(name) {
        Some(ExtendedType::InputObject(object)) => return coerce_object(value, object, schema, path),
        Some(ExtendedType::Enum(definition)) => {
            matches!(value, ConstValue::String(text) if definition.values.contains_key(text.as_str()))
        }
        Some(ExtendedType::Scalar(scalar)) if scalar.is_built_in() => is_built_in(value, name),
        _ => schema.takes(name, value),
    };
    if is_taken { Ok(()) } else { Err(format!("expected a value of type \"{name}\".")) }
}

fn is_built_in(value: &mut ConstValue, name: &str) -> bool {
    match (name, value) {
        ("Boolean", ConstValue::Boolean(_))
        | ("String" | "ID", ConstValue::String(_))
        | ("Float", ConstValue::Number(_)) => true,
        ("Int", ConstValue::Number(number)) => {
            as_integer(number);
            number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
        }
        ("ID", ConstValue::Number(number)) => {
            as_integer(number);
            !number.is_f64()
        }
        _ => false,
    }
}

/// Converts `2.0` to `2`: in JSON they are the same number.
fn as_integer(number: &mut Number) {
    let whole =
        number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() <= MAX_SAFE_INTEGER);
    if let Some(whole) = whole.and_then(|whole| format!("{whole:.0}").parse::<i64>().ok()) {
        *number = whole.into();
    }
}

fn coerce_object(
    value: &mut ConstValue,
    object: &InputObjectType,
    schema: &Schema,
    path: &mut Vec<String>,
) -> Result<(), String> {
    let ConstValue::Object(fields) = value else {
        return Err(format!("expected type \"{}\" to be an object.", object.name));
    };
    if let Some(unknown) = fields.keys().find(|key| !object.fields.contains_key(key.as_str())) {
        path.push(unknown.to_string());
        return Err(format!("the field is not defined by type \"{}\".", object.name));
    }
    for (name, definition) in &object.fields {
        path.push(name.to_string());
        match fields.get_mut(name.as_str()) {
            Some(field) => coerce_value(field, &definition.ty, schema, path)?,
            // The engine applies the defaults of input fields.
            None if definition.ty.is_non_null() && definition.default_value.is_none() => {
                return Err(format!("the field of required type \"{}\" was not provided.", definition.ty));
            }
            None => {}
        }
        path.pop();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tests::guard;

    /// The variables of the operation after coercion, or the message and the field of the first problem.
    fn coerced(text: &str, given: serde_json::Value) -> Result<serde_json::Value, (String, Option<String>)> {
        let mut variables = Variables::from_json(given);
        match guard().compile(text, None, &mut variables) {
            Ok(_) => Ok(serde_json::to_value(&variables).expect("JSON")),
            Err(Rejection::Invalid(problems)) => {
                let problem = problems.into_iter().next().expect("one");
                assert!(problem.at.is_some(), "{problem:?}");
                Err((problem.message, problem.field))
            }
            Err(limit) => panic!("{limit}"),
        }
    }

    #[test]
    fn a_required_variable_is_neither_missing_nor_null() {
        let text = "query($i: ID!) { each(ids: [$i]) { id } }";
        let (missing, field) = coerced(text, json!({})).expect_err("missing");
        assert!(missing.contains("\"$i\" of required type \"ID!\""), "{missing}");
        assert_eq!(field, None);
        let (null, field) = coerced(text, json!({"i": null})).expect_err("null");
        assert!(null.contains("not to be null"), "{null}");
        assert_eq!(field.as_deref(), Some("ids"));
        assert_eq!(coerced("query($i: ID! = 1) { each(ids: [$i]) { id } }", json!({})), Ok(json!({"i": 1})));
    }

    #[test]
    fn omitted_null_and_default_are_three_things() {
        let text = "query($a: Int, $b: Int = 2) { list(first: $a, last: $b) { __typename } }";
        assert_eq!(coerced(text, json!({})), Ok(json!({"b": 2})));
        assert_eq!(coerced(text, json!({"a": null, "b": null, "c": 1})), Ok(json!({"a": null, "b": null})));
    }

    #[test]
    fn values_have_the_type_of_their_variable() {
        let of = |ty: &str, place: &str, value: serde_json::Value| {
            let text = format!("query($v: {ty}) {{ {} }}", place.replace('?', "$v"));
            coerced(&text, json!({"v": value}))
                .map(|variables| variables["v"].clone())
                .map_err(|(_, field)| field.unwrap_or_default())
        };
        let int = |value| of("Int", "list(first: ?) { __typename }", value);
        assert_eq!((int(json!(2)), int(json!(2.0))), (Ok(json!(2)), Ok(json!(2))));
        for wrong in [json!(2.5), json!("2"), json!(true), json!(2_147_483_648_u32), json!(1e30), json!([2, 3])] {
            assert_eq!(int(wrong), Err("first".to_owned()));
        }
        let ids = |value| of("[ID!]!", "each(ids: ?) { id }", value);
        assert_eq!((ids(json!("a")), ids(json!(["a", 1]))), (Ok(json!(["a"])), Ok(json!(["a", 1]))));
        for wrong in [json!(null), json!(["a", null]), json!([1.5]), json!({"a": 1}), json!([["a"]])] {
            assert_eq!(ids(wrong), Err("ids".to_owned()));
        }
        let by = |value| of("By!", "find(by: ?) { id }", value);
        let good = json!({"address": "a@b", "maybe": null, "kinds": ["RED"]});
        assert_eq!(by(good.clone()), Ok(good));
        for (wrong, field) in [
            (json!({}), "address"),
            (json!({"address": null}), "address"),
            (json!({"address": "ab"}), "address"),
            (json!({"address": "a@b", "maybe": "yes"}), "maybe"),
            (json!({"address": "a@b", "kinds": ["LOUD"]}), "kinds"),
            (json!({"address": "a@b", "colour": 1}), "colour"),
            (json!("x"), "by"),
        ] {
            assert_eq!(by(wrong), Err(field.to_owned()));
        }
        assert_eq!(by(json!({"address": "a@b", "kinds": "RED"})), Ok(json!({"address": "a@b", "kinds": ["RED"]})));
    }
}
