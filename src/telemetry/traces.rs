//! Spans to a collector, by OTLP over HTTP. They are handed over in batches by a thread of their own, which nobody waits
//! for: a collector that is away costs the spans that do not fit into the queue meanwhile.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use axum::http::Uri;
use opentelemetry::Key;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::Bytes;
use opentelemetry_http::HttpClient;
use opentelemetry_http::HttpError;
use opentelemetry_http::Request;
use opentelemetry_http::Response;
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_otlp::Protocol;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_otlp::WithHttpConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing::warn;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::ceiling;

/// How long the collector may take to take a batch: less than the process waits for its last one.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often the log tells that it takes none.
const COMPLAIN: Duration = Duration::from_mins(1);
/// The longest answer of the collector that is read, in bytes.
const LONGEST: u64 = 64 * 1024;
/// Spans that last for as long as a session runs: what happens below them makes traces of its own.
const LASTING: [&str; 2] = ["session", "inbound"];

/// Where traces go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The collector, as in `http://127.0.0.1:4318`.
    pub endpoint: String,
}

impl Config {
    /// Whether the collector has a URL that requests can be sent to.
    pub(super) fn has_url(&self) -> bool {
        let url = self.endpoint.parse::<Uri>();
        url.is_ok_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some())
    }
}

/// What makes spans, and sends them.
pub(super) fn provider(config: &Config) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector::new())
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", config.endpoint.trim_end_matches('/')))
        .build()?;
    let unnamed = |resource: &Resource| {
        let name = resource.get(&Key::from_static_str("service.name"));
        name.is_none_or(|name| name.as_str().starts_with("unknown_service"))
    };
    // OTEL_SERVICE_NAME is read by the library itself.
    let mut resource = Resource::builder().build();
    if unnamed(&resource) {
        resource = Resource::builder().with_service_name("chatgraph").build();
    }
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Hands our own spans over; lines of the log and other crates' spans stay here.
pub(super) fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let ours = filter_fn(|metadata| {
        metadata.is_span() && ceiling::is_ours(metadata.target()) && !LASTING.contains(&metadata.name())
    });
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("chatgraph"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_target(false)
        .with_filter(ours)
}

/// The way to the collector: the HTTP client that also fetches the keys of login tokens. It blocks the exporter's own
/// thread and nobody else's.
#[derive(Debug)]
struct Collector {
    agent: ureq::Agent,
    complained: Mutex<Option<Instant>>,
}

impl Collector {
    fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        Self { agent: config.into(), complained: Mutex::default() }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (parts, body) = request.into_parts();
        let (parts, mut body) = self.agent.run(Request::from_parts(parts, &body[..]))?.into_parts();
        let body = body.with_config().limit(LONGEST).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }

    /// Once in a while, however often it fails.
    fn complain(&self, why: &dyn std::fmt::Display) {
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.is_none_or(|at| at.elapsed() >= COMPLAIN) {
            *complained = Some(Instant::now());
            warn!(%why, "The collector does not take the traces");
        }
    }
}

#[async_trait::async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.send(request).inspect_err(|failed| self.complain(failed))?;
        if !response.status().is_success() {
            self.complain(&response.status());
        }
        Ok(response)
    }
}
