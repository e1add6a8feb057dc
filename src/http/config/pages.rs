//! Cross-origin requests of web pages.

use axum::http::HeaderName;
use clap::Args;
use url::Url;

use super::{Config, Origins};
use crate::config::Error;

/// Cross-origin options.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cross-origin requests")]
#[group(skip)]
pub struct PageArgs {
    /// Origin of web pages that may use the API (CORS and WebSockets), as in `https://chat.example.org`; repeatable.
    /// The server's own origin is always allowed; `demo` also allows every loopback origin
    #[arg(long, env = "CHATGRAPH_ALLOWED_ORIGIN", value_delimiter = ',', value_name = "ORIGIN")]
    pub allowed_origin: Vec<String>,
    /// Request header to allow in CORS, in addition to the usual headers of GraphQL clients and tracers; repeatable
    #[arg(long, env = "CHATGRAPH_CORS_HEADER", value_delimiter = ',', value_name = "NAME")]
    pub cors_header: Vec<String>,
}

impl PageArgs {
    /// Allows these origins in `config`, and every loopback origin if `loopback`.
    ///
    /// # Errors
    /// [`Error`] if an origin or a header is invalid.
    pub fn apply(&self, loopback: bool, config: &mut Config) -> Result<(), Error> {
        let named = self.allowed_origin.iter().map(|text| origin(text)).collect::<Result<_, _>>()?;
        config.cors_headers = self.cors_header.iter().map(|name| header(name)).collect::<Result<_, _>>()?;
        config.origins = Origins { named, loopback };
        Ok(())
    }
}

/// Normalizes an origin to the form that browsers send: lower case, and without the default port.
fn origin(text: &str) -> Result<String, Error> {
    let wrong = |why: &str| Error::new("allowed-origin", format!("{text:?} is invalid: {why}"));
    if text.contains('*') {
        return Err(wrong("wildcards are not supported; repeat the option for each origin"));
    }
    let no_origin = || wrong("expected a scheme, a host and optionally a port, such as https://chat.example.org");
    let url = Url::parse(text).map_err(|_| no_origin())?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(no_origin());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("an origin has no path, query or fragment"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("an origin has no user name or password"));
    }
    Ok(url.origin().ascii_serialization())
}

fn header(name: &str) -> Result<HeaderName, Error> {
    // In Access-Control-Allow-Headers, `*` is a wildcard that does not cover `Authorization`.
    let name = Some(name).filter(|name| *name != "*").and_then(|name| name.parse().ok());
    name.ok_or_else(|| Error::new("cors-header", "expected the name of a header, such as x-tenant"))
}
