//! JSON text, and values of the engine that contain some.

use std::{fmt::Display, io::Write as _, mem};

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
        self.enclose([b'[', b']'], items, item);
    }

    /// Writes an object. Each field has its key as JSON text with the colon.
    pub(super) fn object<F>(&mut self, fields: &[(String, F)], value: impl Fn(&F, &mut Self)) {
        self.enclose([b'{', b'}'], fields, |(key, field), json| {
            json.0.extend_from_slice(key.as_bytes());
            value(field, json);
        });
    }

    /// Writes a value of the engine, with the text that it contains.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Binary(text) => self.0.extend_from_slice(text),
            Value::List(items) => self.list(items, |item, json| json.value(item)),
            Value::Object(fields) => self.enclose([b'{', b'}'], fields, |(key, field), json| {
                json.text(key.as_str());
                json.0.push(b':');
                json.value(field);
            }),
            Value::Null | Value::Number(_) | Value::String(_) | Value::Boolean(_) | Value::Enum(_) => {
                serialize(value, &mut self.0);
            }
        }
    }

    /// Writes items between brackets, with commas between them.
    fn enclose<I>(&mut self, [open, close]: [u8; 2], items: impl IntoIterator<Item = I>, write: impl Fn(I, &mut Self)) {
        self.0.push(open);
        for (number, item) in items.into_iter().enumerate() {
            if number > 0 {
                self.0.push(b',');
            }
            write(item, self);
        }
        self.0.push(close);
    }

    /// The text as a value of the engine, which [`write_value`] writes unchanged. No field of the schema has binary
    /// values otherwise.
    pub(super) fn into_value(self) -> Value {
        Value::Binary(self.0.into())
    }
}

/// Writes a response's value as JSON text, with the text that it contains.
pub(in crate::graphql) fn write_value(value: &Value, json: &mut Vec<u8>) {
    let mut text = JsonText(mem::take(json));
    text.value(value);
    *json = text.0;
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
