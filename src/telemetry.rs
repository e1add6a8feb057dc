//! Where the log goes, and how it looks. Never a token, key, phone number or message text in it.

use std::io;
use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// How much is logged, and how it looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How a line looks.
    pub format: Format,
    /// Which lines: `info`, or by module, as in `info,chatgraph::session=debug`.
    pub filter: String,
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter does not parse.
    #[error("--log-filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// There is a log already.
    #[error("the log was set up twice")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends the log to standard error, so that standard output stays with what a command prints.
///
/// # Errors
/// [`Error`].
pub fn init(config: &Config) -> Result<(), Error> {
    let registry = tracing_subscriber::registry().with(EnvFilter::try_new(&config.filter)?);
    // Colours for a terminal only: in a file or a journal they are noise.
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    match config.format {
        Format::Text => registry.with(layer).try_init()?,
        Format::Json => registry.with(layer.json()).try_init()?,
    }
    Ok(())
}
