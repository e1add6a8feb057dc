//! HTTP/2 without encryption: many requests on one connection, and the limits of one connection.

use axum::body::Bytes;
use futures_util::future::join_all;
use h2::{
    Reason,
    client::{self, SendRequest},
};
use http::{Request, StatusCode};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::support::EmptyServer;

/// A connection that runs until it is dropped.
struct Wire {
    requests: SendRequest<Bytes>,
    ended: AbortOnDropHandle<Result<(), h2::Error>>,
}

impl Wire {
    async fn to(server: &EmptyServer) -> Self {
        let address = server.url.trim_start_matches("http://").trim_end_matches("/graphql");
        let stream = TcpStream::connect(address).await.expect("a connection");
        let (requests, connection) = client::handshake(stream).await.expect("HTTP/2");
        let ended = AbortOnDropHandle::new(TaskTracker::new().spawn(connection));
        Self { requests, ended }
    }

    /// Queries the viewer's kind, and reads the answer.
    async fn query_viewer(&self, server: &EmptyServer) -> Value {
        let body = Bytes::from_static(b"{\"query\": \"{ viewer { kind } }\"}");
        let request = Request::post(&server.url)
            .header("authorization", format!("Bearer {}", server.key))
            .header("content-type", "application/json");
        let mut requests = self.requests.clone().ready().await.expect("room");
        let (response, mut sending) = requests.send_request(request.body(()).expect("a request"), false).expect("sent");
        sending.send_data(body, true).expect("sent");
        let response = response.await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        let (mut body, mut text) = (response.into_body(), Vec::new());
        while let Some(data) = body.data().await {
            let data = data.expect("data");
            body.flow_control().release_capacity(data.len()).expect("room");
            text.extend_from_slice(&data);
        }
        serde_json::from_slice(&text).expect("JSON")
    }
}

#[tokio::test]
async fn many_requests_share_a_connection() {
    let server = EmptyServer::start(&[]).await;
    let wire = Wire::to(&server).await;
    // The first answer also announces the stream limit; the client respects it, and all requests are served.
    wire.query_viewer(&server).await;
    assert_eq!(wire.requests.current_max_send_streams(), 100);
    let answers = join_all((0..300).map(|_| wire.query_viewer(&server))).await;
    assert!(answers.iter().all(|answer| answer["data"]["viewer"]["kind"] == "API_KEY"), "{:?}", answers[0]);
}

#[tokio::test]
async fn rapid_resets_close_the_connection() {
    let server = &EmptyServer::start(&[]).await;
    let Wire { mut requests, ended } = Wire::to(server).await;
    let asking = async move {
        for _ in 0..10_000 {
            let Ok(room) = requests.ready().await else { return };
            requests = room;
            let request = Request::post(&server.url).header("authorization", format!("Bearer {}", server.key));
            let Ok((_, mut sending)) = requests.send_request(request.body(()).expect("a request"), false) else {
                return;
            };
            // A request that is reset before it is sent would never be sent.
            tokio::task::yield_now().await;
            sending.send_reset(Reason::CANCEL);
        }
    };
    asking.await;
    // If the server had accepted all of them, the connection would end without an error. The reason may be lost if the
    // connection closes first.
    let ended = ended.await.expect("driven").expect_err("the server closes the connection with an error");
    assert!(ended.is_io() || ended.reason() == Some(Reason::ENHANCE_YOUR_CALM), "{ended}");
    let other = Wire::to(server).await;
    assert_eq!(other.query_viewer(server).await["data"]["viewer"]["kind"], "API_KEY");
}

#[tokio::test]
async fn a_head_has_an_end_by_http_2_too() {
    let server = EmptyServer::start(&[]).await;
    let wire = Wire::to(&server).await;
    for (length, status) in [(1024, StatusCode::UNAUTHORIZED), (40 * 1024, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)]
    {
        let request = Request::post(&server.url).header("x-a", "b".repeat(length)).body(()).expect("a request");
        let mut requests = wire.requests.clone().ready().await.expect("room");
        let (response, _) = requests.send_request(request, true).expect("sent");
        assert_eq!(response.await.expect("an answer").status(), status, "{length} bytes");
    }
    assert_eq!(wire.query_viewer(&server).await["data"]["viewer"]["kind"], "API_KEY");
}
