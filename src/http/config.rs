//! Configuration of the HTTP layer: requests, connections, and web pages of other origins.

mod pages;

use std::{path::PathBuf, time::Duration};

use axum::http::HeaderName;
use clap::Args;

use super::{client_ip::Network, origin::Origins, tls::CertificateFiles};
use crate::config::{self, Error};

pub use pages::PageArgs;

/// HTTP settings.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Connections")]
#[group(skip)]
pub struct Config {
    /// Timeout for receiving the body of a request, in seconds, 1 to 600
    #[arg(long = "body-timeout-seconds", env = "CHATGRAPH_BODY_TIMEOUT_SECONDS", default_value = "30", value_parser = config::seconds(1..=600), value_name = "SECONDS")]
    pub body_timeout: Duration,
    /// Allowed origins of web pages, in addition to the server's own.
    #[arg(skip)]
    pub origins: Origins,
    /// Allowed request headers of those pages, in addition to the usual ones.
    #[arg(skip)]
    pub cors_headers: Vec<HeaderName>,
    /// Proxies whose `X-Forwarded-For` header is trusted.
    #[arg(skip)]
    pub trusted_proxies: Vec<Network>,
    /// Maximum size of a request body or WebSocket message, in bytes.
    #[arg(skip = 1024_usize * 1024)]
    pub max_body: usize,
    /// Maximum size of a WebSocket message before the client has sent a valid token, in bytes. A login token has at
    /// most 8 KiB.
    #[arg(skip = 16_usize * 1024)]
    pub max_init: usize,
    /// Maximum number of operations in a batch.
    #[arg(skip = 10_usize)]
    pub max_batch: usize,
    /// Timeout for receiving a WebSocket's `connection_init`.
    #[arg(skip = Duration::from_secs(10))]
    pub init_timeout: Duration,
    /// Interval between pings on a WebSocket, and between keep-alives on a stream.
    #[arg(skip = Duration::from_secs(12))]
    pub heartbeat: Duration,
    /// Timeout for the response to a ping. The WebSocket is closed at the first ping due after it.
    #[arg(skip = Duration::from_secs(20))]
    pub silence: Duration,
    /// Interval between verifications of a WebSocket's token, which is also verified when it expires. Together with the
    /// cache lifetime of a verified key, it is below the 10 seconds after which a revoked key is rejected.
    #[arg(skip = Duration::from_secs(5))]
    pub verify: Duration,
    /// Timeout for sending a message on a WebSocket or stream.
    #[arg(skip = Duration::from_secs(30))]
    pub write_timeout: Duration,
    /// Maximum number of operations on one WebSocket.
    #[arg(skip = 100_usize)]
    pub max_operations: usize,
    /// Maximum number of messages per second on one WebSocket, averaged over ten seconds.
    #[arg(skip = 50_u32)]
    pub max_messages: u32,
    /// Period over which WebSockets and streams are closed when the server stops.
    #[arg(skip = Duration::from_secs(2))]
    pub drain_window: Duration,
    /// The GraphiQL page, if it is served.
    #[arg(skip)]
    pub graphiql: Option<Invitations>,
    /// Serves `/metrics` without authentication.
    #[arg(skip)]
    pub figures: bool,
}

impl Default for Config {
    fn default() -> Self {
        config::defaults()
    }
}

/// Treatment of links to the GraphiQL page that contain an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invitations {
    /// Any site can create them, so the page asks before it accepts the key.
    Ask,
    /// The page accepts the key: a demo prints such a link.
    Trusted,
}

