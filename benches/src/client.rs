//! Client of a server and of the sandbox's phones.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest as _},
};

/// A client of one server and of one sandbox.
pub struct Client {
    http: reqwest::Client,
    graphql: String,
    key: String,
    sandbox: String,
}

impl Client {
    /// Creates a client with this key.
    #[must_use]
    pub fn new(graphql: String, key: String, sandbox: String) -> Self {
        Self { http: reqwest::Client::new(), graphql, key, sandbox }
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the response's data.
    ///
    /// # Errors
    /// If there is none, or if the response has errors.
    pub async fn query(&self, query: &str, variables: Value) -> Result<Value, Box<dyn Error>> {
        let body = json!({"query": query, "variables": variables});
        let mut answer: Value =
            self.http.post(&self.graphql).bearer_auth(&self.key).json(&body).send().await?.json().await?;
        if answer["errors"].is_null() { Ok(answer["data"].take()) } else { Err(answer.to_string().into()) }
    }

    /// Sends a request to the sandbox.
    ///
    /// # Errors
    /// If it is rejected.
    pub async fn play(&self, path: &str, body: Value) -> Result<(), Box<dyn Error>> {
        self.http.post(format!("{}{path}", self.sandbox)).json(&body).send().await?.error_for_status()?;
        Ok(())
    }

    /// Returns the chats on a phone.
    ///
    /// # Errors
    /// If there is no such phone.
    pub async fn phone_chats(&self, phone: &str) -> Result<Vec<Value>, Box<dyn Error>> {
        let url = format!("{}/accounts/{phone}/chats", self.sandbox);
        Ok(self.http.get(url).send().await?.error_for_status()?.json().await?)
    }

    /// Creates a session and scans its code with `phone`; returns its id.
    ///
    /// # Errors
    /// If a request is rejected, or after two minutes.
    pub async fn pair(&self, phone: &str) -> Result<String, Box<dyn Error>> {
        let made = self.query("mutation { createSession(input: {}) { session { id } } }", json!({})).await?;
        let id = made["createSession"]["session"]["id"].as_str().ok_or("no id")?.to_owned();
        let start = "mutation($id: ID!) { startSession(input: {sessionId: $id}) { session { id } } }";
        self.query(start, json!({"id": id})).await?;
        let deadline = Instant::now() + Duration::from_mins(2);
        let pairing = "query($id: ID!) { session(id: $id) { pairing { qr } } }";
        loop {
            let shown = self.query(pairing, json!({"id": id})).await?;
            if let Some(qr) = shown["session"]["pairing"]["qr"].as_str() {
                self.play(&format!("/accounts/{phone}/scan"), json!({"qr": qr})).await?;
                return Ok(id);
            }
            late(deadline)?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Creates a session that is linked to `phone`, and waits for all of its chats; returns its id.
    ///
    /// # Errors
    /// If a request is rejected, or after two minutes.
    pub async fn attach(&self, phone: &str) -> Result<String, Box<dyn Error>> {
        let id = self.pair(phone).await?;
        let deadline = Instant::now() + Duration::from_mins(2);
        let expected = self.phone_chats(phone).await?.iter().filter(|chat| !chat["lastMessageAt"].is_null()).count();
        let list = "query($id: ID!) { chats(sessionId: $id, first: 200) { nodes { id } } }";
        while self.query(list, json!({"id": id})).await?["chats"]["nodes"].as_array().map_or(0, Vec::len) < expected {
            late(deadline)?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(id)
    }

    /// Makes a session that is linked to `phone`, and waits until this number of its chats is there.
    ///
    /// # Errors
    /// When something refuses, or two minutes pass.
    pub async fn attach_sized(&self, phone: &str, chats: u64) -> Result<(), Box<dyn Error>> {
        let id = self.pair(phone).await?;
        let deadline = Instant::now() + Duration::from_mins(2);
        let count = "query($id: ID!) { chats(sessionId: $id) { totalCount } }";
        while self.query(count, json!({"id": id})).await?["chats"]["totalCount"].as_u64() < Some(chats) {
            late(deadline)?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Opens a WebSocket without a subscription.
    ///
    /// # Errors
    /// If the server rejects it.
    pub async fn connect(&self) -> Result<Changes, Box<dyn Error>> {
        let mut request = self.graphql.replacen("http", "ws", 1).into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", "graphql-transport-ws".parse()?);
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
        let init = json!({"type": "connection_init", "payload": {"Authorization": format!("Bearer {}", self.key)}});
        socket.send(Message::text(init.to_string())).await?;
        // The acknowledgement is the first message.
        socket.next().await.ok_or("closed")??;
        Ok(Changes(socket))
    }

    /// Opens a WebSocket with a subscription to all chats.
    ///
    /// # Errors
    /// If the server rejects it.
    pub async fn subscribe(&self) -> Result<Changes, Box<dyn Error>> {
        let mut changes = self.connect().await?;
        changes.follow().await?;
        Ok(changes)
    }
}

/// A subscription.
pub struct Changes(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Changes {
    /// Subscribes to the changes of all chats.
    ///
    /// # Errors
    /// If the server rejects it.
    pub async fn follow(&mut self) -> Result<(), Box<dyn Error>> {
        let query = "subscription { chatChanges { cursor change { origin changed } } }";
        let subscribe = json!({"id": "1", "type": "subscribe", "payload": {"query": query}});
        self.0.send(Message::text(subscribe.to_string())).await?;
        // The first event only has the cursor: the subscription is active.
        self.event().await.map(drop)
    }

    /// Waits for a change with this origin, and skips all others.
    ///
    /// # Errors
    /// If the socket is closed.
    pub async fn until(&mut self, origin: &str) -> Result<(), Box<dyn Error>> {
        while self.event().await?["change"]["origin"] != origin {}
        Ok(())
    }

    /// Asks the floor of the fan-out for this number of events to every subscriber.
    ///
    /// # Errors
    /// If the socket is closed.
    pub async fn broadcast(&mut self, count: usize) -> Result<(), Box<dyn Error>> {
        Ok(self.0.send(Message::text(format!("broadcast {count}"))).await?)
    }

    async fn event(&mut self) -> Result<Value, Box<dyn Error>> {
        loop {
            let Message::Text(text) = self.0.next().await.ok_or("closed")?? else { continue };
            let mut message: Value = serde_json::from_str(&text)?;
            match message["type"].as_str() {
                Some("next") => return Ok(message["payload"]["data"]["chatChanges"].take()),
                Some("connection_ack" | "ping" | "pong") => {}
                _ => return Err(message.to_string().into()),
            }
        }
    }
}

fn late(deadline: Instant) -> Result<(), Box<dyn Error>> {
    if Instant::now() < deadline { Ok(()) } else { Err("two minutes passed".into()) }
}
