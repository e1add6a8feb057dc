//! `serve`: connection limits and timeouts.

use std::path::PathBuf;

use clap::Args;

/// Connection limits and timeouts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connections")]
pub struct ConnectionArgs {
    /// Maximum number of connections, including WebSockets, 1 to 1000000. Connections above the limit are closed at
    /// once. If the limit on open files is too low, the server raises it as far as possible, and lowers this limit if
    /// necessary
    #[arg(long, env = "CHATGRAPH_MAX_CONNECTIONS", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub max_connections: u32,
    /// Maximum number of connections per address (one /64 network for IPv6), 1 to 1000000. Connections of a trusted
    /// proxy are exempt; the requests and WebSockets that it forwards count for the client's address
    #[arg(long, env = "CHATGRAPH_MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub max_connections_per_address: u32,
    /// Maximum number of those without a valid token, 1 to 1000000
    #[arg(long, env = "CHATGRAPH_MAX_ANONYMOUS_CONNECTIONS_PER_ADDRESS", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub max_anonymous_connections_per_address: u32,
    /// Timeout for receiving the head of a request, and for the first request to begin, in seconds, 1 to 600
    #[arg(long, env = "CHATGRAPH_HEAD_TIMEOUT_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600), value_name = "SECONDS")]
    pub head_timeout_seconds: u32,
    /// Keep-alive timeout: how long a connection can be idle between two requests, in seconds, 1 to 3600
    #[arg(long, env = "CHATGRAPH_IDLE_TIMEOUT_SECONDS", default_value_t = 75, value_parser = clap::value_parser!(u32).range(1..=3_600), value_name = "SECONDS")]
    pub idle_timeout_seconds: u32,
    /// Timeout for receiving the body of a request, in seconds, 1 to 600
    #[arg(long, env = "CHATGRAPH_BODY_TIMEOUT_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=600), value_name = "SECONDS")]
    pub body_timeout_seconds: u32,
    /// Invalid tokens allowed per minute from one address (one /64 network for IPv6), 0 to 1000000; 0 disables the
    /// limit. Further invalid tokens get 429 for a minute. After 50 times as many, tokens are rejected without
    /// verification, unless they were recently valid
    #[arg(long, env = "CHATGRAPH_MAX_FAILED_TOKENS_PER_MINUTE", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=1_000_000), value_name = "COUNT")]
    pub max_failed_tokens_per_minute: u32,
    /// Address or network, as in `10.0.0.0/8`, of a reverse proxy in front of the server; repeatable. The client's
    /// address is read from the X-Forwarded-For header of these proxies; the header is ignored in other requests
    #[arg(long, env = "CHATGRAPH_TRUSTED_PROXIES", value_delimiter = ',', value_name = "NETWORK")]
    pub trusted_proxies: Vec<String>,
    /// Serve TLS 1.2 and 1.3 with the certificate chain in this PEM file, the server's certificate first; needs
    /// --tls-key. SIGHUP reloads both files
    #[arg(long, env = "CHATGRAPH_TLS_CERTIFICATE", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// Private key of the certificate, in PEM; needs --tls-certificate
    #[arg(long, env = "CHATGRAPH_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}
