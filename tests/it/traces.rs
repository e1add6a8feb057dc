//! Spans that are exported to a collector.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    trace::v1::Span,
};
use prost::Message as _;
use tokio_util::sync::CancellationToken;

use crate::support::{EmptyServer, MEI, TestServer, VIEWER_KIND, wait_for};

/// Interval between two looks at the received spans.
const LOOK: std::time::Duration = std::time::Duration::from_millis(500);

type Spans = Arc<Mutex<Vec<Span>>>;

/// A trace collector on its own thread.
struct Collector {
    url: String,
    spans: Spans,
    services: Arc<Mutex<Vec<String>>>,
    stop: CancellationToken,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (spans, services, stop) =
            (Spans::default(), Arc::<Mutex<Vec<String>>>::default(), CancellationToken::new());
        let routes =
            Router::new().route("/v1/traces", post(take)).with_state((Arc::clone(&spans), Arc::clone(&services)));
        let stopped = stop.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let serving = std::future::IntoFuture::into_future(axum::serve(listener, routes));
                stopped.run_until_cancelled(serving).await
            });
        });
        Self { url, spans, services, stop }
    }

    fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("unpoisoned").clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn take(State((spans, services)): State<(Spans, Arc<Mutex<Vec<String>>>)>, body: Bytes) -> Vec<u8> {
    let taken = ExportTraceServiceRequest::decode(body).expect("spans");
    for resource in taken.resource_spans {
        let attributes = resource.resource.expect("a resource").attributes;
        services.lock().expect("unpoisoned").extend(attributes.iter().map(|attribute| format!("{attribute:?}")));
        let scopes = resource.scope_spans.into_iter();
        spans.lock().expect("unpoisoned").extend(scopes.flat_map(|scope| scope.spans));
    }
    ExportTraceServiceResponse::default().encode_to_vec()
}

/// Returns the names of a span and its ancestors, outermost first.
fn path(span: &Span, spans: &[Span]) -> Vec<String> {
    let parent = spans.iter().find(|other| other.span_id == span.parent_span_id && other.trace_id == span.trace_id);
    let mut path = parent.map(|parent| self::path(parent, spans)).unwrap_or_default();
    path.push(span.name.clone());
    path
}

#[tokio::test]
async fn a_request_is_traced_down_to_its_unit_of_work_without_names() {
    let collector = Collector::start();
    let server = TestServer::with_arguments(&["--otlp-endpoint", &collector.url]).await;
    server.phone().receive("15550111", MEI, "The password is swordfish").await.expect("sent");
    server.assert_in_sync().await;
    let expected = [
        &["request", "operation", "chats.update", "unit of work"][..],
        &["request", "operation", "chats.list"],
        &["session command"],
    ];
    // A batch that is late on a busy machine is lost, so the actions are repeated.
    let mut spans = Vec::new();
    for round in 0..50 {
        server.update_chat(MEI, &format!("pinned: {}", round % 2 == 0)).await;
        server.assert_in_sync().await;
        tokio::time::sleep(LOOK).await;
        spans = collector.spans();
        let ways: Vec<_> = spans.iter().map(|span| path(span, &spans)).collect();
        if expected.iter().all(|expected| ways.iter().any(|path| path == expected)) {
            break;
        }
        assert!(round < 49, "spans are missing: {ways:?}");
    }
    let services = collector.services.lock().expect("unpoisoned").join("\n");
    assert!(services.contains("service.name") && services.contains("\"chatgraph\""), "{services}");
    for private in ["1555", "swordfish", "Tanaka", "org_1", &server.key] {
        let told = spans.iter().find(|span| {
            format!("{} {:?} {:?} {:?}", span.name, span.attributes, span.events, span.status).contains(private)
        });
        assert!(told.is_none(), "{private} is in {told:?}");
    }
}

#[tokio::test]
async fn a_server_that_stops_hands_over_its_last_spans() {
    let collector = Collector::start();
    let server = EmptyServer::start(&["--otlp-endpoint", &collector.url]).await;
    server.query(VIEWER_KIND).await;
    server.terminate();
    wait_for("the spans", async || collector.spans().iter().any(|span| span.name == "operation").then_some(())).await;
}

#[tokio::test]
async fn a_collector_that_is_away_costs_a_warning() {
    // One address refuses connections, and the other never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent_url = format!("http://{}", silent.local_addr().expect("an address"));
    for url in ["http://127.0.0.1:1", &silent_url] {
        let mut server = EmptyServer::start(&["--otlp-endpoint", url]).await;
        for _ in 0..50 {
            let answer = server.query(VIEWER_KIND).await;
            assert_eq!(answer["data"]["viewer"]["kind"], "API_KEY", "{answer}");
        }
        server.terminate();
        assert!(server.ends().await, "the server did not exit cleanly");
        let warnings = || server.log.text().matches("Exporting traces failed").count();
        wait_for("a warning", async || (warnings() > 0).then_some(())).await;
        assert_eq!(warnings(), 1, "{}", server.log.text());
    }
}
