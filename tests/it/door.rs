//! What does not get through the door, whoever it is.

use futures_util::SinkExt as _;
use futures_util::StreamExt as _;
use serde_json::Value;
use serde_json::json;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::Message;

use crate::support::TestServer;
use crate::support::error_code;
use crate::support::upgrade;

/// The longest request and message, in bytes.
const LONGEST: usize = 1024 * 1024;

/// The JSON with so many spaces behind it that it has `length` bytes.
fn padded(json: &str, length: usize) -> String {
    format!("{json}{}", " ".repeat(length - json.len()))
}

async fn post(server: &TestServer, content_type: &str, body: String) -> (u16, Value) {
    let request = reqwest::Client::new().post(&server.url).bearer_auth(&server.key);
    let response = request.header("Content-Type", content_type).body(body).send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_request_may_have_a_mebibyte_and_no_more() {
    let server = TestServer::start().await;
    let query = json!({"query": "{ viewer { kind } }"}).to_string();
    let (status, answer) = post(&server, "application/json", padded(&query, LONGEST)).await;
    assert_eq!((status, &answer["data"]["viewer"]["kind"]), (200, &json!("API_KEY")));
    let (status, answer) = post(&server, "application/json", padded(&query, LONGEST + 1)).await;
    assert_eq!((status, error_code(&answer)), (413, "limit_exceeded"));
}

#[tokio::test]
async fn what_the_form_of_a_web_page_can_send_is_refused() {
    let server = TestServer::start().await;
    let query = json!({"query": "{ viewer { kind } }"}).to_string();
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
    let (mut socket, _) = connect_async(upgrade(&server)).await.expect("a socket");
    let ping = json!({"type": "ping"}).to_string();
    for (ping, taken) in [(padded(&ping, LONGEST), true), (padded(&ping, LONGEST + 1), false)] {
        socket.send(Message::text(ping)).await.expect("sent");
        let answer = socket.next().await;
        assert_eq!(matches!(answer, Some(Ok(Message::Text(_)))), taken, "{answer:?}");
    }
}
