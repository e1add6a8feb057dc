//! The two subprotocols: messages of clients, and messages of the server.

use async_graphql::ServerError;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::graphql::error::ApiError;

/// Maximum length of an operation's id, in bytes. Clients use a counter or a UUID.
const MAX_ID_LEN: usize = 256;

/// Subprotocol of a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `graphql-transport-ws`: <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>.
    Transport,
    /// `graphql-ws`, of the older subscriptions-transport-ws:
    /// <https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md>.
    Legacy,
}

/// A client's message, in either protocol.
#[derive(Debug, PartialEq)]
pub(super) enum ClientMessage {
    /// `connection_init`.
    Init { payload: Option<Value> },
    /// A ping.
    Ping { payload: Option<Value> },
    /// A pong.
    Pong,
    /// Starts an operation.
    Start { id: String, payload: Value },
    /// Starts an operation with too many values in it.
    StartTooLarge { id: String, error: ApiError },
    /// Stops an operation.
    Stop { id: String },
    /// Ends the connection.
    Leave,
}

/// A message of either protocol, before validation.
#[derive(Deserialize)]
struct Message {
    r#type: String,
    id: Option<String>,
    payload: Option<Value>,
}

/// The only field that is parsed of a message with too many values.
#[derive(Deserialize)]
struct Named {
    id: String,
}

impl Protocol {
    /// Names of the protocols, the preferred one first.
    pub(super) const NAMES: [&str; 2] = ["graphql-transport-ws", "graphql-ws"];

    /// Returns the protocol with this name.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"graphql-transport-ws" => Some(Self::Transport),
            b"graphql-ws" => Some(Self::Legacy),
            _ => None,
        }
    }

    /// Parses a message; `None` if it is not part of the protocol.
    pub(super) fn read(self, text: &str) -> Option<ClientMessage> {
        if let Some(error) = ApiError::too_many_values(text.as_bytes()) {
            let Named { id } = serde_json::from_str(text).ok()?;
            return Some(ClientMessage::StartTooLarge { id, error });
        }
        // serde would accept an array as the fields in order.
        let message: Message = text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok())??;
        let Message { r#type, id, payload } = message;
        let id = || id.filter(|id| (1..=MAX_ID_LEN).contains(&id.len()));
        match (self, &*r#type) {
            (Self::Transport, "subscribe") | (Self::Legacy, "start") => {
                return Some(ClientMessage::Start { id: id()?, payload: payload? });
            }
            (Self::Transport, "complete") | (Self::Legacy, "stop") => return Some(ClientMessage::Stop { id: id()? }),
            _ => {}
        }
        if payload.as_ref().is_some_and(|payload| !payload.is_object()) {
            return None;
        }
        match (self, &*r#type) {
            (_, "connection_init") => Some(ClientMessage::Init { payload }),
            (Self::Transport, "ping") => Some(ClientMessage::Ping { payload }),
            (Self::Transport, "pong") => Some(ClientMessage::Pong),
            (Self::Legacy, "connection_terminate") => Some(ClientMessage::Leave),
            _ => None,
        }
    }

    /// Formats a rejection of the client; `None` in the newer protocol, which only closes the connection.
    pub(super) fn reject(self, reason: &str) -> Option<String> {
        (self == Self::Legacy).then(|| json!({"type": "connection_error", "payload": {"message": reason}}).to_string())
    }

    /// Formats a keep-alive. In the newer protocol it is a ping, and the client responds.
    pub(super) fn heartbeat(self) -> String {
        let kind = match self {
            Self::Transport => "ping",
            Self::Legacy => "ka",
        };
        json!({"type": kind}).to_string()
    }

    /// Formats an answer of an operation, which is JSON.
    pub(super) fn next(self, id: &str, answer: &str) -> String {
        let kind = match self {
            Self::Transport => "next",
            Self::Legacy => "data",
        };
        let id = serde_json::to_string(id).expect("text can be serialized into memory");
        [r#"{"type":""#, kind, r#"","id":"#, &id, r#","payload":"#, answer, "}"].concat()
    }

    /// Formats the error that ends an operation.
    pub(super) fn error(self, id: &str, errors: &[ServerError]) -> String {
        match self {
            Self::Transport => json!({"type": "error", "id": id, "payload": errors}).to_string(),
            Self::Legacy => json!({"type": "error", "id": id, "payload": errors.first()}).to_string(),
        }
    }
}

