//! `serve`: for whoever watches the server.

use std::net::SocketAddr;

use clap::Args;

use super::listen;

/// For whoever watches the server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Watching")]
pub struct WatchingArgs {
    /// Tell the figures for Prometheus at `/metrics` on the address of the API too: to anybody who reaches it, without a
    /// token
    #[arg(long, env = "CHATGRAPH_METRICS", value_parser = clap::builder::FalseyValueParser::new())]
    pub metrics: bool,
    /// Address and port of a listener of its own for `/metrics`, `/readyz` and `/healthz`, as in `127.0.0.1:9090`. None
    /// asks for a token there
    #[arg(long, env = "CHATGRAPH_METRICS_LISTEN", value_parser = listen::address, value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
}
