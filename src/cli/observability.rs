//! `serve`: monitoring.

use std::net::SocketAddr;

use clap::Args;

use super::listen;

/// Monitoring options.
#[derive(Debug, Args)]
#[command(next_help_heading = "Monitoring")]
pub struct ObservabilityArgs {
    /// Also serve Prometheus metrics at `/metrics` on the API listener, without authentication
    #[arg(long, env = "CHATGRAPH_METRICS", value_parser = clap::builder::FalseyValueParser::new())]
    pub metrics: bool,
    /// Address and port of a separate listener for `/metrics`, `/readyz` and `/healthz`, without authentication, as in
    /// `127.0.0.1:9090`
    #[arg(long, env = "CHATGRAPH_METRICS_LISTEN", value_parser = listen::address, value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
}
