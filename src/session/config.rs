//! Configuration of session connections: endpoint, timeouts, retries.

use std::{fmt, net::IpAddr, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::{Args, ValueEnum};
use http::Uri;

use crate::{config::Error, domain::clock::DAY_MS};

/// Server that a session connects to.
#[derive(Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// WhatsApp itself, with full certificate validation.
    WhatsApp,
    /// A sandbox server on this machine.
    Sandbox {
        /// `http://127.0.0.1:PORT`, with the WebSocket at `/ws/chat` and encrypted files under `/media`.
        url: String,
        /// The sandbox's static public key, which replaces WhatsApp's certificates.
        key: [u8; 32],
    },
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WhatsApp => f.write_str("WhatsApp"),
            Self::Sandbox { url, .. } => f.debug_struct("Sandbox").field("url", url).finish_non_exhaustive(),
        }
    }
}

/// The sandbox to connect to, if any.
#[derive(Debug, Args)]
#[group(skip)]
pub struct SandboxArgs {
    /// Connect every session to the sandbox at this loopback URL instead of WhatsApp; needs --sandbox-key
    #[arg(long, env = "CHATGRAPH_SANDBOX_URL", value_name = "URL")]
    pub sandbox_url: Option<String>,
    /// The sandbox's public key, as it prints it at startup; needs --sandbox-url
    #[arg(long, env = "CHATGRAPH_SANDBOX_KEY", value_name = "KEY")]
    pub sandbox_key: Option<String>,
}

impl SandboxArgs {
    /// Returns the server that sessions connect to. A sandbox has no authentication, so it must be on this machine.
    ///
    /// # Errors
    /// [`Error`] if a flag is missing or invalid.
    pub fn endpoint(self) -> Result<Endpoint, Error> {
        let (url, key) = match (self.sandbox_url, self.sandbox_key) {
            (None, None) => return Ok(Endpoint::WhatsApp),
            (Some(_), None) => return Err(Error::new("sandbox-key", "is required with --sandbox-url")),
            (None, Some(_)) => return Err(Error::new("sandbox-url", "is required with --sandbox-key")),
            (Some(url), Some(key)) => (url, key),
        };
        let wrong = || Error::new("sandbox-url", "expected http://127.0.0.1:PORT, or another loopback host");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let host = uri.host().ok_or_else(wrong)?.trim_matches(['[', ']']);
        let loopback = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        if uri.scheme_str() != Some("http") || !loopback || uri.path() != "/" || uri.query().is_some() {
            return Err(wrong());
        }
        let key = URL_SAFE_NO_PAD.decode(&key).ok().and_then(|key| key.try_into().ok());
        let key = key.ok_or_else(|| Error::new("sandbox-key", "expected the 43 characters that the sandbox prints"))?;
        Ok(Endpoint::Sandbox { url: url.trim_end_matches('/').to_owned(), key })
    }
}

/// Extent of the history that an account imports when it is paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Args)]
#[command(next_help_heading = "Retention and history")]
#[group(skip)]
pub struct History {
    /// History to request from the phone when it is paired. WhatsApp Web requests `recent`, some months; WhatsApp for
    /// Windows requests `full`, a year
    #[arg(long = "history", env = "CHATGRAPH_HISTORY", default_value = "recent", value_name = "DEPTH")]
    pub depth: HistoryDepth,
    /// Skip messages of the history that are older than this many days, 0 to 3650. Chats and their settings are
    /// imported in any case. Without this option, all messages that the phone sends are imported
    #[arg(long = "history-days", env = "CHATGRAPH_HISTORY_DAYS", value_parser = clap::value_parser!(u32).range(0..=3_650), value_name = "DAYS")]
    pub days: Option<u32>,
}

/// Amount of history to request from a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum HistoryDepth {
    /// Some months
    #[default]
    Recent,
    /// A year
    Full,
}

impl History {
    /// Returns the oldest time of an imported message, in milliseconds.
    #[must_use]
    pub fn since(self, now: i64) -> Option<i64> {
        self.days.map(|days| now - i64::from(days) * DAY_MS)
    }
}

/// Configuration of session connections.
#[derive(Debug, Clone)]
pub struct Config {
    /// Server to connect to.
    pub endpoint: Endpoint,
    /// Extent of the history import.
    pub history: History,
    /// Time limit for a connection to catch up or to show a pairing code. Longer than the 180 s that WhatsApp's first
    /// sync may take.
    pub connect_timeout: Duration,
    /// Time limit for pairing with a typed code after the last QR code. Longer than the 180 s for which such a code is
    /// valid plus the 60 s that linking may take.
    pub last_code_timeout: Duration,
    /// Time limit for WhatsApp to accept one setting.
    pub action_timeout: Duration,
    /// Time limit for fetching one app-state collection.
    pub sync_timeout: Duration,
    /// Time limit for one HTTP exchange: a file of history or of app state.
    pub http_timeout: Duration,
    /// Time limit for a disconnect, after which the connection is aborted.
    pub disconnect_timeout: Duration,
    /// Time limit for the commit of a message, after which it is not acknowledged.
    pub commit_timeout: Duration,
    /// Backoff for reconnecting after an unacknowledged message, so that WhatsApp sends it again: from this…
    pub redelivery_base: Duration,
    /// …up to this.
    pub redelivery_max: Duration,
    /// Backoff between connections, with full jitter: from this…
    pub reconnect_base: Duration,
    /// …up to this.
    pub reconnect_max: Duration,
    /// Maximum backoff after a connection that had caught up, however briefly.
    pub reconnect_eased: Duration,
    /// Time after which a connection that has caught up resets the backoff.
    pub stable_after: Duration,
    /// Backoff after WhatsApp rejected the connection, or a task of the session failed: from this…
    pub refused_base: Duration,
    /// …up to this.
    pub refused_max: Duration,
    /// Backoff for reading an inconsistent app-state collection from its start: from this…
    pub repair_base: Duration,
    /// …up to this.
    pub repair_max: Duration,
    /// Backoff after a pending action failed: from this…
    pub action_retry_base: Duration,
    /// …up to this.
    pub action_retry_max: Duration,
    /// Polling interval of the pending actions.
    pub pending_poll: Duration,
}

impl Config {
    /// Creates the configuration for `endpoint`, with timeouts that suit the real WhatsApp.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            history: History::default(),
            connect_timeout: Duration::from_mins(4),
            last_code_timeout: Duration::from_mins(5),
            action_timeout: Duration::from_secs(20),
            sync_timeout: Duration::from_secs(30),
            http_timeout: Duration::from_mins(2),
            disconnect_timeout: Duration::from_secs(15),
            commit_timeout: Duration::from_mins(1),
            redelivery_base: Duration::from_secs(10),
            redelivery_max: Duration::from_mins(15),
            reconnect_base: Duration::from_secs(1),
            reconnect_max: Duration::from_mins(1),
            reconnect_eased: Duration::from_secs(8),
            stable_after: Duration::from_mins(1),
            refused_base: Duration::from_secs(5),
            refused_max: Duration::from_mins(15),
            repair_base: Duration::from_secs(1),
            repair_max: Duration::from_mins(15),
            action_retry_base: Duration::from_secs(1),
            action_retry_max: Duration::from_mins(1),
            pending_poll: Duration::from_secs(30),
        }
    }
}
