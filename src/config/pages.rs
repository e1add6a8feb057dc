//! Web pages of other origins.

use axum::http::HeaderName;
use url::Url;

use crate::cli::PageArgs;
use crate::http::Origins;

use super::Error;

/// What pages of other origins may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pages {
    /// The origins whose pages may come in.
    pub origins: Origins,
    /// The headers that they may send besides the usual ones.
    pub headers: Vec<HeaderName>,
}

impl Pages {
    /// The pages of the origins in `args`, and those of any loopback origin if `loopback`.
    pub(super) fn new(args: &PageArgs, loopback: bool) -> Result<Self, Error> {
        let named = args.allowed_origin.iter().map(|text| origin(text)).collect::<Result<_, _>>()?;
        let headers = args.cors_header.iter().map(|name| header(name)).collect::<Result<_, _>>()?;
        Ok(Self { origins: Origins { named, loopback }, headers })
    }
}

/// An origin as browsers send it: scheme, host and port, lower case, without the scheme's own port, nothing behind.
fn origin(text: &str) -> Result<String, Error> {
    let wrong = |why: &str| Error::new("allowed-origin", format!("{text:?} never matches: {why}"));
    if text.contains('*') {
        return Err(wrong("there are no wildcards; repeat the option for each origin"));
    }
    let no_origin = || wrong("an origin is a scheme, a host and perhaps a port, such as https://chat.example.org");
    let url = Url::parse(text).map_err(|_| no_origin())?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(no_origin());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("browsers send nothing behind the port"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("browsers send no user name"));
    }
    Ok(url.origin().ascii_serialization())
}

fn header(name: &str) -> Result<HeaderName, Error> {
    // Browsers take `*` for no header by which a client is known.
    let name = Some(name).filter(|name| *name != "*").and_then(|name| name.parse().ok());
    name.ok_or_else(|| Error::new("cors-header", "must be the name of a header, such as x-tenant"))
}
