//! Subscriptions over graphql-transport-ws.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest as _, handshake::client::Request, protocol::CloseFrame},
};

use super::{TestServer, wait::EVENT_TIMEOUT};

/// All fields of every change.
pub(crate) const ALL: &str = "subscription($session: ID, $cid: JID, $after: String) { \
    chatChanges(sessionId: $session, cid: $cid, after: $after) { cursor change { \
    at kind origin sessionId chatId cid changed chat { id jid name archived pinned mutedUntil unreadCount markedUnread \
    lastMessage { text } sync { state pending } } } } }";

/// One subscription on its own socket.
pub(crate) struct Subscription {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Cursor of the newest event.
    pub(crate) cursor: String,
}

impl Subscription {
    /// Subscribes, and reads the first event, which has only the cursor.
    pub(crate) async fn start(server: &TestServer, query: &str, variables: Value) -> Self {
        let mut subscription = Self::open(server, &server.key, query, variables).await;
        let first = subscription.event().await;
        assert_eq!(first["change"], Value::Null, "the first event has only the cursor");
        subscription
    }

    /// Subscribes with `key`, without reading an event.
    pub(crate) async fn open(server: &TestServer, key: &str, query: &str, variables: Value) -> Self {
        Self::open_at(&server.url, key, query, variables).await
    }

    /// The same at the server with this URL, with a token of either kind.
    pub(crate) async fn open_at(url: &str, key: &str, query: &str, variables: Value) -> Self {
        let (mut socket, _) = tokio_tungstenite::connect_async(upgrade_to(url)).await.expect("a socket");
        let init = json!({"type": "connection_init", "payload": {"Authorization": format!("Bearer {key}")}});
        socket.send(Message::text(init.to_string())).await.expect("sent");
        let subscribe = json!({"id": "1", "type": "subscribe", "payload": {"query": query, "variables": variables}});
        socket.send(Message::text(subscribe.to_string())).await.expect("sent");
        Self { socket, cursor: String::new() }
    }

    /// Returns the next change, skipping checkpoints.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            let event = self.event().await;
            if event["change"] != Value::Null {
                return event["change"].clone();
            }
        }
    }

    /// Returns the next event, with or without a change.
    pub(crate) async fn event(&mut self) -> Value {
        let message = self.message("next").await;
        let event = message["payload"]["data"]["chatChanges"].clone();
        assert!(event.is_object(), "not an event: {message}");
        event["cursor"].as_str().expect("a cursor").clone_into(&mut self.cursor);
        event
    }

    /// Returns the next message of any type, except pings and the acknowledgement.
    pub(crate) async fn any(&mut self) -> Value {
        loop {
            let message = self.receive().await.unwrap_or_else(|frame| panic!("closed: {frame:?}"));
            if !matches!(message["type"].as_str(), Some("connection_ack" | "ping" | "pong")) {
                return message;
            }
        }
    }

    /// Returns the next message of this type, except pings and the acknowledgement.
    pub(crate) async fn message(&mut self, kind: &str) -> Value {
        let message = self.any().await;
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// Returns the raw text of the first message, except pings and the acknowledgement.
    pub(crate) async fn first_text(&mut self) -> String {
        loop {
            let received = tokio::time::timeout(EVENT_TIMEOUT, self.socket.next()).await.expect("a message in time");
            if let Message::Text(text) = received.expect("open").expect("a frame")
                && !text.contains("\"connection_ack\"")
                && !text.contains("\"ping\"")
            {
                return text.to_string();
            }
        }
    }

    /// Returns the first message, as [`Self::any`] does; `None` if the server closes instead.
    pub(crate) async fn first_message(&mut self) -> Option<Value> {
        loop {
            let message = self.receive().await.ok()?;
            if !matches!(message["type"].as_str(), Some("connection_ack" | "ping" | "pong")) {
                return Some(message);
            }
        }
    }

    /// Returns the frame with which the server closes.
    pub(crate) async fn closed(&mut self) -> CloseFrame {
        loop {
            if let Err(frame) = self.receive().await {
                return frame.expect("a close frame");
            }
        }
    }

    async fn receive(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            let received = tokio::time::timeout(EVENT_TIMEOUT, self.socket.next()).await.expect("a message in time");
            match received.expect("open").expect("a frame") {
                Message::Text(text) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Message::Close(frame) => return Err(frame),
                _ => {}
            }
        }
    }
}

/// Returns the request that opens a socket.
pub(crate) fn upgrade(server: &TestServer) -> Request {
    upgrade_to(&server.url)
}

/// The same for the server at this address.
pub(crate) fn upgrade_to(url: &str) -> Request {
    let url = url.replacen("http://", "ws://", 1);
    let mut request = url.into_client_request().expect("a request");
    let protocol = "graphql-transport-ws".parse().expect("a header");
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
    request
}
