//! What a listener survives, with routes made for it.

use axum::Router;
use axum::routing::get;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::net::TcpStream;

use super::*;
use crate::http::request;

#[tokio::test]
async fn a_panic_is_an_answer_and_the_connection_goes_on() {
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let broken = get(async || -> &'static str { panic!("of this test") });
    let router = Router::new().route("/broken", broken).route("/whole", get(async || "whole"));
    let router = router.layer(axum::middleware::from_fn(request::catch));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let listening = Listening { router, config: Connections::default(), tls: None, metrics: Metrics::default() };
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