/// Formats the acknowledgement of `connection_init`.
pub(super) fn acknowledge() -> String {
    json!({"type": "connection_ack"}).to_string()
}

/// Formats the end of an operation.
pub(super) fn complete(id: &str) -> String {
    json!({"type": "complete", "id": id}).to_string()
}

/// Formats a pong with the payload of its ping.
pub(super) fn pong(payload: Option<Value>) -> String {
    match payload {
        Some(payload) => json!({"type": "pong", "payload": payload}).to_string(),
        None => json!({"type": "pong"}).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSPORT: Protocol = Protocol::Transport;
    const OLDER: Protocol = Protocol::Legacy;

    #[test]
    fn the_messages_of_each_protocol_are_read() {
        for protocol in [TRANSPORT, OLDER] {
            let init = ClientMessage::Init { payload: Some(json!({"a": 1})) };
            assert_eq!(protocol.read(r#"{"type": "connection_init", "payload": {"a": 1}}"#), Some(init));
            let init = ClientMessage::Init { payload: None };
            assert_eq!(protocol.read(r#"{"type": "connection_init", "payload": null}"#), Some(init));
        }
        assert_eq!(TRANSPORT.read(r#"{"type": "pong", "payload": {}}"#), Some(ClientMessage::Pong));
        assert_eq!(TRANSPORT.read(r#"{"type": "ping"}"#), Some(ClientMessage::Ping { payload: None }));
        assert_eq!(OLDER.read(r#"{"type": "connection_terminate"}"#), Some(ClientMessage::Leave));
        for (protocol, start, stop) in [(TRANSPORT, "subscribe", "complete"), (OLDER, "start", "stop")] {
            let text = json!({"type": start, "id": "1", "payload": {"query": "{ a }"}}).to_string();
            assert!(matches!(protocol.read(&text), Some(ClientMessage::Start { .. })), "{text}");
            let text = json!({"type": stop, "id": "1"}).to_string();
            assert_eq!(protocol.read(&text), Some(ClientMessage::Stop { id: "1".into() }));
        }
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "{}",
            "null",
            r#"{"type": "connection_ack"}"#,
            r#"{"type": "connection_init", "payload": "x"}"#,
            r#"["complete", "1"]"#,
            r#"{"type": "complete", "id": ""}"#,
            r#"{"type": "stop", "id": 1}"#,
        ] {
            assert_eq!((TRANSPORT.read(text), OLDER.read(text)), (None, None), "{text}");
        }
        for text in [
            r#"{"type": "start", "id": "1", "payload": {}}"#,
            r#"{"type": "subscribe", "payload": {}}"#,
            r#"{"type": "subscribe", "id": "1"}"#,
            r#"{"type": "connection_terminate"}"#,
            &json!({"type": "complete", "id": "x".repeat(257)}).to_string(),
        ] {
            assert_eq!(TRANSPORT.read(text), None, "{text}");
        }
        for text in [r#"{"type": "subscribe", "id": "1", "payload": {}}"#, r#"{"type": "ping"}"#] {
            assert_eq!(OLDER.read(text), None, "{text}");
        }
    }

    #[test]
    fn an_answer_is_written_once_and_well_formed() {
        for (protocol, kind) in [(TRANSPORT, "next"), (OLDER, "data")] {
            let message: Value = serde_json::from_str(&protocol.next("a\"b", r#"{"data":1}"#)).expect("JSON");
            assert_eq!(message, json!({"type": kind, "id": "a\"b", "payload": {"data": 1}}));
        }
    }

    #[test]
    fn the_legacy_protocol_sends_one_error_and_the_newer_one_all() {
        let errors = [ServerError::new("a", None), ServerError::new("b", None)];
        let payload = |protocol: Protocol| {
            let message: Value = serde_json::from_str(&protocol.error("1", &errors)).expect("JSON");
            message["payload"].clone()
        };
        assert_eq!(payload(TRANSPORT), json!([{"message": "a"}, {"message": "b"}]));
        assert_eq!(payload(OLDER), json!({"message": "a"}));
    }
}
