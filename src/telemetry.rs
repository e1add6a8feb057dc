//! Logging and tracing. No token, key, phone number or message text is logged.
//!
//! `library_filter` limits what dependencies can log, regardless of the filter; `redact` redacts numbers in the rest.
//! `panics` logs panics, and `traces` exports spans to a collector.

mod library_filter;
mod panics;
mod redact;
mod traces;

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use clap::Args;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::{
    EnvFilter, Layer as _,
    filter::{FilterExt as _, filter_fn},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

pub use traces::Config as Traces;

/// Timeout for exporting the last spans at shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// Text, for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Logging and tracing configuration, for every command.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Log")]
#[group(skip)]
pub struct Config {
    /// Log format
    #[arg(
        long = "log-format",
        global = true,
        env = "CHATGRAPH_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub format: Format,
    /// Log filter: error, warn, info, debug or trace, also by module, as in `info,chatgraph::session=debug`.
    /// Dependencies only log errors, except the statements of `sqlx::query`
    #[arg(
        long = "log-filter",
        global = true,
        env = "CHATGRAPH_LOG_FILTER",
        default_value = "error,chatgraph=info,chatgraph_sandbox=info",
        value_name = "FILTER"
    )]
    pub filter: String,
    /// Export traces to the OpenTelemetry collector at this URL, as in `http://127.0.0.1:4318` (OTLP over HTTP). The
    /// standard OpenTelemetry variables also apply: `OTEL_SERVICE_NAME`, `OTEL_EXPORTER_OTLP_HEADERS`,
    /// `OTEL_TRACES_SAMPLER`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_BSP_SCHEDULE_DELAY`
    #[arg(long = "otlp-endpoint", global = true, env = "CHATGRAPH_OTLP_ENDPOINT", value_name = "URL")]
    pub traces: Option<Traces>,
}

/// Error of the set-up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter does not parse.
    #[error("--log-filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter cannot be built.
    #[error("--otlp-endpoint: {0}")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The collector's address is not a URL.
    #[error("--otlp-endpoint: {0:?} is invalid: expected a URL such as http://127.0.0.1:4318")]
    Endpoint(String),
    /// Logging was already initialized.
    #[error("the tracing subscriber is already initialized")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Logging and tracing, until [`Telemetry::shut_down`].
#[must_use]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Exports the remaining spans, for at most five seconds. Blocks.
    pub fn shut_down(self) {
        if let Some(provider) = self.0 {
            // A failing export was already logged as a warning.
            drop(provider.shutdown_with_timeout(FLUSH_TIMEOUT));
        }
    }
}

/// Initializes logging to standard error, so that standard output contains only a command's output, and the export of
/// spans if a collector is configured.
///
/// # Errors
/// [`Error`].
pub fn init(config: &Config) -> Result<Telemetry, Error> {
    let filter = EnvFilter::try_new(&config.filter)?.and(filter_fn(library_filter::is_enabled));
    // Colours only on a terminal: they make files and journals unreadable.
    let log = tracing_subscriber::fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(redact::redacting(io::stderr));
    let log = match config.format {
        Format::Text => log.boxed(),
        Format::Json => log.json().boxed(),
    };
    if let Some(traces) = config.traces.as_ref().filter(|traces| !traces.has_url()) {
        return Err(Error::Endpoint(traces.endpoint.clone()));
    }
    let provider = config.traces.as_ref().map(traces::provider).transpose()?;
    let spans = provider.as_ref().map(traces::layer);
    tracing_subscriber::registry().with(log.with_filter(filter)).with(spans).try_init()?;
    // Only dependencies use `log`. Without this, each of their records is built before the filter rejects it.
    log::set_max_level(log::LevelFilter::Error);
    panics::log();
    Ok(Telemetry(provider))
}
