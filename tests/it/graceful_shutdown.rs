//! A server that stops while requests are in progress.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{EmptyServer, wait_for};

const TEST_TIMEOUT: Duration = Duration::from_mins(1);
const QUERY: &str = "{\"query\":\"{ viewer { kind } }\"}";

/// Starts a request whose body the server waits for.
async fn under_way(server: &EmptyServer) -> TcpStream {
    let mut stream = TcpStream::connect(address(server)).await.expect("a connection");
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nExpect: \
         100-continue\r\nContent-Length: {}\r\n\r\n",
        server.key,
        QUERY.len()
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = [0; 25];
    timeout(TEST_TIMEOUT, stream.read_exact(&mut answer)).await.expect("in time").expect("the server reads the body");
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

fn address(server: &EmptyServer) -> String {
    server.at("").replace("http://", "")
}

async fn read_to_end_of(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    // A reset also ends the connection.
    let _ = timeout(TEST_TIMEOUT, stream.read_to_end(&mut said)).await.expect("the server closes the connection");
    String::from_utf8_lossy(&said).into_owned()
}

/// Waits until the server accepts no new connections.
async fn closed(server: &EmptyServer) {
    wait_for("the listener to close", async || TcpStream::connect(address(server)).await.err()).await;
}

#[tokio::test]
async fn a_request_in_flight_is_answered_during_shutdown() {
    let mut server = EmptyServer::start(&[]).await;
    let mut stream = under_way(&server).await;
    server.terminate();
    closed(&server).await;
    stream.write_all(QUERY.as_bytes()).await.expect("sent");
    let said = read_to_end_of(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 200") && said.contains("API_KEY"), "{said}");
    assert!(server.ends().await, "the server did not exit cleanly");
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut() {
    let mut server = EmptyServer::start(&[]).await;
    let mut stream = under_way(&server).await;
    server.terminate();
    assert_eq!(read_to_end_of(&mut stream).await, "");
    assert!(server.ends().await, "the server did not exit cleanly");
}
