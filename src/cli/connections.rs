//! `serve`: what connections may take.

use clap::Args;

/// What connections may take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connections")]
pub struct ConnectionArgs {
    /// Connections at once, WebSockets among them, 1 to 1000000; a new one is refused beyond. The operating system's limit
    /// on open files has to be higher
    #[arg(long, env = "CHATGRAPH_MAX_CONNECTIONS", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub max_connections: u32,
    /// Connections at once from one address, 1 to 1000000. Behind a proxy all have the proxy's
    #[arg(long, env = "CHATGRAPH_MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "COUNT")]
    pub max_connections_per_address: u32,
    /// How long a connection may take to send a request's head, and be idle between two requests, 1 to 600
    #[arg(long, env = "CHATGRAPH_HEAD_TIMEOUT_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600), value_name = "SECONDS")]
    pub head_timeout_seconds: u32,
    /// How long a request's body may take to arrive, 1 to 600
    #[arg(long, env = "CHATGRAPH_BODY_TIMEOUT_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=600), value_name = "SECONDS")]
    pub body_timeout_seconds: u32,
}
