//! Converts values of a document to values of the engine.

use apollo_compiler::{Name, ast};
use async_graphql_value::{ConstValue, Number, Value};

/// Converts a value; `None` for an omitted variable. A field of an input object with such a variable is omitted too,
/// and an item of a list becomes null.
pub(crate) fn value(value: &ast::Value, is_given: &impl Fn(&Name) -> bool) -> Option<Value> {
    Some(match value {
        ast::Value::Null => Value::Null,
        ast::Value::Enum(name) => Value::Enum(async_graphql_value::Name::new(name)),
        ast::Value::Variable(name) if is_given(name) => Value::Variable(async_graphql_value::Name::new(name)),
        ast::Value::Variable(_) => return None,
        ast::Value::String(text) => Value::String(text.clone()),
        ast::Value::Float(number) => float(number.as_str()),
        ast::Value::Int(number) => integer(number.as_str()),
        ast::Value::Boolean(value) => Value::Boolean(*value),
        ast::Value::List(items) => {
            Value::List(items.iter().map(|item| self::value(item, is_given).unwrap_or_default()).collect())
        }
        ast::Value::Object(fields) => {
            let fields = fields.iter().filter_map(|(name, field)| {
                Some((async_graphql_value::Name::new(name), self::value(field, is_given)?))
            });
            Value::Object(fields.collect())
        }
    })
}

/// Converts a value without variables; `None` if it has one.
pub(crate) fn constant(value: &ast::Value) -> Option<ConstValue> {
    self::value(value, &|_| true)?.into_const()
}

fn integer(digits: &str) -> Value {
    let signed = digits.parse::<i64>().map(Number::from);
    let number = signed.or_else(|_| digits.parse::<u64>().map(Number::from));
    number.map_or_else(|_| float(digits), Value::Number)
}

/// Null for a number out of range, which no type accepts.
fn float(digits: &str) -> Value {
    digits.parse().ok().and_then(Number::from_f64).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use apollo_compiler::ast::Document;

    use super::*;

    /// The values of the arguments of the document's first field.
    fn arguments(arguments: &str) -> Vec<String> {
        let document = Document::parse(format!("{{ a({arguments}) }}"), "test").expect("a document");
        let operation = document.definitions[0].as_operation_definition().expect("an operation");
        let field = operation.selection_set[0].as_field().expect("a field");
        let given = |name: &Name| name == "given";
        let values = field.arguments.iter().filter_map(|argument| value(&argument.value, &given));
        values.map(|value| value.to_string()).collect()
    }

    #[test]
    fn an_omitted_variable_takes_its_place_along() {
        assert_eq!(arguments("a: $given, b: $omitted"), ["$given"]);
        assert_eq!(arguments("o: {a: $given, b: $omitted}, l: [$omitted, 1]"), ["{a: $given}", "[null, 1]"]);
    }

    #[test]
    fn numbers_and_strings_keep_their_values() {
        let values = "a: 1, b: -9223372036854775808, c: 18446744073709551615, d: 1.5, e: true, f: null, g: RED";
        assert_eq!(
            arguments(values),
            ["1", "-9223372036854775808", "18446744073709551615", "1.5", "true", "null", "RED"]
        );
        let emoji = r#"a: "\ud83d\ude42", b: "\u{1F642}", c: "🙂", d: """🙂""""#;
        assert_eq!(arguments(emoji), ["\"🙂\""; 4]);
        assert_eq!(arguments("a: 1e999"), ["null"]);
    }
}
