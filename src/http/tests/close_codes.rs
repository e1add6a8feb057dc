//! Close codes of WebSockets.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, time::timeout};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use super::fixture::{NEWER, OLDER, PATIENCE, Rig, Socket};
use crate::{clock::SystemClock, domain::clock::Clock as _, http::Config};

const SOON: Duration = Duration::from_millis(100);
const CHANGES: &str = "subscription { chatChanges { cursor } }";

fn text(message: &Value) -> Message {
    Message::text(message.to_string())
}

#[tokio::test]
async fn a_socket_without_connection_init_is_closed_in_time() {
    let rig = Rig::start(Config { init_timeout: SOON, ..Config::default() }).await;
    let mut socket = rig.connect(NEWER).await;
    socket.send_json(&json!({"type": "ping"})).await;
    assert_eq!(socket.closed().await, (4408, "Connection initialisation timeout".into()));
    assert_eq!(rig.connect(OLDER).await.closed().await.0, 4408);
    rig.is_left_alone().await;
}

#[tokio::test]
async fn other_messages_do_not_extend_the_init_timeout() {
    let rig = Rig::start(Config { init_timeout: SOON, max_messages: 1_000_000, ..Config::default() }).await;
    let mut socket = rig.connect(NEWER).await;
    let begun = Instant::now();
    let closed = loop {
        // The server may have closed it already.
        let _ = futures_util::SinkExt::send(&mut socket.socket, text(&json!({"type": "ping"}))).await;
        match socket.any().await {
            Some(Message::Close(Some(frame))) => break u16::from(frame.code),
            Some(Message::Text(_)) => assert!(begun.elapsed() < PATIENCE, "the server never closes the connection"),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(closed, 4408);
}

#[tokio::test]
async fn unknown_message_closes_the_connection_with_its_code() {
    let rig = Rig::start(Config::default()).await;
    let start = json!({"type": "subscribe", "id": "1", "payload": {"query": CHANGES}});
    for message in [text(&start), text(&json!({"type": "subscribe", "id": "1", "payload": 1}))] {
        let mut socket = rig.connect(NEWER).await;
        socket.send(message).await;
        assert_eq!(socket.closed().await, (4401, "Unauthorized".into()));
    }
    for (messages, code) in [
        (vec![Message::text("{")], 4400),
        (vec![Message::text("hello")], 4400),
        (vec![Message::binary(start.to_string().into_bytes())], 4400),
        (vec![text(&json!({"type": "start", "id": "1", "payload": {"query": CHANGES}}))], 4400),
        (vec![text(&json!({"type": "subscribe", "id": "1", "payload": {"query": 1}}))], 4400),
        (vec![text(&json!({"type": "connection_init"}))], 4429),
        (vec![text(&start), text(&start)], 4409),
    ] {
        let mut socket = rig.enter(NEWER).await;
        for message in &messages {
            socket.send(message.clone()).await;
        }
        assert_eq!(socket.closed().await.0, code, "{messages:?}");
    }
    rig.is_left_alone().await;
}

#[tokio::test]
async fn an_invalid_token_closes_with_a_code_that_allows_a_retry() {
    let rig = Rig::start(Config::default()).await;
    for payload in [Value::Null, json!({}), json!({"Authorization": "Bearer cg_wrong"})] {
        let mut socket = rig.connect(NEWER).await;
        socket.send_json(&json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(socket.closed().await, (4403, "Forbidden".into()), "{payload}");
    }
}

#[tokio::test]
async fn a_socket_ends_with_its_token_and_not_at_the_next_look() {
    let rig = Rig::start(Config { verify: Duration::from_hours(1), ..Config::default() }).await;
    let ends = SystemClock.now() + 8_000;
    rig.execute(&format!("UPDATE api_key SET expires_at = {ends}")).await;
    let mut socket = rig.enter(NEWER).await;
    assert_eq!(socket.closed().await, (4403, "Forbidden".into()));
    assert!(SystemClock.now() > ends, "closed before the expiry");
}

#[tokio::test]
async fn a_socket_without_a_heartbeat_is_closed_and_others_stay_open() {
    let rig = Rig::start(Config { heartbeat: SOON, silence: SOON * 30, ..Config::default() }).await;
    let check = async |protocol| {
        // The library responds to WebSocket pings while it reads. No client responds to the pings of the protocol.
        let (mut silent, mut lively) = (rig.enter(protocol).await, rig.enter(protocol).await);
        let begun = Instant::now();
        while begun.elapsed() < SOON * 50 {
            assert!(["ping", "ka"].contains(&lively.next().await["type"].as_str().expect("a type")));
        }
        // Raw reads: the library would respond to the pings first, and get a connection reset.
        let mut said = Vec::new();
        // A connection reset also counts as the end.
        let _ = timeout(PATIENCE, silent.socket.get_mut().read_to_end(&mut said)).await.expect("ended by the server");
        let close = [&4408_u16.to_be_bytes()[..], b"Request timeout"].concat();
        assert!(said.windows(close.len()).any(|bytes| bytes == close), "{protocol}: {said:?}");
        lively.next().await;
    };
    tokio::join!(check(NEWER), check(OLDER));
}

#[tokio::test]
async fn a_socket_above_the_message_rate_is_closed() {
    let rig = Rig::start(Config { max_messages: 5, ..Config::default() }).await;
    let mut socket = rig.enter(NEWER).await;
    let ping = text(&json!({"type": "ping"}));
    // Control frames count, too.
    for message in [ping.clone(), Message::Ping(Vec::new().into())].iter().cycle().take(40) {
        socket.send(message.clone()).await;
    }
    socket.subscribe("1", "{ viewer { kind } }", json!({})).await;
    while socket.next().await["type"] != "complete" {}
    let flood = async |mut socket: Socket, message: Message| {
        for _ in 0..200 {
            // The server may have closed it already.
            let _ = futures_util::SinkExt::send(&mut socket.socket, message.clone()).await;
        }
        socket.closed().await
    };
    assert_eq!(flood(socket, ping).await, (4429, "Too many messages".into()));
    let frames = flood(rig.enter(NEWER).await, Message::Ping(Vec::new().into()));
    assert_eq!(frames.await, (4429, "Too many messages".into()));
    let fragment = Frame::message("", OpCode::Data(Data::Continue), false);
    let mut socket = rig.enter(NEWER).await;
    socket.send(Message::Frame(Frame::message("{", OpCode::Data(Data::Text), false))).await;
    assert_eq!(flood(socket, Message::Frame(fragment)).await, (4429, "Too many messages".into()));
}

#[tokio::test]
async fn a_message_that_is_too_long_is_closed_with_its_code() {
    let rig = Rig::start(Config { max_body: 10_000, ..Config::default() }).await;
    for (length, taken) in [(10_000, true), (10_001, false), (100_000, false)] {
        let mut socket = rig.enter(NEWER).await;
        let ping = json!({"type": "ping"}).to_string();
        socket.send(Message::text(format!("{ping}{}", " ".repeat(length - ping.len())))).await;
        if taken {
            assert_eq!(socket.next().await["type"], "pong");
        } else {
            assert_eq!(socket.closed().await, (1009, "Message too long".into()), "{length}");
        }
    }
}

#[tokio::test]
async fn a_failure_of_ours_is_closed_with_its_code() {
    for (protocol, code) in [(NEWER, 4500), (OLDER, 1011)] {
        let rig = Rig::start(Config { verify: SOON, ..Config::default() }).await;
        let mut socket = rig.enter(protocol).await;
        rig.token_clock.break_down();
        assert_eq!(socket.closed().await, (code, "Internal server error".into()));
    }
}

#[tokio::test]
async fn a_socket_is_asked_to_retry_while_tokens_cannot_be_verified() {
    let rig = Rig::start(Config::default()).await;
    rig.execute("DROP TABLE api_key").await;
    let mut socket = rig.connect(NEWER).await;
    socket.init(&rig.key).await;
    assert_eq!(socket.closed().await, (1013, "Try again later".into()));
}

#[tokio::test]
async fn a_stopping_server_closes_sockets_without_completing_streams() {
    let rig = Rig::start(Config { drain_window: SOON, ..Config::default() }).await;
    let (mut silent, mut idle, mut busy) = (rig.connect(NEWER).await, rig.enter(NEWER).await, rig.enter(NEWER).await);
    busy.subscribe("1", CHANGES, json!({})).await;
    assert_eq!(busy.next_message().await["type"], "next");
    rig.drain.cancel();
    rig.stop.cancel();
    for socket in [&mut silent, &mut idle] {
        assert_eq!(socket.closed().await, (1001, "Going away".into()));
    }
    match busy.any().await {
        Some(Message::Close(Some(frame))) => assert_eq!(u16::from(frame.code), 1001),
        other => panic!("{other:?}"),
    }
    rig.callers.close();
    timeout(PATIENCE, rig.callers.wait()).await.expect("all are gone");
}

#[tokio::test]
async fn until_a_socket_is_sent_away_it_works() {
    let rig = Rig::start(Config { drain_window: Duration::from_hours(1), ..Config::default() }).await;
    let mut socket = rig.enter(NEWER).await;
    rig.drain.cancel();
    socket.subscribe("1", "{ viewer { kind } }", json!({})).await;
    assert_eq!(socket.next_message().await["type"], "next");
}
