//! Where the log and the traces go, and how they look. Never a token, key, phone number or message text in them.
//!
//! `ceiling` bounds what the libraries below may say, whatever filter is asked for, and `mask` what is left of that;
//! `panics` puts a panic into the log; `traces` sends spans to a collector.

mod ceiling;
mod mask;
mod panics;
mod traces;

use std::io;
use std::io::IsTerminal as _;
use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::FilterExt as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use traces::Config as Traces;

/// How long the last spans may take to reach the collector when the process ends.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// How much is logged, how it looks, and where traces go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How a line looks.
    pub format: Format,
    /// Which lines: `info`, or by module, as in `info,chatgraph::session=debug`.
    pub filter: String,
    /// Where traces go, if anywhere.
    pub traces: Option<Traces>,
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter does not parse.
    #[error("--log-filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The collector's address is none.
    #[error("--otlp-endpoint: {0}")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The collector's address is not a URL.
    #[error("--otlp-endpoint: {0:?} is not a URL such as http://127.0.0.1:4318")]
    Endpoint(String),
    /// There is a log already.
    #[error("the log was set up twice")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// The log and the traces, until [`Telemetry::shut_down`].
#[must_use]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Sends the spans that still wait, for five seconds at most. Blocks.
    pub fn shut_down(self) {
        if let Some(provider) = self.0 {
            // A collector that does not take them was warned of already.
            drop(provider.shutdown_with_timeout(LAST_WORDS));
        }
    }
}

/// Sends the log to standard error, so that standard output stays with what a command prints, and spans to the collector,
/// where there is one.
///
/// # Errors
/// [`Error`].
pub fn init(config: &Config) -> Result<Telemetry, Error> {
    let filter = EnvFilter::try_new(&config.filter)?.and(filter_fn(ceiling::lets_through));
    // Colours for a terminal only: in a file or a journal they are noise.
    let log =
        tracing_subscriber::fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(mask::masking(io::stderr));
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
    panics::log();
    Ok(Telemetry(provider))
}
