//! The protocol's messages.

use async_graphql::Response;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use crate::http::answer;

/// What a caller says.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum FromCaller {
    /// Says who it is.
    ConnectionInit { payload: Option<Value> },
    /// Wants a sign of life.
    Ping { payload: Option<Value> },
    /// Gives one.
    Pong {},
    /// Starts an operation.
    Subscribe { id: String, payload: Value },
    /// Ends one.
    Complete { id: String },
}

impl FromCaller {
    /// Reads a message; none when the protocol has no such.
    pub(super) fn read(text: &str) -> Option<Self> {
        // A list would be read as the fields in their order.
        let message: Self = text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok())??;
        match &message {
            Self::Subscribe { id, .. } | Self::Complete { id } => !id.is_empty(),
            Self::ConnectionInit { payload } | Self::Ping { payload } => payload.as_ref().is_none_or(Value::is_object),
            Self::Pong {} => true,
        }
        .then_some(message)
    }
}

/// The caller may start.
pub(super) fn acknowledge() -> String {
    json!({"type": "connection_ack"}).to_string()
}

/// The caller shall give a sign of life.
pub(super) fn ping() -> String {
    json!({"type": "ping"}).to_string()
}

/// A sign of life, with what came along with the wish for it.
pub(super) fn pong(payload: Option<Value>) -> String {
    match payload {
        Some(payload) => json!({"type": "pong", "payload": payload}).to_string(),
        None => json!({"type": "pong"}).to_string(),
    }
}

/// An operation's answer.
pub(super) fn next(id: &str, response: &Response) -> String {
    let (id, answer) = (Value::from(id), answer::json(response));
    format!(r#"{{"type":"next","id":{id},"payload":{answer}}}"#)
}

/// An operation failed, and is over.
pub(super) fn error(id: &str, response: &Response) -> String {
    json!({"type": "error", "id": id, "payload": response.errors}).to_string()
}

/// An operation is over.
pub(super) fn complete(id: &str) -> String {
    json!({"type": "complete", "id": id}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_s_messages_are_read() {
        let init = FromCaller::ConnectionInit { payload: Some(json!({"a": 1})) };
        assert_eq!(FromCaller::read(r#"{"type": "connection_init", "payload": {"a": 1}}"#), Some(init));
        assert_eq!(
            FromCaller::read(r#"{"type": "connection_init"}"#),
            Some(FromCaller::ConnectionInit { payload: None })
        );
        assert_eq!(FromCaller::read(r#"{"type": "pong", "payload": {}}"#), Some(FromCaller::Pong {}));
        assert!(FromCaller::read(r#"{"type": "subscribe", "id": "1", "payload": {"query": "{ a }"}}"#).is_some());
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "{}",
            r#"{"type": "start", "id": "1", "payload": {}}"#,
            r#"{"type": "subscribe", "payload": {}}"#,
            r#"{"type": "subscribe", "id": "", "payload": {}}"#,
            r#"{"type": "subscribe", "id": 1, "payload": {}}"#,
            r#"{"type": "connection_init", "payload": "x"}"#,
            r#"["complete", "1"]"#,
        ] {
            assert_eq!(FromCaller::read(text), None, "{text}");
        }
    }

    #[test]
    fn an_answer_is_written_once_and_well_formed() {
        let message: Value =
            serde_json::from_str(&next("a\"b", &Response::new(async_graphql::Value::from(1)))).expect("JSON");
        assert_eq!(message, json!({"type": "next", "id": "a\"b", "payload": {"data": 1}}));
    }
}
