//! Requests that the server rejects before it authenticates or executes them.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{self, Message},
};

use crate::support::{EmptyServer, TestServer, VIEWER_KIND, error_code, upgrade};

/// Maximum size of a request and of a message, in bytes.
const LONGEST: usize = 1024 * 1024;
/// Maximum size of a message without a token, in bytes.
const LONGEST_INIT: usize = 16 * 1024;

/// Pads the JSON with spaces to `length` bytes.
fn padded(json: &str, length: usize) -> String {
    format!("{json}{}", " ".repeat(length - json.len()))
}

async fn post(server: &TestServer, content_type: &str, body: String) -> (u16, Value) {
    let request = reqwest::Client::new().post(&server.url).bearer_auth(&server.key);
    let response = request.header("Content-Type", content_type).body(body).send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_request_has_at_most_a_mebibyte() {
    let server = TestServer::start().await;
    let query = json!({"query": VIEWER_KIND}).to_string();
    let (status, answer) = post(&server, "application/json", padded(&query, LONGEST)).await;
    assert_eq!((status, &answer["data"]["viewer"]["kind"]), (200, &json!("API_KEY")));
    let (status, answer) = post(&server, "application/json", padded(&query, LONGEST + 1)).await;
    assert_eq!((status, error_code(&answer)), (413, "limit_exceeded"));
}

#[tokio::test]
async fn form_posts_of_web_pages_are_rejected() {
    let server = TestServer::start().await;
    let query = json!({"query": VIEWER_KIND}).to_string();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let (status, answer) = post(&server, content_type, query.clone()).await;
        assert_eq!((status, error_code(&answer)), (415, "validation_error"), "{content_type}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_opens_no_socket() {
    let server = TestServer::start().await;
    let mut request = upgrade(&server);
    request.headers_mut().insert("Origin", "https://evil.example".parse().expect("a header"));
    match connect_async(request).await {
        Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 403),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_socket_takes_no_message_over_a_mebibyte() {
    let server = TestServer::start().await;
    let ping = json!({"type": "ping"}).to_string();
    for (token, longest) in [(None, LONGEST_INIT), (Some(&server.key), LONGEST)] {
        let (mut socket, _) = connect_async(upgrade(&server)).await.expect("a socket");
        if let Some(token) = token {
            let init = json!({"type": "connection_init", "payload": {"X-Api-Key": token}}).to_string();
            socket.send(Message::text(init)).await.expect("sent");
            assert!(socket.next().await.expect("an answer").expect("an answer").is_text());
        }
        for (ping, taken) in [(padded(&ping, longest), true), (padded(&ping, longest + 1), false)] {
            socket.send(Message::text(ping)).await.expect("sent");
            let answer = socket.next().await;
            assert_eq!(matches!(answer, Some(Ok(Message::Text(_)))), taken, "{answer:?}");
        }
    }
}

/// Opens a WebSocket without a client library.
async fn open(address: &str, token: Option<&str>) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = "GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut answer).await.expect("an answer"), 0);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    if let Some(token) = token {
        let init = json!({"type": "connection_init", "payload": {"X-Api-Key": token}}).to_string();
        let length = u8::try_from(init.len()).expect("short");
        let header = if length < 126 { vec![0x81, 0x80 | length] } else { vec![0x81, 0xfe, 0, length] };
        stream.write_all(&[&header[..], &[0; 4], init.as_bytes()].concat()).await.expect("sent");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\"connection_ack\"}") {
            assert_ne!(stream.read_buf(&mut answer).await.expect("an answer"), 0);
        }
    }
    stream
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_frame_s_header_reserves_no_memory() {
    const SOCKETS: u16 = 500;
    // Connections of the previous round may still be closing.
    let many = (3 * SOCKETS).to_string();
    let server = EmptyServer::start(&["--max-anonymous-connections-per-address", &many]).await;
    let address = server.url.trim_start_matches("http://").trim_end_matches("/graphql");
    // The limit without a token, the limit with one, and a length above both.
    for (token, length) in [(None, LONGEST_INIT), (Some(&*server.key), LONGEST), (None, 16 * LONGEST)] {
        let before = server.resident_mib();
        let header = [&[0x81, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat();
        let mut sockets = Vec::new();
        for _ in 0..SOCKETS {
            let mut stream = open(address, token).await;
            stream.write_all(&header).await.expect("sent");
            sockets.push(stream);
        }
        // By the time of this answer the server has read all headers, or enough to reject them.
        server.query(VIEWER_KIND).await;
        let each_kib = (server.resident_mib() - before) * 1024.0 / f64::from(SOCKETS);
        println!(
            "{length} bytes announced, {} a token: {each_kib:.1} KiB a socket",
            token.map_or("without", |_| "with")
        );
        assert!(each_kib < 64.0, "{each_kib:.1} KiB for each header of {length} bytes");
    }
}

#[tokio::test]
async fn an_early_rejection_reaches_a_client_that_is_still_writing() {
    let server = EmptyServer::start(&[]).await;
    let address = server.url.trim_start_matches("http://").trim_end_matches("/graphql").to_owned();
    let (json, text) = ("application/json", "text/plain");
    for (token, media_type, chunked, status) in [
        ("cg_nobody", json, false, "401"),
        (&*server.key, json, false, "413"),
        (&*server.key, json, true, "413"),
        (&*server.key, text, false, "415"),
    ] {
        let body = vec![b'x'; 3 * LONGEST / 2];
        let length =
            if chunked { "Transfer-Encoding: chunked".into() } else { format!("Content-Length: {}", body.len()) };
        let head = format!(
            "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: {media_type}\r\n{length}\r\n\r\n"
        );
        let (size, end) = if chunked { (format!("{:x}\r\n", body.len()), "\r\n0\r\n\r\n") } else { Default::default() };
        let health = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let mut stream = TcpStream::connect(&address).await.expect("a connection");
        for part in [head.as_bytes(), size.as_bytes(), &body, end.as_bytes(), health.as_bytes()] {
            stream.write_all(part).await.unwrap_or_else(|error| panic!("{status}, chunked {chunked}: {error}"));
        }
        let mut answers = Vec::new();
        stream.read_to_end(&mut answers).await.unwrap_or_else(|error| panic!("{status}, chunked {chunked}: {error}"));
        let answers = String::from_utf8_lossy(&answers);
        assert!(answers.starts_with(&format!("HTTP/1.1 {status} ")), "{answers}");
        assert!(answers.ends_with("\r\n\r\nok\n"), "the server answered another request on the connection: {answers}");
    }
}
