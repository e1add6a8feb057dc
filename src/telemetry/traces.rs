//! Exports spans to a collector by OTLP over HTTP. A separate thread sends them in batches, so nothing waits for the
//! collector. While it is unavailable, spans beyond the queue's capacity are dropped.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::Uri;
use opentelemetry::{Key, trace::TracerProvider as _};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::{Subscriber, warn};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

use super::library_filter;

/// Export timeout, shorter than the timeout at shutdown.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(4);
/// Minimum interval between warnings about failed exports.
const COMPLAINT_INTERVAL: Duration = Duration::from_mins(1);
/// Maximum size of the collector's response, in bytes.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024;
/// Spans that last as long as a session: spans below them start traces of their own.
const LONG_LIVED_SPANS: [&str; 2] = ["session", "inbound"];

/// Export of traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// URL of the collector, as in `http://127.0.0.1:4318`.
    pub endpoint: String,
}

impl From<String> for Config {
    fn from(endpoint: String) -> Self {
        Self { endpoint }
    }
}

impl Config {
    /// Returns whether the URL is valid for HTTP requests.
    pub(super) fn has_url(&self) -> bool {
        let url = self.endpoint.parse::<Uri>();
        url.is_ok_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some())
    }
}

/// Creates the provider that exports spans.
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
    // The library reads OTEL_SERVICE_NAME itself.
    let mut resource = Resource::builder().build();
    if unnamed(&resource) {
        resource = Resource::builder().with_service_name("chatgraph").build();
    }
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// Returns the layer that exports our own spans, without events and without spans of other crates.
pub(super) fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let ours = filter_fn(|metadata| {
        metadata.is_span() && library_filter::is_ours(metadata.target()) && !LONG_LIVED_SPANS.contains(&metadata.name())
    });
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("chatgraph"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_target(false)
        .with_filter(ours)
}

/// HTTP client for the exporter, built on the client that also fetches key sets. It blocks only the exporter's own
/// thread.
#[derive(Debug)]
struct Collector {
    agent: ureq::Agent,
    complained: Mutex<Option<Instant>>,
}

impl Collector {
    fn new() -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(EXPORT_TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        Self { agent: config.into(), complained: Mutex::default() }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (parts, body) = request.into_parts();
        let (parts, mut body) = self.agent.run(Request::from_parts(parts, &body[..]))?.into_parts();
        let body = body.with_config().limit(MAX_RESPONSE_BYTES).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }

    /// Logs a failed export, at most once a minute.
    fn complain(&self, why: &dyn std::fmt::Display) {
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.is_none_or(|at| at.elapsed() >= COMPLAINT_INTERVAL) {
            *complained = Some(Instant::now());
            warn!(%why, "Exporting traces failed");
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
