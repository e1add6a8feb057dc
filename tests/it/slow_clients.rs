//! Slow or incomplete connections: half a request, a body that never arrives, more connections than the limit.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::support::EmptyServer;

/// Time limit for anything that the server must end by itself.
const TEST_TIMEOUT: Duration = Duration::from_secs(100);

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

impl EmptyServer {
    fn address(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches("/graphql")
    }

    async fn connect(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address()).await.expect("a connection");
        // The server closes the connection once it has rejected the request, so this may fail.
        let _ = stream.write_all(text.as_bytes()).await;
        stream
    }

    /// Opens a connection that has presented a valid token and stays open.
    async fn connect_with_token(&self) -> TcpStream {
        let body = "{\"query\": \"{ viewer { kind } }\"}";
        let head = format!(
            "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        );
        let mut stream = self.connect(&head).await;
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains("API_KEY") {
            let read = timeout(TEST_TIMEOUT, stream.read_buf(&mut answer)).await.expect("in time").expect("an answer");
            assert_ne!(read, 0, "it ended behind {}", String::from_utf8_lossy(&answer));
        }
        stream
    }

    /// Returns true if a new connection is served.
    async fn is_serving(&self) -> bool {
        let mut stream = self.connect(HEALTH).await;
        let mut answer = [0; 15];
        matches!(timeout(TEST_TIMEOUT, stream.read_exact(&mut answer)).await, Ok(Ok(_)))
            && answer == *b"HTTP/1.1 200 OK"
    }
}

