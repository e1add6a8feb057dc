//! `serve`: what connections may take.

use std::path::PathBuf;

use clap::Args;

/// What connections may take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connections")]
pub struct ConnectionArgs {
    /// Connections at once, WebSockets among them, 1 to 1000000; a new one is refused beyond. If the limit on open files is
    /// too low for them, it is raised as far as possible, and this is lowered
    #[arg(long, env = "CHATGRAPH_MAX_CONNECTIONS", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub max_connections: u32,
    /// Connections at once from one address (an IPv6 network of 64 bits), 1 to 1000000. A trusted proxy has no such limit;
    /// the requests and WebSockets that it passes on count for the client's address
    #[arg(long, env = "CHATGRAPH_MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub max_connections_per_address: u32,
    /// How many of those may be without a valid token, 1 to 1000000
    #[arg(long, env = "CHATGRAPH_MAX_ANONYMOUS_CONNECTIONS_PER_ADDRESS", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub max_anonymous_connections_per_address: u32,
    /// How long a connection may take to send a request's head, and before the first one to begin it, 1 to 600
    #[arg(long, env = "CHATGRAPH_HEAD_TIMEOUT_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600), value_name = "SECONDS")]
    pub head_timeout_seconds: u32,
    /// How long a connection may be idle between two requests, 1 to 3600
    #[arg(long, env = "CHATGRAPH_IDLE_TIMEOUT_SECONDS", default_value_t = 75, value_parser = clap::value_parser!(u32).range(1..=3_600), value_name = "SECONDS")]
    pub idle_timeout_seconds: u32,
    /// How long a request's body may take to arrive, 1 to 600
    #[arg(long, env = "CHATGRAPH_BODY_TIMEOUT_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=600), value_name = "SECONDS")]
    pub body_timeout_seconds: u32,
    /// Tokens from one address (an IPv6 network of 64 bits) that may be invalid in a minute, 0 to 1000000, before further invalid
    /// ones are answered with 429 for a minute; 0 is any number. After 50 times as many, tokens are not verified, unless they
    /// were valid lately
    #[arg(long, env = "CHATGRAPH_MAX_FAILED_TOKENS_PER_MINUTE", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=1_000_000), value_name = "COUNT")]
    pub max_failed_tokens_per_minute: u32,
    /// Address or network, as in `10.0.0.0/8`, of a proxy in front of the server: where a request comes from is then read
    /// from its X-Forwarded-For. May be repeated. From anybody else that header is not read
    #[arg(long, env = "CHATGRAPH_TRUSTED_PROXIES", value_delimiter = ',', value_name = "NETWORK")]
    pub trusted_proxies: Vec<String>,
    /// Encrypt connections (TLS 1.2 and 1.3) with the certificate in this PEM file, behind it those up to one that callers know;
    /// needs --tls-key. SIGHUP reads both files anew
    #[arg(long, env = "CHATGRAPH_TLS_CERTIFICATE", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key, in PEM; needs --tls-certificate
    #[arg(long, env = "CHATGRAPH_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}
