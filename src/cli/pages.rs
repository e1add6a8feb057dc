//! `serve` and `demo`: web pages of other origins.

use clap::Args;

/// Web pages of other origins.
#[derive(Debug, Args)]
#[command(next_help_heading = "Web pages")]
pub struct PageArgs {
    /// Origin of web pages that may open WebSockets here and read answers, as in `https://chat.example.org`; may be
    /// repeated. Pages of the server's own origin always may, and those of any loopback origin if this is a demo
    #[arg(long, env = "CHATGRAPH_ALLOWED_ORIGIN", value_delimiter = ',', value_name = "ORIGIN")]
    pub allowed_origin: Vec<String>,
    /// Header that those pages may send besides the usual ones of GraphQL clients and tracers; may be repeated
    #[arg(long, env = "CHATGRAPH_CORS_HEADER", value_delimiter = ',', value_name = "NAME")]
    pub cors_header: Vec<String>,
}
