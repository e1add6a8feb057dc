//! Robustness of a listener, with routes for these tests.

use axum::{Router, routing::get};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::http::request_log;

#[tokio::test]
async fn a_panic_returns_a_response_and_the_connection_continues() {
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let broken = get(async || -> &'static str { panic!("of this test") });
    let router = Router::new().route("/broken", broken).route("/whole", get(async || "whole"));
    let router = router.layer(axum::middleware::from_fn(request_log::catch_panic));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let listening =
        ListenerContext { router, config: ConnectionConfig::default(), tls: None, metrics: Metrics::default() };
    let serving = tasks.spawn(serve(listener, listening, tasks.clone(), stop.clone()));
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    for (path, told) in [("/broken", "\"code\":\"internal\""), ("/whole", "whole"), ("/broken", "requestId")] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains(told) {
            let read = stream.read_buf(&mut answer).await.expect("an answer");
            assert_ne!(read, 0, "the connection ended behind {}", String::from_utf8_lossy(&answer));
        }
    }
    stop.cancel();
    serving.await.expect("a good end");
}

#[tokio::test]
async fn an_http_2_connection_that_gives_no_sign_of_life_is_gone() {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let config = ConnectionConfig { heartbeat: Duration::from_secs(1), ..ConnectionConfig::default() };
    let router = Router::new().route("/", get(async || "whole"));
    let listening = ListenerContext { router, config, tls: None, metrics: Metrics::default() };
    let serving = tasks.spawn(serve(listener, listening, tasks.clone(), stop.clone()));
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    // Empty settings, and `GET /` of `http://x` as stream 1. The client responds to no frame.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("sent");
    stream.write_all(b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01x").await.expect("sent");
    let mut said = Vec::new();
    // A connection reset also counts as the end.
    let _ = timeout(Duration::from_secs(30), stream.read_to_end(&mut said)).await.expect("ended by the server");
    assert!(said.windows(5).any(|bytes| bytes == b"whole"), "it was served before: {said:?}");
    stop.cancel();
    serving.await.expect("a good end");
}

/// Empty settings, and `GET /` of `http://x` as stream 1.
const HTTP_2_REQUEST: [&[u8]; 2] =
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01x"];

#[tokio::test]
async fn an_idle_http_2_connection_is_closed_even_if_it_answers_pings() {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let beat = Duration::from_millis(200);
    let config = ConnectionConfig { heartbeat: beat, idle_timeout: beat * 5, ..ConnectionConfig::default() };
    let router = Router::new().route("/", get(async || "whole"));
    let listening = ListenerContext { router, config, tls: None, metrics: Metrics::default() };
    let serving = tasks.spawn(serve(listener, listening, tasks.clone(), stop.clone()));
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(&HTTP_2_REQUEST.concat()).await.expect("sent");
    let answering = async {
        let (mut pings, mut going_away) = (0, false);
        loop {
            let mut header = [0; 9];
            if stream.read_exact(&mut header).await.is_err() {
                return (pings, going_away);
            }
            let mut payload = vec![0; usize::from(header[2]) + usize::from(header[1]) * 256];
            stream.read_exact(&mut payload).await.expect("a whole frame");
            match (header[3], header[4]) {
                (6, 0) => {
                    pings += 1;
                    let pong = [&b"\0\0\x08\x06\x01\0\0\0\0"[..], &payload].concat();
                    // The server may have closed it already.
                    let _ = stream.write_all(&pong).await;
                }
                (7, _) => going_away = true,
                _ => {}
            }
        }
    };
    let (pings, going_away) = timeout(Duration::from_secs(30), answering).await.expect("ended by the server");
    assert!(pings > 1 && going_away, "{pings} pings, GOAWAY: {going_away}");
    stop.cancel();
    serving.await.expect("a good end");
}

#[tokio::test]
async fn a_flood_of_http_2_pings_ends_its_connection() {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/", get(async || "whole"));
    let listening =
        ListenerContext { router, config: ConnectionConfig::default(), tls: None, metrics: Metrics::default() };
    let serving = tasks.spawn(serve(listener, listening, tasks.clone(), stop.clone()));
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(&HTTP_2_REQUEST.concat()).await.expect("sent");
    let ping = b"\0\0\x08\x06\0\0\0\0\x0012345678".repeat(100);
    let (mut reading, mut writing) = stream.into_split();
    let flood = async {
        let mut sent = 0;
        // The response to a ping has 17 bytes, so about 30 responses permit one more ping.
        while sent < 100_000 && writing.write_all(&ping[..1_700]).await.is_ok() {
            sent += 100;
        }
        sent
    };
    let mut dropped = tokio::io::sink();
    let (sent, _) = tokio::join!(flood, tokio::io::copy(&mut reading, &mut dropped));
    assert!(sent < 100_000, "all {sent} were taken");
    stop.cancel();
    serving.await.expect("a good end");
}
