//! Kinds of abuse that slow a server down. The first ones have no token, the others have one of an organization.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    client_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue},
};

/// A chat that the organization has to have.
pub const CHAT: &str = "15553000000@s.whatsapp.net";
/// The address that abuses come from, another one than the good client's.
const SOURCE: [u8; 4] = [127, 0, 0, 66];
/// The longest that one attempt may take.
const PATIENCE: Duration = Duration::from_secs(10);
const UPGRADE: &str = "GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
     Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
/// Selects as much for each event as a subscription may.
const DEAR_EVENT: &str = "subscription { chatChanges { cursor change { chat { session { chats(first: 200) { nodes { name \
     aliases lastMessage { text } messages(first: 10) { nodes { text } } } } } } } } }";

/// The server under attack, seen by one organization.
#[derive(Clone)]
pub struct Target {
    /// The server.
    pub address: SocketAddr,
    /// A key of the organization that attacks.
    pub key: String,
    /// Number of connections, frames and requests so far.
    pub attempts: Arc<AtomicU64>,
    /// Sends requests, from another address than the good client.
    pub http: reqwest::Client,
}

type Attempt = fn(Target, u64) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// One kind of abuse: this number of clients make an attempt after the other.
pub struct Abuse {
    /// Its name in the table.
    pub name: &'static str,
    clients: u64,
    attempt: Attempt,
}

macro_rules! abuses {
    ($($name:literal, $clients:literal, |$target:ident, $number:ident| $attempt:expr;)*) => {
        &[$(Abuse { name: $name, clients: $clients, attempt: |$target, $number| Box::pin(async move { $attempt.await }) }),*]
    };
}

/// Every kind.
pub const ABUSES: &[Abuse] = abuses! {
    "heads sent byte by byte", 200, |target, _n| target.slow_head();
    "frames announced with 1 MiB and half sent", 200, |target, _n| target.half_frame();
    "empty continuation frames", 8, |target, _n| target.empty_frames();
    "HTTP/2 pings", 8, |target, _n| target.pings();
    "invalid tokens", 8, |target, n| target.post(&format!("cg_guess_{n}"), json!({"query": "{ viewer { kind } }"}));
    "the dearest page allowed", 8, |target, _n| target.ask("{ chats(first: 200) { nodes { name aliases session { label } \
        lastMessage { text } messages(first: 20) { nodes { text senderName chat { name } } } } } }".to_owned());
    "documents nested 7,000 deep", 8, |target, _n| target.ask("{ chats ".repeat(7_000));
    "1,000 aliases", 8, |target, _n| target.ask(aliases());
    "fragments that expand to 2^26 fields", 8, |target, _n| target.ask(aliased_document());
    "sockets with 100 dear subscriptions each, and changes", 10, |target, n| target.subscribe(n);
    "searches for a text that no chat has", 8, |target, _n| {
        target.ask("{ chats(filter: {search: \"zzz\"}) { totalCount } }".to_owned())
    };
    "mutations", 8, |target, n| target.ask(mutation(n % 2 == 0));
};

impl Abuse {
    /// Continues until it is dropped.
    pub async fn run(&self, target: Target) {
        let clients = (0..self.clients).map(|client| {
            let target = target.clone();
            async move {
                for round in 0.. {
                    // What the server rejects is tried again, as attackers do.
                    let _ = timeout(PATIENCE, (self.attempt)(target.clone(), round * self.clients + client)).await;
                    sleep(Duration::from_millis(1)).await;
                }
            }
        });
        futures_util::future::join_all(clients).await;
    }
}

impl Target {
    fn count(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((SOURCE, 0).into())?;
        self.count();
        socket.connect(self.address).await
    }

