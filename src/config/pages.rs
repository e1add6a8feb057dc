//! Cross-origin requests of web pages.

use axum::http::HeaderName;
use url::Url;

use crate::cli::PageArgs;
use crate::http::Origins;

use super::Error;

/// Cross-origin settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pages {
    /// The allowed origins.
    pub origins: Origins,
    /// The allowed request headers, in addition to the usual ones.
    pub headers: Vec<HeaderName>,
}

impl Pages {
    /// Allows the origins in `args`, and every loopback origin if `loopback`.
    pub(super) fn new(args: &PageArgs, loopback: bool) -> Result<Self, Error> {
        let named = args.allowed_origin.iter().map(|text| origin(text)).collect::<Result<_, _>>()?;
        let headers = args.cors_header.iter().map(|name| header(name)).collect::<Result<_, _>>()?;
        Ok(Self { origins: Origins { named, loopback }, headers })
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
