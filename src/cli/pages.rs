//! `serve` and `demo`: cross-origin requests of web pages.

use clap::Args;

/// Cross-origin options.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cross-origin requests")]
pub struct PageArgs {
    /// Origin of web pages that may use the API (CORS and WebSockets), as in `https://chat.example.org`; repeatable.
    /// The server's own origin is always allowed; `demo` also allows every loopback origin
    #[arg(long, env = "CHATGRAPH_ALLOWED_ORIGIN", value_delimiter = ',', value_name = "ORIGIN")]
    pub allowed_origin: Vec<String>,
    /// Request header to allow in CORS, in addition to the usual headers of GraphQL clients and tracers; repeatable
    #[arg(long, env = "CHATGRAPH_CORS_HEADER", value_delimiter = ',', value_name = "NAME")]
    pub cors_header: Vec<String>,
}
