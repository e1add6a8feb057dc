//! JSON text, and values of the engine that contain some.

use std::{fmt::Display, io::Write as _};

use async_graphql::{Value, resolver_utils::EnumType};
use serde::Serialize;

/// JSON text that is being written.
#[derive(Default)]
pub(in crate::graphql) struct JsonText(Vec<u8>);

impl JsonText {
    /// Writes a string, or null.
    pub(in crate::graphql) fn text<'t>(&mut self, text: impl Into<Option<&'t str>>) {
        serialize(&text.into(), &mut self.0);
    }

    /// Writes an id: a string without characters that JSON escapes.
    pub(in crate::graphql) fn id(&mut self, id: impl Display) {
        write!(self.0, "\"{id}\"").expect("memory accepts every byte");
    }

    /// Writes an integer, or null.
    pub(in crate::graphql) fn number(&mut self, number: impl Into<Option<i64>>) {
        serialize(&number.into(), &mut self.0);
    }

    /// Writes true or false.
    pub(in crate::graphql) fn bool(&mut self, value: bool) {
        serialize(&value, &mut self.0);
    }

    /// Writes the GraphQL name of an enum's value, or null.
    pub(in crate::graphql) fn name<E: EnumType + PartialEq>(&mut self, value: impl Into<Option<E>>) {
        let value = value.into();
        let item = value.and_then(|value| E::items().iter().find(|item| item.value == value));
        self.text(item.map(|item| item.name));
    }

    /// Writes null.
    pub(in crate::graphql) fn null(&mut self) {
        self.0.extend_from_slice(b"null");
    }

    /// Writes a list.
    pub(in crate::graphql) fn list<I>(&mut self, items: impl IntoIterator<Item = I>, item: impl Fn(I, &mut Self)) {
        self.0.push(b'[');
        for (number, of) in items.into_iter().enumerate() {
            if number > 0 {
                self.0.push(b',');
            }
            item(of, self);
        }
        self.0.push(b']');
    }

    /// Writes an object. Each field has its key as JSON text with the colon.
    pub(super) fn object<F>(&mut self, fields: &[(String, F)], value: impl Fn(&F, &mut Self)) {
        self.0.push(b'{');
        for (number, (key, field)) in fields.iter().enumerate() {
            if number > 0 {
                self.0.push(b',');
            }
            self.0.extend_from_slice(key.as_bytes());
            value(field, self);
        }
        self.0.push(b'}');
    }

    /// The text as a value of the engine, which [`write_value`] writes unchanged. No field of the schema has binary
    /// values otherwise.
    pub(super) fn into_value(self) -> Value {
        Value::Binary(self.0.into())
    }
}

/// Writes a response's value as JSON text, with the text that it contains.
pub fn write_value(value: &Value, json: &mut Vec<u8>) {
    match value {
        Value::Binary(text) => json.extend_from_slice(text),
        Value::List(items) => {
            json.push(b'[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    json.push(b',');
                }
                write_value(item, json);
            }
            json.push(b']');
        }
        Value::Object(fields) => {
            json.push(b'{');
            for (number, (key, field)) in fields.iter().enumerate() {
                if number > 0 {
                    json.push(b',');
                }
                serialize(key.as_str(), json);
                json.push(b':');
                write_value(field, json);
            }
            json.push(b'}');
        }
        Value::Null | Value::Number(_) | Value::String(_) | Value::Boolean(_) | Value::Enum(_) => {
            serialize(value, json);
        }
    }
}

fn serialize(value: &(impl Serialize + ?Sized), json: &mut Vec<u8>) {
    serde_json::to_writer(json, value).expect("values can be serialized into memory");
}

#[cfg(test)]
mod tests {
    use async_graphql::{Name, indexmap::IndexMap};
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_written_unchanged_inside_of_values() {
        let mut text = JsonText::default();
        let fields = [("\"a\":".to_owned(), Some("\u{1}\"é")), ("\"b\":".to_owned(), None)];
        text.object(&fields, |value, json| json.list([*value, None], |value, json| json.text(value)));
        let list = Value::List(vec![text.into_value(), Value::Null, Value::from(1.5)]);
        let value = Value::Object(IndexMap::from([(Name::new("x"), list), (Name::new("y"), Value::from("\n"))]));
        let mut written = Vec::new();
        write_value(&value, &mut written);
        let read: serde_json::Value = serde_json::from_slice(&written).expect("JSON");
        assert_eq!(read, json!({"x": [{"a": ["\u{1}\"é", null], "b": [null, null]}, null, 1.5], "y": "\n"}));
    }
}