/// Reads everything that the server still sends before it closes the connection.
async fn read_to_end_of(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    // A reset also ends the connection.
    let _ = timeout(TEST_TIMEOUT, stream.read_to_end(&mut said)).await.expect("the server closes the connection");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn half_a_request_is_gone_after_a_while() {
    let server = EmptyServer::start(&["--head-timeout-seconds", "1", "--idle-timeout-seconds", "1"]).await;
    let halves =
        ["", "G", "PRI * HTTP/2.0\r\n\r\nSM", "GET /healthz HTTP/1.1\r\n", "POST /graphql HTTP/1.1\r\nHost: x\r\nX: "];
    futures_util::future::join_all(halves.map(async |half| {
        let begun = Instant::now();
        let mut stream = server.connect(half).await;
        let said = read_to_end_of(&mut stream).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{half:?}: {said}");
        assert!(begun.elapsed() >= Duration::from_secs(1), "{half:?}: the connection was not open for its second");
    }))
    .await;
    let mut kept = server.connect(HEALTH).await;
    assert!(
        read_to_end_of(&mut kept).await.starts_with("HTTP/1.1 200"),
        "a connection that was served may idle, up to the idle timeout"
    );
}

#[tokio::test]
async fn a_connection_may_idle_between_requests_but_not_within_one() {
    let server = EmptyServer::start(&["--head-timeout-seconds", "1"]).await;
    let (mut idle, mut half) = (server.connect("").await, server.connect("").await);
    for stream in [&mut idle, &mut half] {
        stream.answers_a_question().await;
    }
    // The second request on this connection is never complete; the server closes the connection when the time is over.
    half.write_all(b"GET /healthz HTTP/1.1\r\nX: ").await.expect("sent");
    assert_eq!(read_to_end_of(&mut half).await, "");
    idle.answers_a_question().await;
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_has_no_more_time() {
    let server = EmptyServer::start(&["--head-timeout-seconds", "3", "--idle-timeout-seconds", "600"]).await;
    let mut stream = server.connect("").await;
    stream.answers_a_question().await;
    let (mut reading, mut writing) = stream.into_split();
    let dripping = async {
        // Writes until the server closes the connection.
        while writing.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut said = Vec::new();
    let (ended, _) =
        tokio::join!(timeout(TEST_TIMEOUT, reading.read_to_end(&mut said)), timeout(TEST_TIMEOUT, dripping));
    // A reset also ends the connection.
    let _ = ended.expect("the server closes the connection");
    assert_eq!(String::from_utf8_lossy(&said), "");
}

trait Asked {
    /// Sends a request, and reads the whole answer.
    async fn answers_a_question(&mut self);
}

impl Asked for TcpStream {
    async fn answers_a_question(&mut self) {
        self.write_all(HEALTH.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok\n") {
            let read = timeout(TEST_TIMEOUT, self.read_buf(&mut answer)).await.expect("in time").expect("an answer");
            assert_ne!(read, 0, "it ended behind {}", String::from_utf8_lossy(&answer));
        }
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = EmptyServer::start(&["--body-timeout-seconds", "1"]).await;
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
        server.key
    );
    let mut stream = server.connect(&head).await;
    let said = read_to_end_of(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 408") && said.contains("limit_exceeded"), "{said}");
    assert!(
        said.to_ascii_lowercase().contains("\r\nconnection: close\r\n"),
        "the server waited for the rest of the body: {said}"
    );
}

#[tokio::test]
async fn unauthenticated_bodies_are_not_read() {
    let server = EmptyServer::start(&["--body-timeout-seconds", "1"]).await;
    let head = "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer cg_nobody\r\n\
                Content-Type: application/json\r\nContent-Length: 100\r\n\r\n";
    let said = read_to_end_of(&mut server.connect(head).await).await;
    assert!(said.starts_with("HTTP/1.1 401") && said.contains("unauthorized"), "{said}");
}

#[tokio::test]
async fn a_head_has_an_end() {
    let server = EmptyServer::start(&[]).await;
    let many = "X-A: b\r\n".repeat(70);
    let long = format!("X-A: {}\r\n", "b".repeat(64 * 1024));
    for headers in [many, long] {
        let mut stream = server.connect(&format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{headers}\r\n")).await;
        let said = read_to_end_of(&mut stream).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
    }
    assert!(server.is_serving().await);
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_others_are_served() {
    let server = EmptyServer::start(&["--max-connections-per-address", "3"]).await;
    let held = [server.connect("").await, server.connect("").await, server.connect("").await];
    let mut refused = server.connect("").await;
    assert_eq!(read_to_end_of(&mut refused).await, "");
    let other = tokio::net::TcpSocket::new_v4().expect("a socket");
    other.bind("127.0.0.2:0".parse().expect("an address")).expect("bound");
    let mut other = other.connect(server.address().parse().expect("an address")).await.expect("a connection");
    other.write_all(HEALTH.as_bytes()).await.expect("sent");
    let mut answer = [0; 12];
    other.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200");
    drop(held);
    let deadline = Instant::now() + TEST_TIMEOUT;
    while !server.is_serving().await {
        assert!(Instant::now() < deadline, "closed connections are still counted");
    }
}

#[tokio::test]
async fn one_address_has_fewer_connections_without_a_token() {
    let server = EmptyServer::start(&["--max-anonymous-connections-per-address", "2"]).await;
    let mut known = Vec::new();
    // Each has presented a valid token, so it no longer counts as anonymous.
    for _ in 0..5 {
        known.push(server.connect_with_token().await);
    }
    let held = [server.connect("").await, server.connect("").await];
    assert_eq!(read_to_end_of(&mut server.connect(HEALTH).await).await, "");
    for stream in &mut known {
        stream.answers_a_question().await;
    }
    drop(held);
    let deadline = Instant::now() + TEST_TIMEOUT;
    while !server.is_serving().await {
        assert!(Instant::now() < deadline, "closed connections are still counted");
    }
}

#[tokio::test]
async fn a_trusted_proxy_s_clients_are_counted_and_not_itself() {
    let server = EmptyServer::start(&["--trusted-proxies", "127.0.0.1", "--max-connections-per-address", "1"]).await;
    let ask = async |client: &str| {
        let mut stream = server.connect("").await;
        let request =
            HEALTH.replace("\r\n\r\n", &format!("\r\nX-Forwarded-For: {client}\r\nConnection: close\r\n\r\n"));
        stream.write_all(request.as_bytes()).await.expect("sent");
        read_to_end_of(&mut stream).await
    };
    let mut held = Vec::new();
    for client in 1..=5 {
        // A request without its body yet. One that arrives together with `ask` is itself rejected, so another follows
        // it.
        let begun = format!(
            "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             X-Forwarded-For: 203.0.113.{client}\r\nContent-Length: 100\r\n\r\n{{",
            server.key
        );
        let deadline = Instant::now() + TEST_TIMEOUT;
        held.push(server.connect(&begun).await);
        while !ask(&format!("203.0.113.{client}")).await.starts_with("HTTP/1.1 429") {
            assert!(Instant::now() < deadline, "the pending request is not counted");
            held.push(server.connect(&begun).await);
        }
    }
    let refused = ask("203.0.113.1").await.to_ascii_lowercase();
    assert!(refused.contains("\r\nretry-after: 1\r\n") && refused.contains("rate_limited"), "{refused}");
    assert!(ask("203.0.113.6").await.starts_with("HTTP/1.1 200"), "another client");
    drop(held);
    let deadline = Instant::now() + TEST_TIMEOUT;
    while !ask("203.0.113.1").await.starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < deadline, "a closed connection is still counted");
    }
}

#[tokio::test]
async fn all_together_have_so_many_connections() {
    let server = EmptyServer::start(&["--max-connections", "2"]).await;
    let held = [server.connect("").await, server.connect("").await];
    assert_eq!(read_to_end_of(&mut server.connect("").await).await, "");
    drop(held);
    let deadline = Instant::now() + TEST_TIMEOUT;
    while !server.is_serving().await {
        assert!(Instant::now() < deadline, "closed connections are still counted");
    }
}

#[tokio::test]
async fn http_2_is_spoken_without_tls() {
    let server = EmptyServer::start(&[]).await;
    let mut stream = server.connect("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.expect("a frame");
    assert_eq!(frame[3], 4, "the first frame is not the server's SETTINGS: {frame:?}");
}