    /// A WebSocket on which nothing was sent.
    async fn upgraded(&self) -> io::Result<TcpStream> {
        let mut stream = self.connect().await?;
        stream.write_all(UPGRADE.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        Ok(stream)
    }

    async fn slow_head(self) -> io::Result<()> {
        let mut stream = self.connect().await?;
        stream.write_all(b"POST /graphql HTTP/1.1\r\nHost: x\r\nX: ").await?;
        loop {
            stream.write_all(b"x").await?;
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn half_frame(self) -> io::Result<()> {
        let mut stream = self.upgraded().await?;
        // A text of 1 MiB, masked with zeros.
        stream.write_all(&[0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]).await?;
        stream.write_all(&[b' '; 4096]).await?;
        // Until the server closes it.
        stream.read_to_end(&mut Vec::new()).await.map(drop)
    }

    async fn empty_frames(self) -> io::Result<()> {
        let mut stream = self.upgraded().await?;
        stream.write_all(&[0x01, 0x80, 0, 0, 0, 0]).await?;
        let frames = [0x00_u8, 0x80, 0, 0, 0, 0].repeat(100);
        self.flood(&mut stream, &frames).await
    }

    async fn pings(self) -> io::Result<()> {
        let mut stream = self.connect().await?;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await?;
        let (mut reading, mut writing) = stream.split();
        let pings = b"\0\0\x08\x06\0\0\0\0\0abcdefgh".repeat(100);
        let mut answers = Vec::new();
        tokio::select! {
            ended = self.flood(&mut writing, &pings) => ended,
            ended = reading.read_to_end(&mut answers) => ended.map(drop),
        }
    }

    /// Sends the same again and again.
    async fn flood(&self, stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
        loop {
            stream.write_all(bytes).await?;
            self.count();
        }
    }

    async fn post(self, token: &str, body: serde_json::Value) -> io::Result<()> {
        self.count();
        let url = format!("http://{}/graphql", self.address);
        let answer = self.http.post(url).bearer_auth(token).json(&body).send().await.map_err(io::Error::other)?;
        answer.bytes().await.map(drop).map_err(io::Error::other)
    }

    async fn ask(self, query: String) -> io::Result<()> {
        let key = self.key.clone();
        self.post(&key, json!({"query": query})).await
    }

    /// A socket with a hundred subscriptions; every tenth attempt changes a chat again and again instead.
    async fn subscribe(self, number: u64) -> io::Result<()> {
        if number.is_multiple_of(10) {
            sleep(Duration::from_millis(100)).await;
            return self.ask(mutation((number / 10).is_multiple_of(2))).await;
        }
        let mut request = format!("ws://{}/graphql", self.address).into_client_request().map_err(io::Error::other)?;
        let protocol = HeaderValue::from_static("graphql-transport-ws");
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let stream = self.connect().await?;
        let (mut socket, _) = client_async(request, stream).await.map_err(io::Error::other)?;
        let init = json!({"type": "connection_init", "payload": {"Authorization": format!("Bearer {}", self.key)}});
        socket.send(Message::text(init.to_string())).await.map_err(io::Error::other)?;
        for id in 0..100 {
            let subscribe = json!({"type": "subscribe", "id": id.to_string(), "payload": {"query": DEAR_EVENT}});
            socket.send(Message::text(subscribe.to_string())).await.map_err(io::Error::other)?;
        }
        while let Some(message) = socket.next().await {
            message.map_err(io::Error::other)?;
            self.count();
        }
        Ok(())
    }
}

fn mutation(read: bool) -> String {
    format!("mutation {{ updateChat(input: {{cid: \"{CHAT}\", read: {read}}}) {{ chat {{ id }} }} }}")
}

fn aliases() -> String {
    let fields: Vec<_> = (0..1_000).map(|number| format!("a{number}: viewer {{ kind }}")).collect();
    format!("{{ {} }}", fields.join(" "))
}

fn aliased_document() -> String {
    let twice = |number: u32| format!("fragment f{number} on Query {{ ...f{0} ...f{0} }} ", number + 1);
    let fragments: String = (0..26).map(twice).collect();
    format!("{{ ...f0 }} {fragments} fragment f26 on Query {{ viewer {{ kind }} }}")
}
