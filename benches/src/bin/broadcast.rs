//! Floor of the fan-out: the same message to every WebSocket, with tokio-tungstenite alone. Any message of a client is
//! acknowledged by `connection_ack`, one with `subscribe` by the first event, and `broadcast N` sends N events to all.

use std::{error::Error, net::SocketAddr};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::broadcast,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message, Utf8Bytes,
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};
use tokio_util::task::TaskTracker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{}", json!({"address": listener.local_addr()?.to_string()}));
    let (events, _) = broadcast::channel(1_024);
    let tasks = TaskTracker::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tasks.spawn(serve(stream, events.clone()));
    }
}

async fn serve(mut stream: TcpStream, events: broadcast::Sender<Utf8Bytes>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))?;
    let accept = derive_accept_key(key.as_bytes());
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    );
    stream.write_all(response.as_bytes()).await.ok()?;
    let config = WebSocketConfig::default().read_buffer_size(512).write_buffer_size(0);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let change = json!({"origin": "API", "changed": ["ARCHIVED"]});
    let data = json!({"chatChanges": {"cursor": "ABEiM0RVZneImaq7zN3u_wARIjNEVWZ3", "change": change}});
    let event = Utf8Bytes::from(json!({"type": "next", "id": "1", "payload": {"data": data}}).to_string());
    let mut subscription = events.subscribe();
    loop {
        tokio::select! {
            message = socket.next() => {
                let message = message?.ok()?;
                let text = message.to_text().ok()?;
                if let Some(count) = text.strip_prefix("broadcast ") {
                    for _ in 0..count.parse().ok()? {
                        events.send(event.clone()).ok()?;
                        tokio::task::yield_now().await;
                    }
                } else if text.contains("subscribe") {
                    socket.send(Message::Text(event.clone())).await.ok()?;
                } else {
                    socket.send(Message::text(json!({"type": "connection_ack"}).to_string())).await.ok()?;
                }
            }
            event = subscription.recv() => socket.send(Message::Text(event.ok()?)).await.ok()?,
        }
    }
}
