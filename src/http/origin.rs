//! Origins of web pages. Browsers allow any page to open WebSockets to any server, from the user's network, so pages of
//! other origins are rejected.

use std::net::IpAddr;

use axum::http::{
    HeaderMap, HeaderValue,
    header::{HOST, ORIGIN},
};
use url::{Host, Url};

/// The allowed origins, in addition to the server's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins {
    /// Origins in the form that browsers send: `https://chat.example.org`.
    pub named: Vec<String>,
    /// Allows loopback origins, with any port.
    pub loopback: bool,
}

/// Returns whether a request may open a WebSocket. Clients other than browsers send no origin.
pub(super) fn is_handshake_allowed(headers: &HeaderMap, origins: &Origins) -> bool {
    headers.get(ORIGIN).is_none_or(|origin| is_allowed(origin, origins) || is_own(origin, headers))
}

/// Returns whether the configuration allows this origin.
pub(super) fn is_allowed(origin: &HeaderValue, origins: &Origins) -> bool {
    let Some(origin) = text(origin) else { return false };
    origins.named.contains(&origin) || (origins.loopback && is_loopback(&origin))
}

/// Returns whether this is the server's own origin, as the browser reaches it.
pub(super) fn is_own(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(text);
    let origin = text(origin);
    let authority = origin.as_deref().and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    authority.is_some() && authority == host.as_deref()
}

fn text(value: &HeaderValue) -> Option<String> {
    value.to_str().ok().map(str::to_ascii_lowercase)
}

fn is_loopback(origin: &str) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    let host = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    };
    host && ["http", "https"].contains(&url.scheme())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(origin: Option<&'static str>, loopback: bool) -> bool {
        let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("api.example.org:8080"))]);
        headers.extend(origin.map(|origin| (ORIGIN, HeaderValue::from_static(origin))));
        is_handshake_allowed(&headers, &Origins { named: vec!["https://chat.example.org".into()], loopback })
    }

    #[test]
    fn a_client_without_an_origin_is_allowed() {
        assert!(is_allowed(None, false));
    }

    #[test]
    fn a_page_is_welcome_when_it_is_ours_or_was_named() {
        assert!(is_allowed(Some("https://chat.example.org"), false));
        assert!(is_allowed(Some("HTTPS://Chat.Example.org"), false));
        assert!(is_allowed(Some("http://api.example.org:8080"), false));
    }

    #[test]
    fn any_other_page_is_not() {
        for origin in
            ["null", "", "https://example.org", "https://chat.example.org.evil.example", "http://api.example.org"]
        {
            assert!(!is_allowed(Some(origin), false), "{origin}");
            assert!(!is_allowed(Some(origin), true), "{origin}");
        }
    }

    #[test]
    fn pages_of_this_machine_are_welcome_where_that_is_wanted() {
        for origin in ["http://localhost:5173", "http://127.0.0.1", "https://[::1]:3000", "http://app.localhost:3000"] {
            assert!(is_allowed(Some(origin), true), "{origin}");
            assert!(!is_allowed(Some(origin), false), "{origin}");
        }
        for origin in ["http://localhost.example.org", "http://notlocalhost", "http://10.0.0.1:3000", "ftp://localhost"]
        {
            assert!(!is_allowed(Some(origin), true), "{origin}");
        }
    }
}
