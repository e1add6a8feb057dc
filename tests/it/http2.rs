//! HTTP/2 without encryption: many requests on one connection, and what one connection may not do.

use axum::body::Bytes;
use futures_util::future::join_all;
use h2::Reason;
use h2::client;
use h2::client::SendRequest;
use http::Request;
use http::StatusCode;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;
use tokio_util::task::TaskTracker;

use crate::support::BareServer;

/// A connection that is driven until it is dropped.
struct Wire {
    requests: SendRequest<Bytes>,
    ended: AbortOnDropHandle<Result<(), h2::Error>>,
}

impl Wire {
    async fn to(server: &BareServer) -> Self {
        let address = server.url.trim_start_matches("http://").trim_end_matches("/graphql");
        let stream = TcpStream::connect(address).await.expect("a connection");
        let (requests, connection) = client::handshake(stream).await.expect("HTTP/2");
        let ended = AbortOnDropHandle::new(TaskTracker::new().spawn(connection));
        Self { requests, ended }
    }

    /// Asks for the viewer's kind, and reads the answer.
    async fn asks(&self, server: &BareServer) -> Value {
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
    let server = BareServer::start(&[]).await;
    let wire = Wire::to(&server).await;
    let answers = join_all((0..300).map(|_| wire.asks(&server))).await;
    assert!(answers.iter().all(|answer| answer["data"]["viewer"]["kind"] == "API_KEY"), "{:?}", answers[0]);
    // The server tells how many it takes at once; a client that keeps to it is served all the same.
    assert_eq!(wire.requests.current_max_send_streams(), 100);
}

#[tokio::test]
async fn who_asks_and_takes_back_again_and_again_is_sent_away() {
    let server = BareServer::start(&[]).await;
    let wire = Wire::to(&server).await;
    let mut requests = wire.requests.clone();
    for _ in 0..10_000 {
        let Ok(room) = requests.ready().await else { break };
        requests = room;
        let request = Request::post(&server.url).header("authorization", format!("Bearer {}", server.key));
        let Ok((_, mut sending)) = requests.send_request(request.body(()).expect("a request"), false) else { break };
        sending.send_reset(Reason::CANCEL);
    }
    let ended = wire.ended.await.expect("driven");
    assert_eq!(ended.expect_err("sent away").reason(), Some(Reason::ENHANCE_YOUR_CALM));
    let other = Wire::to(&server).await;
    assert_eq!(other.asks(&server).await["data"]["viewer"]["kind"], "API_KEY");
}