/// Limits and timeouts of connections.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Connections")]
#[group(skip)]
pub struct ConnectionConfig {
    /// Maximum number of connections, including WebSockets, 1 to 1000000. Connections above the limit are closed at
    /// once. If the limit on open files is too low, the server raises it as far as possible, and lowers this limit if
    /// necessary
    #[arg(long = "max-connections", env = "CHATGRAPH_MAX_CONNECTIONS", default_value_t = 10_000, value_parser = config::count(1..=1_000_000), value_name = "COUNT")]
    pub connections: usize,
    /// Maximum number of connections per address (one /64 network for IPv6), 1 to 1000000. Connections of a trusted
    /// proxy are exempt; the requests and WebSockets that it forwards count for the client's address
    #[arg(long = "max-connections-per-address", env = "CHATGRAPH_MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 2_000, value_parser = config::count(1..=1_000_000), value_name = "COUNT")]
    pub connections_per_address: usize,
    /// Maximum number of connections per address without a valid token, 1 to 1000000
    #[arg(long = "max-anonymous-connections-per-address", env = "CHATGRAPH_MAX_ANONYMOUS_CONNECTIONS_PER_ADDRESS", default_value_t = 200, value_parser = config::count(1..=1_000_000), value_name = "COUNT")]
    pub anonymous_per_address: usize,
    /// Timeout for receiving the head of a request, and for the first request to begin, in seconds, 1 to 600
    // It begins with the first byte of a head; for the first request, with the connection.
    #[arg(long = "head-timeout-seconds", env = "CHATGRAPH_HEAD_TIMEOUT_SECONDS", default_value = "10", value_parser = config::seconds(1..=600), value_name = "SECONDS")]
    pub head_timeout: Duration,
    /// Keep-alive timeout: how long a connection can be idle between two requests, in seconds, 1 to 3600
    #[arg(long = "idle-timeout-seconds", env = "CHATGRAPH_IDLE_TIMEOUT_SECONDS", default_value = "75", value_parser = config::seconds(1..=3_600), value_name = "SECONDS")]
    pub idle_timeout: Duration,
    /// Trusted proxies, which are exempt from the limits per address. Their clients are counted instead.
    #[arg(skip)]
    pub trusted_proxies: Vec<Network>,
    /// Open files held in reserve to accept connections when the process has reached its limit.
    #[arg(skip)]
    pub spare_files: usize,
    /// Write timeout while the peer does not read.
    #[arg(skip = Duration::from_secs(30))]
    pub write_timeout: Duration,
    /// Maximum number of headers of a request.
    #[arg(skip = 64_usize)]
    pub headers: usize,
    /// Maximum size of a request head, in bytes.
    #[arg(skip = 32_usize * 1024)]
    pub head: usize,
    /// Maximum number of concurrent requests on an HTTP/2 connection.
    #[arg(skip = 100_u32)]
    pub streams: u32,
    /// Maximum number of HTTP/2 frames per second without a request or data, averaged over ten seconds. Frames in
    /// response to received data are exempt.
    #[arg(skip = 50_u32)]
    pub control_frames: u32,
    /// Interval between pings on an HTTP/2 connection, and timeout for the response.
    #[arg(skip = Duration::from_secs(20))]
    pub heartbeat: Duration,
    /// Timeout for running requests when the server stops.
    #[arg(skip = Duration::from_secs(4))]
    pub drain: Duration,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        config::defaults()
    }
}

/// Trusted proxies.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connections")]
#[group(skip)]
pub struct ProxyArgs {
    /// Address or network, as in `10.0.0.0/8`, of a reverse proxy in front of the server; repeatable. The client's
    /// address is read from the X-Forwarded-For header of these proxies; the header is ignored in other requests
    #[arg(long, env = "CHATGRAPH_TRUSTED_PROXIES", value_delimiter = ',', value_name = "NETWORK")]
    pub trusted_proxies: Vec<String>,
}

impl ProxyArgs {
    /// Parses the networks.
    ///
    /// # Errors
    /// [`Error`] if one is invalid.
    pub fn networks(&self) -> Result<Vec<Network>, Error> {
        let wrong = |text: &String| {
            Error::new(
                "trusted-proxies",
                format!("{text:?} is invalid: expected an address, or a network such as 10.0.0.0/8"),
            )
        };
        self.trusted_proxies.iter().map(|text| text.parse().map_err(|_| wrong(text))).collect()
    }
}

/// TLS files.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connections")]
#[group(skip)]
pub struct TlsArgs {
    /// Serve TLS 1.2 and 1.3 with the certificate chain in this PEM file, the server's certificate first; needs
    /// --tls-key. SIGHUP reloads both files
    #[arg(long, env = "CHATGRAPH_TLS_CERTIFICATE", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// Private key of the certificate, in PEM; needs --tls-certificate
    #[arg(long, env = "CHATGRAPH_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

impl TlsArgs {
    /// Returns both files; `None` for plain HTTP.
    ///
    /// # Errors
    /// [`Error`] if only one is set.
    pub fn files(self) -> Result<Option<CertificateFiles>, Error> {
        match (self.tls_certificate, self.tls_key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(CertificateFiles { certificate, key })),
            (Some(_), None) => Err(Error::new("tls-key", "is required with --tls-certificate")),
            (None, Some(_)) => Err(Error::new("tls-certificate", "is required with --tls-key")),
        }
    }
}
